"""The demo: a whole farm in a scratch folder of this machine, rendering the scene that lies beside this file.

`run` is the story from start to end, `tools` finds Blender and FFmpeg, `work` says what is submitted and what must
come out, `processes` (with `orphans`) starts and stops the farm, `display` shows it, `results` looks at the files.
Everything goes through the command line and the HTTP API, as it would for a user.
"""
