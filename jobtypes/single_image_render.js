// Single Image Render: renders one frame in tiles, each on another worker, and merges them into one image.
//
// Tiles are OpenEXR files with all the light of their part, in 32 bits. What makes an image of that, such as the view
// transform and the file format, comes last and once, so the merged image is the one that a single worker would make.

const { prepare, renderer, setUpArguments } = require("./lib/blender_frames");

const JOB_TYPE = {
  label: "Single Image Render",
  description: "Render one large image in tiles on many workers.",
  settings: [
    // What the artist chooses.
    {
      key: "frame",
      type: "int32",
      required: true,
      propargs: { min: 0 },
      eval: "C.scene.frame_current",
      evalInfo: { showLinkButton: true, description: "Current frame of the scene" },
      description: "Frame to render",
    },
    {
      key: "tiles_x",
      type: "int32",
      default: 2,
      propargs: { min: 1, max: 100 },
      description: "How many tiles there are side by side",
    },
    {
      key: "tiles_y",
      type: "int32",
      default: 2,
      propargs: { min: 1, max: 100 },
      description: "How many tiles there are one above the other",
    },
    {
      key: "tile_overlap",
      type: "int32",
      default: 0,
      propargs: { min: 0, max: 1000 },
      visible: "submission",
      description:
        "How many pixels around its own a tile renders as well. " +
        "Whatever looks at neighbouring pixels, like the denoiser, needs some to leave no seams",
    },
    {
      key: "render_output_root",
      type: "string",
      subtype: "dir_path",
      visible: "submission",
      description: "Folder below which the folder of this job's image is made",
    },
    {
      key: "add_path_components",
      type: "int32",
      default: 0,
      propargs: { min: 0, max: 32 },
      visible: "submission",
      description: "How many of the folders around the blend file are repeated below the output folder",
    },
    {
      key: "render_output_path",
      type: "string",
      subtype: "file_path",
      editable: false,
      eval:
        "str(Path(abspath(settings.render_output_root), last_n_dir_parts(settings.add_path_components), " +
        "jobname, '{timestamp}', '######'))",
      description: "Where the image goes; # is a digit of the frame number",
    },
    {
      key: "skip_existing",
      type: "bool",
      default: false,
      visible: "submission",
      description: "Keep tiles that are there already, if they are whole, and render only the others",
    },
    {
      key: "missing_files",
      type: "string",
      choices: ["warn", "error"],
      default: "warn",
      visible: "submission",
      description: "What to do when a linked library, a texture or another file is missing: say so, or fail",
    },

    // What the submitter finds out by itself.
    { key: "blendfile", type: "string", required: true, visible: "web", description: "Path of the blend file" },
    { key: "format", type: "string", required: true, eval: "C.scene.render.image_settings.file_format", visible: "web" },
    { key: "scene", type: "string", eval: "C.scene.name", visible: "web", description: "Name of the scene to render" },
  ],
};

// What the merged image cannot be: a video, or the layers and passes that are not in the tiles.
const REFUSED_FORMATS = ["FFMPEG", "AVI_RAW", "AVI_JPEG", "MULTILAYER", "OPEN_EXR_MULTILAYER"];

function compileJob(job) {
  const settings = job.settings;
  fillInDefaults(settings);
  check(settings);
  settings.render_output_path = settings.render_output_path.replaceAll("{timestamp}", formatTimestampLocal(job.created));
  const tilesFolder = `${path.dirname(settings.render_output_path)}/tiles-${job.jobID.slice(0, 8)}`;

  const tileSettings = { ...settings, format: "OPEN_EXR" };
  const merge = author.Task("merge", "blender");
  for (let y = 1; y <= settings.tiles_y; y++) {
    for (let x = 1; x <= settings.tiles_x; x++) {
      const output = `${tilesFolder}/tile-${x}-${y}-######`;
      const renderArguments = renderer(job, tileSettings, output, tileScript(settings, x, y));
      const tile = author.Task(`tile-${x}-${y}`, "blender");
      tile.addCommand(blenderCommand(settings, renderArguments(String(settings.frame)), 1));
      job.addTask(tile);
      merge.addDependency(tile);
    }
  }
  merge.addCommand(blenderCommand(settings, mergeArguments(settings, tilesFolder)));
  job.addTask(merge);
}

