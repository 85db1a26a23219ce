"""Makes the scene of `flamenco demo`: a fan that opens and closes while a ball rolls past.

Run it with Blender, not with Python:

    blender --background --factory-startup --python scripts/make_demo_scene.py -- flamenco/demo/fan.blend

Take the oldest Blender that the demo shall run with (3.4): files open in newer versions, not in older ones. The scene
is small on purpose: no textures, no denoiser (some distributions build Blender without), half a second a frame.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy

FRAMES = 24
FPS = 12
BLADES = 13
OPEN_FRAME = 14
OPEN_ANGLE = math.radians(156)
CLOSED_ANGLE = math.radians(14)
PIVOT_HEIGHT = 0.25


def main(path: str) -> None:
    """Build the scene and save it, compressed, as `path`."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    for brush in list(bpy.data.brushes):
        bpy.data.brushes.remove(brush)
    scene = bpy.context.scene
    scene.name = "Fan"
    add_floor()
    add_fan()
    add_ball()
    add_light_and_camera(scene)
    set_render(scene)
    bpy.context.preferences.filepaths.save_version = 0  # no fan.blend1 beside it
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(path).resolve()), compress=True, check_existing=False)


def material(
    name: str, colour: tuple[float, float, float], roughness: float, metallic: float = 0.0
) -> bpy.types.Material:
    """A plain surface."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    surface = made.node_tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*colour, 1.0)
    surface.inputs["Roughness"].default_value = roughness
    surface.inputs["Metallic"].default_value = metallic
    return made


def add_floor() -> None:
    """A floor for shadows to fall on."""
    bpy.ops.mesh.primitive_plane_add(size=60)
    bpy.context.object.name = "Floor"
    bpy.context.object.data.materials.append(material("Floor", (0.09, 0.11, 0.16), 0.6))


def add_fan() -> None:
    """Blades that share a pivot, open like a hand of cards, and close again."""
    inner, outer = (0.75, 0.02, 0.09), (1.0, 0.35, 0.10)
    for index in range(BLADES):
        side = index / (BLADES - 1) - 0.5
        mix = abs(side) * 2
        colour = tuple(a + (b - a) * mix for a, b in zip(inner, outer, strict=True))
        mesh = bpy.data.meshes.new(f"Blade {index + 1}")
        mesh.from_pydata(*blade_shape())
        blade = bpy.data.objects.new(mesh.name, mesh)
        bpy.context.collection.objects.link(blade)
        blade.data.materials.append(material(blade.name, colour, 0.35))
        blade.location = (0.0, 0.035 * index, PIVOT_HEIGHT)
        for frame, angle in ((1, CLOSED_ANGLE), (OPEN_FRAME, OPEN_ANGLE), (FRAMES + 1, CLOSED_ANGLE)):
            blade.rotation_euler.y = side * angle
            blade.keyframe_insert("rotation_euler", index=1, frame=frame)
        repeat(blade)


def blade_shape() -> tuple[list[tuple[float, float, float]], list[tuple[int, int]], list[tuple[int, ...]]]:
    """Vertices, no edges, and faces of one blade that stands on its narrow end."""
    outline = [(-0.06, 0.0), (0.06, 0.0), (0.27, 2.2), (0.0, 2.45), (-0.27, 2.2)]
    thickness = 0.02
    front = [(x, 0.0, z) for x, z in outline]
    back = [(x, thickness, z) for x, z in outline]
    count = len(outline)
    sides = [(i, (i + 1) % count, count + (i + 1) % count, count + i) for i in range(count)]
    return front + back, [], [tuple(range(count)), tuple(reversed(range(count, 2 * count))), *sides]


def add_ball() -> None:
    """A mirror ball that rolls through the picture at an even pace, so that no two frames are alike."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=32, ring_count=16, radius=0.42)
    ball = bpy.context.object
    ball.name = "Ball"
    bpy.ops.object.shade_smooth()
    ball.data.materials.append(material("Ball", (0.9, 0.9, 0.92), 0.08, 1.0))
    for frame, x in ((1, -3.1), (FRAMES + 1, 3.1)):
        ball.location = (x, -1.3, 0.42)
        ball.keyframe_insert("location", frame=frame)
    for curve in ball.animation_data.action.fcurves:
        for key in curve.keyframe_points:
            key.interpolation = "LINEAR"
    repeat(ball)


def repeat(thing: bpy.types.Object) -> None:
    """Go on moving for ever, so that any number of frames may be rendered."""
    for curve in thing.animation_data.action.fcurves:
        curve.modifiers.new("CYCLES")


def add_light_and_camera(scene: bpy.types.Scene) -> None:
    """One large lamp, a dim sky, and a camera that sees it all."""
    lamp = bpy.data.lights.new("Key", "AREA")
    lamp.energy, lamp.size = 620.0, 4.0
    place(scene, bpy.data.objects.new("Key", lamp), (-3.2, -4.2, 5.2), (math.radians(43), 0.0, math.radians(-36)))
    world = bpy.data.worlds.new("Sky")
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.16, 0.22, 0.34, 1.0)
    scene.world = world
    camera = bpy.data.cameras.new("Camera")
    camera.lens = 42.0
    scene.camera = place(scene, bpy.data.objects.new("Camera", camera), (0.0, -8.2, 1.9), (math.radians(86), 0.0, 0.0))


def place(
    scene: bpy.types.Scene, thing: bpy.types.Object, location: tuple[float, ...], rotation: tuple[float, ...]
) -> bpy.types.Object:
    """Put `thing` into the scene."""
    scene.collection.objects.link(thing)
    thing.location, thing.rotation_euler = location, rotation
    return thing


def set_render(scene: bpy.types.Scene) -> None:
    """Cycles on the processor, few samples, small pictures."""
    scene.frame_start, scene.frame_end = 1, FRAMES
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = 320, 180, 100
    render.fps = FPS
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "RGB"
    render.use_persistent_data = True
    scene.view_settings.view_transform = "Filmic"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples = 12
    cycles.use_adaptive_sampling = False
    cycles.use_denoising = False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 2, 2


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--") + 1])
