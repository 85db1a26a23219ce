// Frame Script: runs a program of yours for the frames of a range, a few frames per task.

const JOB_TYPE = {
  label: "Frame Script",
  description: "Run a Python script or a program for a range of frames, a few per task.",
  settings: [
    {
      key: "script",
      type: "string",
      subtype: "file_path",
      required: true,
      description: "The Python script (its name ends with .py) or program, on storage that all workers can reach",
    },
    {
      key: "arguments",
      type: "string",
      default: "{frames}",
      description:
        "Its arguments: {frames} becomes the frames of the task, such as '1-10,15'; " +
        "{first} and {last} the ends of that, {count} how many they are",
    },
    {
      key: "frames",
      type: "string",
      required: true,
      eval: "f'{C.scene.frame_start}-{C.scene.frame_end}'",
      evalInfo: { showLinkButton: true, description: "Scene frame range" },
      description: "Frames to run it for, for example '47', '1-30', '3, 5-10, 47-327', '1-100x5', '10-1'",
    },
    {
      key: "chunk_size",
      type: "int32",
      default: 1,
      propargs: { min: 1 },
      visible: "submission",
      description: "How many frames one task is for",
    },
    {
      key: "interpreter",
      type: "string",
      default: "python3",
      visible: "submission",
      description: "What runs Python scripts: a program, or a variable of the manager such as {python}",
    },
    {
      key: "task_type",
      type: "string",
      default: "misc",
      visible: "submission",
      description: "Type of the tasks, which decides what workers run them",
    },
  ],
};

// Only these are ours. {blender} and all others are variables, which the manager replaces for each worker.
const PLACEHOLDER = /\{(frames|first|last|count)\}/g;

function compileJob(job) {
  const settings = job.settings;
  fillInDefaults(settings);
  if (!settings.script) throw 'setting "script" is missing: which script or program shall be run?';
  // Split before frames are filled in, so that each argument stays the one that was written.
  const template = shellSplit(settings.arguments);
  const isPython = settings.script.toLowerCase().endsWith(".py");
  const [exe, ...before] = isPython ? [settings.interpreter, settings.script] : [settings.script];

  for (const chunk of frameChunker(settings.frames, settings.chunk_size)) {
    const values = placeholders(chunk);
    refuseGaps(template, values);
    const args = template.map((word) => word.replace(PLACEHOLDER, (_, name) => values[name]));

    const task = author.Task(`frames-${shortened(values)}`, settings.task_type);
    if ("frames" in task) task.frames = chunk;
    task.addCommand(author.Command("exec", { exe: exe, args: [...before, ...args] }));
    job.addTask(task);
  }
}

// Whoever submits through the API may leave out what has a default.
function fillInDefaults(settings) {
  for (const { key, default: value } of JOB_TYPE.settings) {
    if (value !== undefined) settings[key] ??= value;
  }
}

function placeholders(chunk) {
  // Of "1-3,8": 1, 3, 8; of "-2,-1,0-3": -2, -1, 0, 3.
  const numbers = chunk.split(",").flatMap((part) => (/^\d+-\d+$/.test(part) ? part.split("-") : [part]));
  return { frames: chunk, first: numbers[0], last: numbers[numbers.length - 1], count: frameCount(chunk) };
}

// The frames in the name of a task, which may have a thousand characters at most.
function shortened({ frames, first, last, count }) {
  return frames.length > 900 ? `${first}...${last} (${count} frames)` : frames;
}

// A script that is told only the ends would take frames for its own that nobody asked for, or go the wrong way.
function refuseGaps(template, { frames, first, last, count }) {
  const text = template.join(" ");
  const knowsOnlyEnds = !text.includes("{frames}") && (text.includes("{first}") || text.includes("{last}"));
  if (knowsOnlyEnds && last - first + 1 !== count) {
    const problem = Number(last) < Number(first) ? "go down" : "have a gap";
    throw `frames ${frames} ${problem}, which {first} and {last} cannot tell; use {frames}, or a chunk_size of 1`;
  }
}
