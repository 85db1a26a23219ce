"""Makes the scenes of `test_frames_for_real.py`: tiny, and quick to render. Run by Blender: `--python FILE -- FOLDER`.

Beside the blend file, a whole image of every format that Blender can write is put into the folder.
"""

from __future__ import annotations

import array
import random
import sys
from pathlib import Path
from typing import Any

import bpy


def main(folder: Path) -> None:
    """Make everything."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "library.blend"))
    strip = bpy.context.scene
    strip.name = "Strip"
    make_strip(strip)
    make_strip(new_scene("Large"), size=64)
    make_strip(new_scene("Szene \"Ä\" 'x'"))
    make_strip(new_scene("Every Third")).frame_step = 3
    own = make_strip(new_scene("Own Mind")).render
    own.use_overwrite, own.use_placeholder, own.use_file_extension = False, True, False
    own.filepath, own.image_settings.file_format = "//elsewhere/####", "JPEG"
    make_room(new_scene("Room"))
    stereo = make_room(new_scene("Stereo")).render
    stereo.use_multiview, stereo.image_settings.views_format = True, "INDIVIDUAL"
    make_room(new_scene("No Camera")).camera = None
    bpy.context.window.scene = strip
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scenes.blend"))
    save_images(folder / "whole", strip)
    lose_files(folder, strip)


def new_scene(name: str) -> Any:
    """Another empty scene."""
    return bpy.data.scenes.new(name)


def make_strip(scene: Any, size: int = 8) -> Any:
    """A scene that is a red strip of the sequencer: nothing is quicker, and it needs no camera."""
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.sequence_editor_create()
    editor = scene.sequence_editor
    strips = getattr(editor, "strips", None) or editor.sequences
    colour = strips.new_effect("Colour", "COLOR", 1, frame_start=-50, frame_end=300)
    colour.color = (1.0, 0.0, 0.0)
    return scene


def make_room(scene: Any) -> Any:
    """A scene with nothing in it but a camera."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = scene.cycles.use_adaptive_sampling = False
    scene.render.resolution_x = scene.render.resolution_y = 8
    scene.render.resolution_percentage = 100
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    return scene


def save_images(folder: Path, scene: Any) -> None:
    """An image of noise in each format, called like it, as far as this Blender can write them."""
    settings = scene.render.image_settings
    formats = type(settings).bl_rna.properties["file_format"].enum_items
    noise = bpy.data.images.new("Noise", 64, 64, alpha=True, float_buffer=True)
    numbers = random.Random(1)  # noqa: S311 # the same noise every time
    noise.pixels.foreach_set(array.array("f", [numbers.random() for _ in range(64 * 64 * 4)]))
    for name in (item.identifier for item in formats):
        if name in ("FFMPEG", "AVI_RAW", "AVI_JPEG", "OPEN_EXR_MULTILAYER"):
            continue
        settings.file_format = name
        noise.save_render(str(folder / f"{name}{scene.render.file_extension}"), scene=scene)


def lose_files(folder: Path, scene: Any) -> None:
    """A blend file whose library, texture and sequence are gone; what is packed, numbered or unused is no loss."""
    material = bpy.data.materials.new("Material")
    material.use_nodes = True
    for name in ("gone", "packed", "unused", "here", "tiles.1001"):
        image = bpy.data.images.new(name, 8, 8)
        image.filepath_raw, image.file_format = str(folder / f"{name}.png"), "PNG"
        image.save()
        if name == "tiles.1001":
            image.source, image.filepath_raw = "TILED", str(folder / "tiles.<UDIM>.png")
        if name != "unused":
            material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    bpy.data.images["packed"].pack()
    bpy.data.images["unused"].use_fake_user = material.use_fake_user = True
    with bpy.data.libraries.load(str(folder / "library.blend"), link=True) as (_, linked):
        linked.scenes = ["Scene"]
    linked.scenes[0].use_extra_user = True
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "lost.blend"))
    for name in ("gone.png", "packed.png", "unused.png", "library.blend"):
        (folder / name).unlink()


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
