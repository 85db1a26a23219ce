// Blender's command line for some frames of a scene, for job types that render with Blender.
//
// Blender goes on when something is wrong, renders something else, and says that all went well. So a script, which every
// worker runs, looks before and after: what is not there is an error with a sentence, and so is a frame that is missing.

const WHOLE_IMAGES = require("./whole_images");

const FIRST_FRAME = -1048574;
const LAST_FRAME = 1048574;

// What Blender's command line calls formats, where Python has other names for them. The names of Python are those that
// settings have, and those that work in the command line as well.
const COMMAND_LINE_NAMES = { JPEG2000: "JP2", TARGA: "TGA", TARGA_RAW: "RAWTGA" };
const PYTHON_NAMES = {
  JP2: "JPEG2000",
  TGA: "TARGA",
  RAWTGA: "TARGA_RAW",
  EXR: "OPEN_EXR",
  MULTILAYER: "OPEN_EXR_MULTILAYER",
  IRIZ: "IRIS",
};

// A video file cannot be rendered in chunks by many workers.
const VIDEO_FORMATS = ["FFMPEG", "AVI_RAW", "AVI_JPEG", "AVIRAW", "AVIJPEG", "MPEG"];

// A function that gives the arguments to render the frames of a chunk, such as "1-3,8", for tasks of the job.
//
// settings: `scene`, `format`, `skip_existing` and `missing_files` of the job; output: where the frames go;
// choose: Python that changes the scene, which may use `scene` and `stop("why")`.
function renderer(job, settings, output, choose = "") {
  const { scene, format, skip_existing, missing_files } = settings;
  const before = shared(job, "blender_set_up", prepare(scene, format, missing_files));
  const asked = shared(job, "blender_asked", ASKED_FRAMES);
  const watch = shared(job, "blender_watch", WATCH_FRAMES + (skip_existing ? KEEP_WHOLE : ""));
  const setUp = [...setUpArguments(scene, output, format), "--python-expr"];
  const lookAfter = shared(job, "blender_look_after", LOOK_AFTER);
  const upToFrames = [...setUp, `${before}${choose}\n${asked}${watch}`, "--render-frame"];
  const withFrames = (frames) => [...upToFrames, frames, "--python-expr", lookAfter];

  return (chunk) => {
    if (isFrame(chunk)) return withFrames(chunk);
    const ranges = frameRanges(chunk);
    // Blender counts from the end of the scene where a number has a minus before it.
    if (ranges.some(({ first, last }) => first < 0 || last < 0)) {
      const each = `${before}${choose}\nranges = ${pythonList(ranges)}\n${watch}`;
      return [...setUp, each + shared(job, "blender_render_each", RENDER_EACH), "--python-expr", lookAfter];
    }
    return withFrames(ranges.map(blenderRange).join(","));
  };
}

// What stands in a command for a text that thousands of them have: a variable of the job, which stores it once. Other
// managers than ours do not know those.
function shared(job, name, text) {
  if (!("variables" in job)) return text;
  job.variables[name] = text;
  return `{${name}}`;
}

// What comes before the script: it finds scene and format chosen, or not. Without the exit code, Blender goes on when
// a script fails.
function setUpArguments(scene, output, format) {
  const args = scene ? ["--scene", scene] : [];
  args.push("--render-output", blenderPath(output), "--render-format", COMMAND_LINE_NAMES[format] ?? format);
  args.push("--python-exit-code", "1");
  return args;
}

// Forward slashes are good everywhere, except at the start: "//" is the folder of the blend file, so that the name of a
// server must have its backslashes.
function blenderPath(path) {
  const forward = path.replaceAll("\\", "/");
  return forward.startsWith("//") ? forward.replaceAll("/", "\\") : forward;
}

const RANGE = /^\s*([+-]?\d+)\s*(?:(?:-|\.\.)\s*([+-]?\d+)\s*)?$/;

