"""Renders grey frames, the brighter the higher their number. Run by Blender: `--python blender_grey_frames.py -- JSON`.

The JSON is a list of what to render: `path` as people set it in Blender, `format`, `frames`, and whether in `stereo`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import bpy


def main(renders: list[dict[str, Any]]) -> None:
    """Render everything, each at the smallest size that FFmpeg's encoders take without much ado."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 32, 32, 100
    scene.view_settings.view_transform = "Standard"
    for each in renders:
        render(scene, each)


def render(scene: Any, wanted: dict[str, Any]) -> None:
    """Render frames one by one, each into the file that Blender names after it."""
    settings = scene.render
    settings.use_multiview = wanted["stereo"]
    settings.image_settings.file_format = wanted["format"]
    settings.image_settings.use_preview = True
    if wanted["stereo"]:
        settings.image_settings.views_format = "INDIVIDUAL"
    grey = scene.world.node_tree.nodes["Background"].inputs["Color"]
    for index, frame in enumerate(wanted["frames"]):
        settings.filepath = wanted["path"]
        scene.frame_set(frame)
        grey.default_value = [0.02 + 0.12 * index] * 3 + [1.0]
        settings.filepath = settings.frame_path(frame=frame)
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[-1]))
