// Blender Render Variations: renders the same frames through several cameras, or of several view layers.

const { VIDEO_FORMATS, chunkName, quoted, renderer } = require("./lib/blender_frames");

const JOB_TYPE = {
  label: "Blender Render Variations",
  description: "Render frames once for every camera, or every view layer, of a list.",
  settings: [
    // What the artist chooses.
    {
      key: "kind",
      type: "string",
      choices: ["camera", "view_layer"],
      default: "camera",
      description: "What there are several of",
    },
    {
      key: "variations",
      type: "string",
      required: true,
      eval:
        "', '.join(layer.name for layer in C.scene.view_layers) if settings.kind == 'view_layer' else " +
        "', '.join(sorted(o.name for o in C.scene.objects if o.type == 'CAMERA'))",
      description: "Names of the cameras or view layers, with commas between them",
    },
    {
      key: "frames",
      type: "string",
      required: true,
      eval: "f'{C.scene.frame_start}-{C.scene.frame_end}'",
      evalInfo: { showLinkButton: true, description: "Scene frame range" },
      description: "Frames to render, for example '47', '1-30', '3, 5-10, 47-327', '1-100x5', '10-1'",
    },
    {
      key: "chunk_size",
      type: "int32",
      default: 1,
      propargs: { min: 1 },
      visible: "submission",
      description: "How many frames one task renders",
    },
    {
      key: "render_output_root",
      type: "string",
      subtype: "dir_path",
      visible: "submission",
      description: "Folder below which the folder of this job's frames is made",
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
        "jobname, '{timestamp}', '{variation}', '######'))",
      description: "Where the frames go; # is a digit of the frame number, {variation} the camera or view layer",
    },
    {
      key: "skip_existing",
      type: "bool",
      default: false,
      visible: "submission",
      description: "Keep frames that are there already, if they are whole, and render only the others",
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

// Python that chooses one of each kind; `name` is a Python string. A name that does not exist is an error.
const CHOOSE = {
  // Markers in the timeline may choose a camera, too.
  camera: (name) => `
if getattr(scene.objects.get(${name}), 'type', None) != 'CAMERA':
    cameras = [thing for thing in scene.objects if thing.type == 'CAMERA']
    stop('there is no camera %r in the scene, only %s' % (${name}, names(cameras)))
for marker in scene.timeline_markers:
    marker.camera = None
scene.camera = scene.objects[${name}]
`,
  // The compositor would look for the layers that it was made for, and find them missing.
  view_layer: (name) => `
if ${name} not in scene.view_layers:
    stop('there is no view layer %r in the scene, only %s' % (${name}, names(scene.view_layers)))
chosen = scene.view_layers[${name}]
for layer in scene.view_layers:
    layer.use = layer == chosen
scene.render.use_compositing = False
`,
};

function compileJob(job) {
  const settings = job.settings;
  fillInDefaults(settings);
  if (VIDEO_FORMATS.includes(settings.format)) {
    throw `This job type only renders images, and not "${settings.format}"`;
  }
  if (!CHOOSE[settings.kind]) throw `setting "kind" must be camera or view_layer, not "${settings.kind}"`;
  settings.render_output_path = outputPath(job);

  const chunks = frameChunker(settings.frames, settings.chunk_size);
  const folders = new Set();
  for (const name of variationNames(settings.variations)) {
    const folder = folderName(name, folders);
    const output = settings.render_output_path.replaceAll("{variation}", folder);
    const renderArguments = renderer(job, settings, output, CHOOSE[settings.kind](quoted(name)));
    for (const chunk of chunks) job.addTask(authorRenderTask(settings, folder, chunk, renderArguments(chunk)));
  }
}

// Whoever submits through the API may leave out what has a default.
function fillInDefaults(settings) {
  for (const { key, default: value } of JOB_TYPE.settings) {
    if (value !== undefined) settings[key] ??= value;
  }
}

// The output path with {timestamp} filled in, and with {variation} to be filled in: in a folder of its own, if the path
// does not say where.
function outputPath(job) {
  const given = job.settings.render_output_path;
  if (!given) throw "no render_output_path setting!";
  const output = given.replaceAll("{timestamp}", formatTimestampLocal(job.created));
  return output.includes("{variation}") ? output : `${path.dirname(output)}/{variation}/${path.basename(output)}`;
}

// The names of a list like "front, top": each once.
function variationNames(list) {
  const names = (list ?? "").split(",").map((name) => name.trim()).filter(Boolean);
  if (names.length === 0) throw 'setting "variations" has no names in it';
  return [...new Set(names)];
}

// The name as the name of a folder. Blender's names may have slashes in them, or # that would become digits of the frame
// number; no two folders may differ in upper and lower case alone; and Windows has its own ideas of "aux" and the like.
function folderName(name, taken) {
  const safe = name
    .replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, "_")
    .replace(/^\.+|\.+$/g, "_")
    .replace(/^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i, "$&_");
  let folder = safe;
  for (let number = 2; taken.has(folder.toLowerCase()); number++) folder = `${safe}-${number}`;
  taken.add(folder.toLowerCase());
  return folder;
}

function authorRenderTask(settings, folder, chunk, args) {
  const task = author.Task(`render-${folder}-${chunkName(chunk)}`, "blender");
  const command = author.Command(
    "blender-render",
    {
      exe: "{blender}",
      exeArgs: "{blenderArgs}",
      argsBefore: [],
      blendfile: settings.blendfile,
      args,
    },
    frameCount(chunk), // the worker reports a step per frame
  );
  task.addCommand(command);
  return task;
}