// The ranges of a chunk in their order: "1-3,-5,9-7" goes from 1 to 3, from -5 to -5, from 9 to 7.
function frameRanges(chunk) {
  return chunk.split(",").map((part) => {
    const found = RANGE.exec(part);
    if (!found) throw `"${part}" is neither a frame nor a range of frames`;
    const first = frameNumber(found[1]);
    return { first, last: found[2] === undefined ? first : frameNumber(found[2]) };
  });
}

// Whether a chunk is one frame, as Blender's command line has it as well: that is most of them.
function isFrame(chunk) {
  const frame = Number(chunk);
  return frame >= 0 && frame <= LAST_FRAME && frame % 1 === 0 && `${frame}` === chunk;
}

// A list of them in Python.
const pythonList = (ranges) => `[${ranges.map(({ first, last }) => `(${first}, ${last})`).join(", ")}]`;

// The frames of a chunk in the name of a task, which may have a thousand characters at most.
function chunkName(chunk) {
  if (chunk.length <= 900) return chunk;
  const ranges = frameRanges(chunk);
  return `${ranges[0].first}...${ranges[ranges.length - 1].last} (${frameCount(chunk)} frames)`;
}

function frameNumber(text) {
  const frame = Number(text);
  if (frame >= FIRST_FRAME && frame <= LAST_FRAME) return frame;
  throw `frame ${text} is out of range: Blender renders frames ${FIRST_FRAME} to ${LAST_FRAME}`;
}

// As Blender's command line has it: 1..10. It knows no ranges that run backwards.
function blenderRange({ first, last }) {
  if (first <= last) return first === last ? String(first) : `${first}..${last}`;
  return Array.from({ length: first - last + 1 }, (_, index) => first - index).join(",");
}

// A string of Python's, which is what JSON writes.
const quoted = (text) => JSON.stringify(text);

// Python that stops where Blender would go on, and brings what the file says about its output in order.
function prepare(scene, format, missingFiles) {
  return `
import bpy, os, sys
scene = bpy.context.scene
render = scene.render
def stop(text):
    print('Error: ' + text, flush=True)
    sys.exit(1)
def names(things):
    return ', '.join(repr(thing.name) for thing in things) or 'none'
${scene ? chooseScene(quoted(scene)) : ""}format = ${quoted(PYTHON_NAMES[format] ?? format)}
if render.image_settings.file_format != format:
    stop('this Blender cannot write the format ' + format)
render.use_file_extension = render.use_overwrite = True
render.use_placeholder = False
${MISSING_FILES}if missing:
    text = 'missing files: ' + ', '.join(missing)
    ${missingFiles === "error" ? "stop(text)" : "print('Warning: ' + text, flush=True)"}
`;
}

const chooseScene = (name) => `if scene.name != ${name}:
    stop('there is no scene %r in the file, only %s' % (${name}, names(bpy.data.scenes)))
`;

// Linked libraries, textures, fonts and the like. A number of tiles or a frame stands for those that there are.
const MISSING_FILES = String.raw`import glob, re
def place(thing):
    return os.path.normpath(bpy.path.abspath(thing.filepath, library=thing.library))
unused = {place(text) for text in bpy.data.texts}
unused |= {place(image) for image in bpy.data.images if image.users <= image.use_fake_user}
numbered = {place(clip) for clip in [*bpy.data.images, *bpy.data.movieclips] if clip.source == 'SEQUENCE'}
def found(path):
    pattern = re.sub('<UDIM>|<UVTILE>', '*', glob.escape(path))
    if path in numbered:
        pattern = re.sub(r'\d+(?=\D*$)', '*', pattern)
    return os.path.exists(path) or pattern != glob.escape(path) and glob.glob(pattern)
used = set(map(os.path.normpath, bpy.utils.blend_paths(absolute=True))) - unused
missing = [path for path in sorted(used) if not found(path)]
`;

