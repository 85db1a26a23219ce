// FFmpeg Transcode: cuts a video into chunks, encodes every chunk on another worker, and joins the results.
//
// The picture is encoded in chunks. The sound is encoded in one piece by the last task: it takes no time, and sound
// that is encoded in chunks clicks where they meet.

const JOB_TYPE = {
  label: "FFmpeg Transcode",
  description: "Encode a video anew, in chunks on many workers.",
  settings: [
    {
      key: "input_video",
      type: "string",
      subtype: "file_path",
      required: true,
      description: "The video to encode, on storage that all workers can reach",
    },
    {
      key: "output_file",
      type: "string",
      subtype: "file_path",
      required: true,
      description: "The video to write; its extension says in which container. The chunks go to a folder beside it",
    },
    {
      key: "duration_seconds",
      type: "float",
      required: true,
      propargs: { min: 0 },
      description:
        "Length of the input video. A job type cannot look into files; ask: " +
        "ffprobe -v error -show_entries format=duration -of csv=p=0 VIDEO",
    },
    { key: "chunk_seconds", type: "float", default: 60, propargs: { min: 1 }, description: "Length of a chunk" },
    {
      key: "codec_arguments",
      type: "string",
      default: "-c:v libx264 -crf 20 -pix_fmt yuv420p",
      description: "FFmpeg's arguments for the picture; the codec must be one that fits into MPEG-TS, like H.264 or H.265",
    },
    {
      key: "video_filter",
      type: "string",
      default: "",
      description: "FFmpeg's filters for the picture, for example scale=1280:-2",
    },
    { key: "audio_arguments", type: "string", default: "-c:a aac", description: "FFmpeg's arguments for the sound" },
  ],
};

// The chunks' names all go into one argument, and that is as long as one may be on Windows.
const MAX_ARGUMENT_LENGTH = 30000;

// How many seconds before a chunk reading starts. In some formats one lands anywhere, and must wait for a whole picture.
const SEEK_MARGIN = 20;

const FFMPEG_QUIET = ["-hide_banner", "-nostdin", "-loglevel", "warning", "-y"];

function compileJob(job) {
  const settings = withDefaults(job.settings);
  const folder = path.dirname(settings.output_file);
  const stem = path.stem(settings.output_file);
  const chunksFolder = path.join(folder, `${stem}-chunks-${job.jobID.slice(0, 8)}`);

  const count = Math.ceil(settings.duration_seconds / settings.chunk_seconds);
  const chunkFiles = [];
  const join = author.Task("join", "ffmpeg");
  for (let i = 0; i < count; i++) {
    const chunkFile = path.join(chunksFolder, `${String(i + 1).padStart(5, "0")}.ts`);
    const task = authorChunkTask(settings, chunksFolder, chunkFile, i, count);
    job.addTask(task);
    join.addDependency(task);
    chunkFiles.push(chunkFile);
  }

  const input = `concat:${chunkFiles.join("|")}`;
  if (input.length > MAX_ARGUMENT_LENGTH) {
    throw `${count} chunks are too many to be joined; set chunk_seconds to more than ${settings.chunk_seconds}`;
  }
  if (chunksFolder.includes("|")) throw `output_file must not have a "|" in it: ${settings.output_file}`;
  join.addCommand(author.Command("exec", { exe: "{ffmpeg}", args: joinArguments(settings, input) }));
  job.addTask(join);
}

// The settings, checked. Whoever submits through the API may leave out what has a default.
function withDefaults(given) {
  const settings = {};
  for (const { key, type, default: fallback } of JOB_TYPE.settings) {
    settings[key] = given[key] ?? fallback;
    if (settings[key] === undefined) {
      throw `setting "${key}" is missing: ${JOB_TYPE.settings.find((setting) => setting.key === key).description}`;
    }
    if (type === "float" && !(settings[key] > 0)) throw `setting "${key}" must be more than 0, not ${settings[key]}`;
  }
  return settings;
}

function authorChunkTask(settings, chunksFolder, chunkFile, index, count) {
  const start = index * settings.chunk_seconds;
  // Frames keep the time they have in the input, so every frame is in exactly one chunk and the chunks fit together.
  const args = [...FFMPEG_QUIET, "-copyts", "-start_at_zero"];
  // Jump close to the start rather than read all that is before it; the filter below finds the exact place.
  if (start > SEEK_MARGIN) args.push("-noaccurate_seek", "-ss", seconds(start - SEEK_MARGIN));
  args.push("-i", settings.input_video);

  // The first chunk begins and the last one ends wherever the video does: durations are rounded.
  const trim = [];
  if (index > 0) trim.push(`start=${seconds(start)}`);
  if (index < count - 1) trim.push(`end=${seconds(start + settings.chunk_seconds)}`);
  const filters = [trim.length ? `trim=${trim.join(":")}` : "null", settings.video_filter].filter(Boolean);
  args.push("-filter_complex", `[0:v:0]${filters.join(",")}[chunk]`, "-map", "[chunk]");
  args.push(...shellSplit(settings.codec_arguments));

  // The second more keeps frames that are decoded before the first one is shown from being moved to be above 0, and
  // without the flag FFmpeg finds the seams suspicious when it joins the chunks.
  args.push("-f", "mpegts", "-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", "1");
  args.push("-mpegts_flags", "initial_discontinuity", chunkFile);

  const task = author.Task(`chunk-${index + 1}`, "ffmpeg");
  task.addCommand(author.Command("make-directory", { path: chunksFolder }));
  task.addCommand(author.Command("exec", { exe: "{ffmpeg}", args: args }));
  return task;
}

function joinArguments(settings, input) {
  const args = [...FFMPEG_QUIET, "-i", input, "-i", settings.input_video];
  args.push("-map", "0:v", "-c:v", "copy");
  args.push("-map", "1:a?", ...shellSplit(settings.audio_arguments)); // "?": or none, if there is none
  args.push(settings.output_file);
  return args;
}

// A number as FFmpeg reads it, to the microsecond.
function seconds(number) {
  return String(Math.round(number * 1e6) / 1e6);
}
