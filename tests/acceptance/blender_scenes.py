"""Makes the scenes that the tests of job types render. Run by Blender: `--python blender_scenes.py -- FILE`.

Small and quick, with nothing in them that differs from one render to the next: a fixed seed, no adaptive sampling, no
dither. They are made by the Blender under test, as a file of a newer one would be of no use to an older one.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import bpy

COLOURS = {"Red": (1.0, 0.0, 0.0, 1.0), "Green": (0.0, 1.0, 0.0, 1.0), "Blue": (0.0, 0.0, 1.0, 1.0)}
CAMERAS = {"Front": "Red", "Top/1": "Green", "top_1": "Blue"}
"""What each camera of the scene `Cameras` sees."""


def main(path: str) -> None:
    """Make all scenes and save them as `path`."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    still = make_still()
    copy_of(still, "Clear").render.film_transparent = True
    add_soft_filter(copy_of(still, "Soft"))
    make_cameras()
    make_layers()
    bpy.context.window.scene = still
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=path)


def new_scene(name: str, width: int, height: int) -> Any:
    """An empty scene that renders images of half that size."""
    bpy.ops.scene.new(type="EMPTY")
    scene = bpy.context.scene
    scene.name = name
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.seed = 8, 5
    scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 50
    scene.render.dither_intensity = 0.0
    scene.render.image_settings.color_mode = "RGBA"
    return scene


def copy_of(scene: Any, name: str) -> Any:
    """Another scene with the same objects and settings."""
    bpy.context.window.scene = scene
    bpy.ops.scene.new(type="LINK_COPY")
    copy = bpy.context.scene
    copy.name = name
    return copy


def add(scene: Any, name: str, data: Any, location: tuple[float, ...], rotation: tuple[float, ...] = (0, 0, 0)) -> Any:
    """Put an object into the scene's own collection."""
    thing = bpy.data.objects.new(name, data)
    scene.collection.objects.link(thing)
    thing.location, thing.rotation_euler = location, rotation
    return thing


def make_still() -> Any:
    """Noise everywhere, from a large lamp on rough things, of an odd size; the cube moves from frame to frame."""
    scene = new_scene("Still", 195, 123)
    lamp = bpy.data.lights.new("Lamp", "AREA")
    lamp.energy, lamp.size = 400.0, 4.0
    add(scene, "Lamp", lamp, (-2.0, -3.0, 4.0), (math.radians(40), 0.0, math.radians(-30)))
    bpy.ops.mesh.primitive_plane_add(size=30)
    bpy.ops.mesh.primitive_cube_add(size=1.5, location=(0.0, 0.0, 1.0), rotation=(0.4, 0.2, 0.5))
    cube = bpy.context.object
    for frame, x in ((1, -1.0), (10, 1.0)):
        cube.location.x = x
        cube.keyframe_insert("location", frame=frame)
    camera = add(scene, "Camera", bpy.data.cameras.new("Camera"), (0.0, -6.0, 2.0), (math.radians(78), 0.0, 0.0))
    scene.camera = camera
    return scene


def add_soft_filter(scene: Any) -> None:
    """Let each pixel take a little of the pixels around it, in the compositor."""
    if hasattr(scene, "compositing_node_group"):  # from 5.0 on
        tree = bpy.data.node_groups.new("Soft", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        output = tree.nodes.new("NodeGroupOutput")
        scene.compositing_node_group = tree
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite")
    layers, soft = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeFilter")
    layers.scene = scene
    tree.links.new(layers.outputs["Image"], soft.inputs["Image"])
    tree.links.new(soft.outputs["Image"], output.inputs["Image"])


def add_wall(collection: Any, colour: str, location: tuple[float, ...]) -> None:
    """A wall that shines in one colour, towards the front."""
    bpy.ops.mesh.primitive_plane_add(size=8, location=location, rotation=(math.radians(90), 0.0, 0.0))
    wall = bpy.context.object
    for other in list(wall.users_collection):
        other.objects.unlink(wall)
    collection.objects.link(wall)
    material = bpy.data.materials.new(colour)
    material.use_nodes = True
    nodes = material.node_tree.nodes
    nodes.clear()
    emission, output = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    emission.inputs["Color"].default_value = COLOURS[colour]
    material.node_tree.links.new(emission.outputs[0], output.inputs["Surface"])
    wall.data.materials.append(material)


def make_cameras() -> None:
    """A camera for each wall, and one at work that sees nothing; a marker binds yet another one to the frames."""
    scene = new_scene("Cameras", 32, 18)
    scene.cycles.samples = 1
    facing = (math.radians(90), 0.0, 0.0)
    for number, (name, colour) in enumerate(CAMERAS.items()):
        add_wall(scene.collection, colour, (20.0 * number, 0.0, 0.0))
        add(scene, name, bpy.data.cameras.new(name), (20.0 * number, -3.0, 0.0), facing)
    scene.camera = add(scene, "Nowhere", bpy.data.cameras.new("Nowhere"), (0.0, -99.0, 0.0), (-facing[0], 0.0, 0.0))
    scene.timeline_markers.new("Cut", frame=1).camera = scene.objects["Front"]


def make_layers() -> None:
    """Layers that show one wall each, and a compositor that works on the first."""
    scene = new_scene("Layers", 32, 18)
    scene.cycles.samples = 1
    scene.camera = add(scene, "Eye", bpy.data.cameras.new("Eye"), (0.0, -3.0, 0.0), (math.radians(90), 0.0, 0.0))
    for colour in ("Red", "Blue"):
        collection = bpy.data.collections.new(colour)
        scene.collection.children.link(collection)
        add_wall(collection, colour, (0.0, 0.0, 0.0))
    scene.view_layers[0].name = "Red"
    scene.view_layers.new("Blue")
    for layer in scene.view_layers:
        for child in layer.layer_collection.children:
            child.exclude = child.name != layer.name
    add_soft_filter(scene)


if __name__ == "__main__":
    main(sys.argv[-1])