// Python that finds the frames in the command line, which is the one place that has them: so the manager can have some
// of them rendered again alone.
const ASKED_FRAMES = `
ranges = []
for part in sys.argv[sys.argv.index('--render-frame') + 1].split(','):
    first, _, last = part.partition('..')
    ranges.append((int(first), int(last or first)))
`;

// Python that notes which of the frames in `ranges` are rendered, to be looked at afterwards.
const WATCH_FRAMES = `
frames = [frame for a, b in ranges for frame in (range(a, b + 1) if a <= b else range(a, b - 1, -1))]
left = dict.fromkeys(frames)
def note(rendered, *_):
    if rendered == scene:
        left.pop(rendered.frame_current, None)
bpy.app.handlers.render_post.append(note)
def images_of(frame):
    views = [view.name for view in render.views if view.use]
    if render.views_format == 'STEREO_3D':
        views = [name for name in views if name in ('left', 'right')]
    if not render.use_multiview or render.image_settings.views_format != 'INDIVIDUAL':
        views = ['']
    previews = [False, True] if format.startswith('OPEN_EXR') and render.image_settings.use_preview else [False]
    return [render.frame_path(frame=frame, preview=preview, view=view) for view in views for preview in previews]
written = {frame: images_of(frame) for frame in frames}
bpy.app.driver_namespace['frames_left'] = left, note, written
`;

// A function that is left behind keeps some versions of Blender from ending. Of PNG and WebP, Blender does not notice
// what cannot be written any more on a full disk, and says that it has saved them. Of an image that was moved away
// meanwhile, or is not ours to read, nothing bad is known. What the system says of that is not
// written here: this stands in the task's log as well, where failure rules look for it.
const LOOK_AFTER = String.raw`
import bpy, errno, os, shutil, sys
left, note, written = bpy.app.driver_namespace.pop('frames_left')
bpy.app.handlers.render_post.remove(note)
def is_cut_off(path):
    with open(path, 'rb') as file:
        head = file.read(8)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8))
        tail = file.read()
    if head[:4] == b'\x89PNG':
        return tail[:4] != b'IEND'
    return not size or head[:4] == b'RIFF' and int.from_bytes(head[4:], 'little') + 8 > size
for path in filter(os.path.isfile, sum(written.values(), [])):
    try:
        cut_off = is_cut_off(path)
    except OSError:
        continue
    if cut_off:
        free = shutil.disk_usage(os.path.dirname(path) or '.').free
        why = ': ' + os.strerror(errno.ENOSPC) if free < 2 ** 20 else ''
        print('Error: not all of the image could be written: ' + path + why, flush=True)
        sys.exit(1)
if left:
    more = ' and %d more' % (len(left) - 20) if len(left) > 20 else ''
    print('Error: Blender did not render frame ' + ', '.join(map(str, list(left)[:20])) + more, flush=True)
    sys.exit(1)
`;

// Python that keeps the frames that are there as a whole, and removes what is left of others.
const KEEP_WHOLE = `${WHOLE_IMAGES}
render.use_overwrite = False
for frame in frames:
    images = images_of(frame)
    if all(is_whole(path) for path in images):
        left.pop(frame, None)
        written.pop(frame, None)
        continue
    for path in images:
        if os.path.lexists(path):
            print('rendering anew, as it is not whole: ' + path, flush=True)
            os.remove(path)
`;

// Python that renders as an animation does, frames with a minus too.
const RENDER_EACH = `
output = render.filepath
for frame in frames:
    path = render.frame_path(frame=frame)
    if frame not in left:
        print('skipping existing frame "%s"' % path, flush=True)
        continue
    scene.frame_set(frame)
    render.filepath = path
    bpy.ops.render.render(write_still=True)
    render.filepath = output
`;

module.exports = { VIDEO_FORMATS, blenderPath, chunkName, frameNumber, prepare, quoted, renderer, setUpArguments };
