// Worker Check: whether a worker that cannot test itself, such as one of today's Flamenco, has what jobs need. Give the
// job a tag that this worker alone has. Our own workers do better by themselves: flamenco self-test WORKER

const JOB_TYPE = {
  label: "Worker Check",
  description: "See whether a worker reaches the storage, and starts Blender and FFmpeg.",
  settings: [
    {
      key: "folder",
      type: "string",
      subtype: "dir_path",
      required: true,
      description: "A folder of the shared storage, in which files are written, read and deleted again",
    },
    {
      key: "reference",
      type: "string",
      subtype: "file_path",
      default: "",
      description: "A file that you see there, so that the worker shows that it sees the same storage",
    },
    {
      key: "has_ffmpeg",
      type: "bool",
      default: true,
      visible: "submission",
      description: "Whether it is to have FFmpeg, too",
    },
    {
      key: "task_type",
      type: "string",
      default: "misc",
      visible: "submission",
      description: "Type of the tasks, which the worker has to take",
    },
  ],
};

// Blender brings a Python to every platform, and no program of the system has the same name on all of them.
const SCRIPT = `
import os, sys, uuid
folder, reference = sys.argv[sys.argv.index("--") + 1:]
print("looking at " + folder, flush=True)
print("entries:", len(os.listdir(folder)), flush=True)
if reference and not os.path.isfile(reference):
    raise RuntimeError("NOT THE SAME STORAGE: " + reference + " is not there")
written = os.path.join(folder, ".flamenco-self-test-" + uuid.uuid4().hex + ".a")
renamed = written[:-1] + "b"
try:
    with open(written, "w") as file:
        file.write(renamed)
    os.replace(written, renamed)
    with open(renamed) as file:
        if file.read() != renamed:
            raise RuntimeError("A FILE DOES NOT HAVE WHAT WAS WRITTEN INTO IT: " + renamed)
finally:
    for path in (written, renamed):
        if os.path.exists(path):
            os.remove(path)
print("written, renamed, read and deleted", flush=True)
`;

function compileJob(job) {
  const settings = job.settings;
  const type = settings.task_type ?? "misc";
  if (!settings.folder) throw 'setting "folder" is missing: which folder of the storage shall be tried out?';

  const blender = addTask(job, type, "blender", "{blender}", ["--version"]);
  const batch = ["--background", "--factory-startup", "--python-exit-code", "1"];
  const args = [...batch, "--python-expr", SCRIPT, "--", settings.folder, settings.reference ?? ""];
  addTask(job, type, "storage", "{blender}", args, blender);
  if (settings.has_ffmpeg ?? true) addTask(job, type, "ffmpeg", "{ffmpeg}", ["-version"]);
}

function addTask(job, type, name, exe, args, after) {
  const task = author.Task(name, type);
  task.addCommand(author.Command("exec", { exe: exe, args: args }));
  if (after) task.addDependency(after);
  job.addTask(task);
  return task;
}