// Whoever submits through the API may leave out what has a default.
function fillInDefaults(settings) {
  for (const { key, default: value } of JOB_TYPE.settings) {
    if (value !== undefined) settings[key] ??= value;
  }
}

function check(settings) {
  if (REFUSED_FORMATS.includes(settings.format)) {
    throw `This job type renders an image of one layer, and not "${settings.format}"`;
  }
  if (!settings.render_output_path) throw "no render_output_path setting!";
  for (const { key, type, propargs } of JOB_TYPE.settings) {
    if (type !== "int32") continue;
    const value = settings[key];
    const { min, max = Infinity } = propargs;
    if (!Number.isInteger(value) || value < min || value > max) {
      const range = max === Infinity ? `${min} or more` : `${min} to ${max}`;
      throw `setting "${key}" must be a whole number, ${range}, not ${value}`;
    }
  }
}

// The script is told the folder by an argument of its own, in which variables are replaced and paths translated for the
// worker's platform.
function mergeArguments(settings, tilesFolder) {
  const { scene, format, missing_files, render_output_path } = settings;
  const script = prepare(scene, format, missing_files) + mergeScript(settings);
  return [...setUpArguments(scene, render_output_path, format), "--python-expr", script, "--", tilesFolder];
}

function blenderCommand(settings, args, steps) {
  return author.Command(
    "blender-render",
    {
      exe: "{blender}",
      exeArgs: "{blenderArgs}",
      argsBefore: [],
      blendfile: settings.blendfile,
      args: args,
    },
    steps,
  );
}

// Python for both kinds of task: the size of the image, and the pixels at which tiles meet. Counted from 0 at the
// lower left, as Blender does. No library but Python's own: numpy does not come with every Blender.
function commonScript({ tiles_x, tiles_y }) {
  return `
import array
width = render.resolution_x * render.resolution_percentage // 100
height = render.resolution_y * render.resolution_percentage // 100
columns = [width * x // ${tiles_x} for x in range(${tiles_x} + 1)]
rows = [height * y // ${tiles_y} for y in range(${tiles_y} + 1)]
`;
}

// Borders are fractions of the image. A quarter of a pixel more, and no rounding makes it the pixel before.
// A tile is as large as the image, and black outside its border.
function tileScript(settings, x, y) {
  const overlap = settings.tile_overlap;
  return `${commonScript(settings)}
render.use_border = True
render.use_crop_to_border = False
render.border_min_x = (max(columns[${x - 1}] - ${overlap}, 0) + 0.25) / width
render.border_max_x = min((columns[${x}] + ${overlap} + 0.25) / width, 1)
render.border_min_y = (max(rows[${y - 1}] - ${overlap}, 0) + 0.25) / height
render.border_max_y = min((rows[${y}] + ${overlap} + 0.25) / height, 1)
render.image_settings.color_mode = 'RGBA'
render.image_settings.color_depth = '32'
`;
}

// Puts the other tiles' pixels, four numbers each, into the first tile, and saves that as Blender saves renders. What
// it prints makes the worker show the image.
function mergeScript(settings) {
  const { frame, tiles_x, tiles_y } = settings;
  return `${commonScript(settings)}
folder = sys.argv[-1]
merged = pixels = None
for y in range(${tiles_y}):
    for x in range(${tiles_x}):
        name = 'tile-%d-%d-${String(frame).padStart(6, "0")}.exr' % (x + 1, y + 1)
        image = bpy.data.images.load(os.path.abspath(os.path.join(folder, name)))
        if tuple(image.size) != (width, height):
            stop('%s is not of %d x %d pixels' % (name, width, height))
        tile = array.array('f', bytes(16 * width * height))
        image.pixels.foreach_get(tile)
        if merged is None:
            merged, pixels = image, tile
            continue
        for row in range(rows[y], rows[y + 1]):
            part = slice(4 * (row * width + columns[x]), 4 * (row * width + columns[x + 1]))
            pixels[part] = tile[part]
        bpy.data.images.remove(image)
merged.pixels.foreach_set(pixels)
path = bpy.path.abspath(render.frame_path(frame=${frame}))
merged.save_render(path, scene=scene)
print("Saved: '" + path + "'", flush=True)
`;
}
