// Simple Blender Render: renders the frames of a scene, a few per task, and joins them into a preview video.

const { VIDEO_FORMATS, chunkName, renderer } = require("./lib/blender_frames");

const JOB_TYPE = {
  label: "Simple Blender Render",
  description: "Render an animation frame by frame, and make a preview video of the frames.",
  settings: [
    // What the artist chooses.
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
      required: true,
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
      aliases: ["render_output"],
      eval:
        "str(Path(abspath(settings.render_output_root), last_n_dir_parts(settings.add_path_components), " +
        "jobname, '{timestamp}', '######'))",
      description: "Where the frames go; # is a digit of the frame number",
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
    {
      key: "blendfile",
      type: "string",
      required: true,
      visible: "web",
      aliases: ["filepath"],
      description: "Path of the blend file",
    },
    { key: "fps", type: "float", eval: "C.scene.render.fps / C.scene.render.fps_base", visible: "hidden" },
    { key: "format", type: "string", required: true, eval: "C.scene.render.image_settings.file_format", visible: "web" },
    {
      key: "image_file_extension",
      type: "string",
      required: true,
      eval: "C.scene.render.file_extension",
      visible: "hidden",
      aliases: ["output_file_extension"],
      description: "File extension of the frames, with its dot",
    },
    {
      key: "has_previews",
      type: "bool",
      required: false,
      eval: "C.scene.render.image_settings.use_preview",
      visible: "hidden",
      description: "Whether Blender writes a JPEG beside every OpenEXR frame",
    },
    { key: "scene", type: "string", eval: "C.scene.name", visible: "web", description: "Name of the scene to render" },
  ],
};

// FFmpeg cannot read all of these, so the video is made from their JPEG previews.
const FORMATS_WITH_PREVIEWS = ["EXR", "MULTILAYER", "OPEN_EXR", "OPEN_EXR_MULTILAYER"];

// FFmpeg cannot read these at all.
const UNREADABLE_FORMATS = ["CINEON"];

// What Blender takes for the extension of an image, and replaces by that of the format.
const IMAGE_EXTENSION = /\.(bmp|cin|dds|dpx|exr|hdr|j2c|jp2|jpe?g|pdd|png|psb|psd|rgba?|sgi|tga|tiff?|tx|webp)$/i;

function compileJob(job) {
  const settings = job.settings;
  if (VIDEO_FORMATS.includes(settings.format)) {
    throw `This job type only renders images, and not "${settings.format}"`;
  }

  // Stored with the job, so that people can see where its frames are.
  settings.render_output_path = outputPath(job);

  const renderTasks = authorRenderTasks(job);
  const videoTask = authorVideoTask(settings, renderTasks);
  for (const task of renderTasks) job.addTask(task);
  if (videoTask) job.addTask(videoTask);
}

// The output path with {timestamp} filled in. Other {variables} are for the worker to replace.
function outputPath(job) {
  const given = job.settings.render_output_path;
  if (!given) throw "no render_output_path setting!";
  return given.replaceAll("{timestamp}", formatTimestampLocal(job.created));
}

function authorRenderTasks(job) {
  const settings = job.settings;
  const folder = path.dirname(settings.render_output_path);
  const output = `${folder === "/" ? "" : folder}/${path.basename(settings.render_output_path)}`;
  const renderArguments = renderer(job, settings, output);

  return frameChunker(settings.frames, settings.chunk_size).map((chunk) => {
    const task = author.Task(`render-${chunkName(chunk)}`, "blender");
    const command = author.Command(
      "blender-render",
      {
        exe: "{blender}",
        exeArgs: "{blenderArgs}",
        argsBefore: [],
        blendfile: settings.blendfile,
        args: renderArguments(chunk),
      },
      frameCount(chunk), // the worker reports a step per frame
    );
    task.addCommand(command);
    return task;
  });
}

// The task that joins the frames, or undefined where that makes no sense.
function authorVideoTask(settings, renderTasks) {
  const fromPreviews = FORMATS_WITH_PREVIEWS.includes(settings.format);
  if (!settings.fps || (fromPreviews && !settings.has_previews)) return undefined;
  if (UNREADABLE_FORMATS.includes(settings.format)) {
    print(`FFmpeg cannot read ${settings.format}, so there will be no preview video`);
    return undefined;
  }

  const folder = path.dirname(settings.render_output_path);
  const extension = fromPreviews ? ".jpg" : settings.image_file_extension;
  const [before, digits, after] = frameName(settings.render_output_path);
  const parameters = {
    exe: "ffmpeg",
    fps: settings.fps,
    // The frames of this job; workers that do not know these two take what the pattern finds.
    framePath: path.join(folder, `${before}${digits}${after}${extension}`),
    frames: settings.frames,
    inputGlob: path.join(literally(folder), `${literally(before)}*${literally(after + extension)}`),
    outputFile: path.join(folder, `${videoName(settings)}.mp4`),
    args: [
      "-c:v", "h264",
      "-crf", "20",
      "-g", "18", // a key frame often, so that one can step through the video
      "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", // the codec wants even sizes
      "-pix_fmt", "yuv420p",
      "-r", settings.fps,
      "-y",
    ],
  };
  // Their extensions mean something else to FFmpeg, or nothing.
  if (["IRIS", "HDR"].includes(settings.format)) parameters.argsBefore = ["-f", "image2"];

  const task = author.Task("preview-video", "ffmpeg");
  // Good frames are worth more than a video. Other managers' tasks do not have this, and refuse it.
  if ("optional" in task) task.optional = true;
  task.addCommand(author.Command("frames-to-video", parameters));
  for (const renderTask of renderTasks) task.addDependency(renderTask);
  return task;
}

// What the names of the frames are made of: what stands before the number, its digits as #, and what comes after it up
// to the extension. Blender makes "shot0001.png" of "shot", and "shot_0001.png" of "shot_####.exr".
function frameName(outputPath) {
  const base = path.basename(outputPath);
  const name = (base.includes("#") ? base : `${base}####`).replace(IMAGE_EXTENSION, "").replace(/\.+$/, "");
  return /^(.*?)(#+)([^#]*)$/.exec(name).slice(1);
}

// A path in which a pattern's signs mean themselves. Curly brackets cannot be made to; {variables} are replaced later.
function literally(name) {
  return name.replace(/\{\w+\}|[[*?{}]/g, (found) => (found.length > 1 ? found : "{}".includes(found) ? "?" : `[${found}]`));
}

// The video is called like the blend file and the frames, which may share their folder with those of other jobs. Nothing
// of the frames' name for "/frames/shot/######", the usual case, and for "/frames/shot" rendered from shot.blend.
function videoName({ blendfile, frames, render_output_path }) {
  const stem = path.stem(blendfile).replace(".flamenco", "");
  const base = path.basename(render_output_path);
  if (!base.includes("#")) return [...new Set([stem, base, videoRange(frames)])].join("-");
  const [before, , after] = frameName(render_output_path);
  return `${stem}-${before}${videoRange(frames)}${after}`;
}

// The frame range in the video's name: just its ends, if it has several parts. A colon is not allowed on Windows.
function videoRange(frames) {
  if (!frames.includes(",")) return frames.replaceAll(":", "x");
  const parts = frameChunker(frames, frameCount(frames))[0].split(","); // of "-1,5-8": "-1", "5-8"
  const numbers = parts.flatMap((part) => (/^\d+-\d+$/.test(part) ? part.split("-") : [part])).map(Number);
  numbers.sort((a, b) => a - b);
  return `${numbers[0]}-${numbers[numbers.length - 1]}`;
}
