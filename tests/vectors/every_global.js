// Uses everything that a script finds around it, in ways that the declarations must allow; what they must not allow
// is marked with @ts-expect-error. Type-checked by TypeScript, and run by the compiler.

/** @type {Flamenco.JobType} */
const JOB_TYPE = {
  label: "Every global",
  description: "Uses everything there is",
  settings: [
    {
      key: "text",
      type: "string",
      subtype: "hashed_file_path",
      choices: ["a", "b"],
      propargs: { maxlen: 5 },
      description: "a text",
      label: "Text",
      default: "a",
      eval: "C.scene.name",
      evalInfo: { showLinkButton: true, description: "of the scene" },
      visible: "submission",
      required: false,
      editable: false,
      aliases: ["words"],
    },
    { key: "number", type: "int32", default: 3, visible: false },
    { key: "ratio", type: "float", default: 0.5 },
    { key: "flag", type: "bool", default: true },
  ],
  timeLimits: { "*": { maxRunTime: "2h", maxSilence: "20m" }, misc: { minRunTime: "0s" } },
  failureRules: [
    { match: "Cannot open (?P<file>.+)", then: "fail_job", say: "{file} is missing.", workers: 2 },
    { exitCode: 11, taskTypes: ["misc"], then: "retry_after 5m" },
  ],
  failPercent: 50,
  tries: 5,
};

/** @type {Flamenco.FailureRule} */
const endless = {
  // @ts-expect-error - it says how long
  then: "retry_after",
};

/** @type {Flamenco.TimeLimits} */
const unlimited = {
  // @ts-expect-error - a span of time is a text
  maxRunTime: 60,
};

/** @type {Flamenco.Setting} */
const misspelt = {
  key: "a",
  // @ts-expect-error - there is no such type
  type: "integer",
};

/** @param {Flamenco.Job} job */
function compileJob(job) {
  /** @type {string[]} */
  const chunks = frameChunker(job.settings.range ?? "1-10", 3);
  /** @type {number} */
  const frames = frameCount("1-10");
  /** @type {string[]} */
  const words = shellSplit("a 'b c'");
  /** @type {string} */
  const stamp = formatTimestampLocal(job.created) + formatTimestampLocal("2026-01-02T03:04:05Z");
  /** @type {string} */
  const file = path.join(path.dirname("/a/b.c"), path.basename("/a/b.c"), path.stem("b.c"));
  /** @type {string} */
  const system = process.platform + process.cwd();
  job.dependsOn("6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a", { kind: "frames", when: "ended", offset: [-1, 1] });
  // @ts-expect-error - there is no such kind
  if (!job.name) job.dependsOn("6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a", { kind: "some" });
  job.orderFrames("every 10");
  job.previewFrames("first,middle,last", { then: "ask", continueAfter: "4h" });
  // @ts-expect-error - there is no such order
  if (!job.name) job.orderFrames("sideways");
  // @ts-expect-error - nothing of that kind follows
  if (!job.name) job.previewFrames("first", { then: "cancel" });
  if ("allowWorkers" in job && job.metadata.narrow) job.allowWorkers("render-01", "tag:gpu");
  if (job.metadata.narrow) job.denyWorkers("render-02");
  print(chunks, frames, words, stamp, file, system, misspelt.key, null, 5);
  alert("careful", { a: 1 });

  /** @type {Uint8Array} */
  const bytes = new TextEncoder().encode("text");
  /** @type {string} */
  const base64 = btoa(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  if (atob(base64) !== "text" || bytes.length !== 4) throw "bytes";

  const modules = [require("author"), require("path"), require("process")];
  if (modules[0] !== author || modules[1] !== path || modules[2] !== process) throw "modules";

  /** @type {Flamenco.Command} */
  const command = author.Command("echo", { message: "hello" }, 2);
  command.name = command.name + "";
  command.parameters = { message: "hello", more: [1, null] };
  command.totalStepCount += 1;

  /** @type {Flamenco.Task} */
  const task = author.Task("one", "misc");
  task.uUID = task.uUID.toLowerCase();
  task.name = "first";
  task.type = "misc";
  task.priority = 80;
  if ("optional" in task) task.optional = !task.optional;
  task.addCommand(command);
  task.addCommand(author.Command("not-of-this-manager"));
  task.addCommand(author.Command("not-of-this-manager", null));
  task.commands = task.commands.filter((each) => each.name !== "nothing");
  job.addTask(task);

  const second = author.Task("second", "misc");
  second.addDependency(task);
  second.dependencies = [...second.dependencies];
  job.addTask(second);
  job.tasks = job.tasks.slice();
  job.tasks[1].name += "!";

  job.name = `${job.name} of ${job.jobType} ${job.jobID}`;
  job.priority += 1;
  job.workerTagUUID = "";
  job.status = "queued";
  job.created = new Date(job.created.getTime());
  const when = job.created;
  /** @type {string} */
  const texts = when.toString() + when.string() + when.format("2006-01-02");
  /** @type {number} */
  const numbers = when.unix() + when.unixMilli() + when.unixMicro() + when.unixNano() + when.nanosecond();
  /** @type {number[]} */
  const clock = [when.year(), when.month(), when.day(), when.weekday(), when.yearDay(), when.hour(), when.minute(), when.second()];
  job.metadata.clock = [texts, numbers, clock];
  if ("variables" in job) job.variables = { ...job.variables, script: "import bpy" };
  job.settings.more = { deep: [1, "two"] };
  job.metadata["user.name"] = "somebody";
  job.storage.shamanCheckoutID = "";

  // What is misspelt is found.
  try {
    // @ts-expect-error - there is no such field
    task.prio = 1;
    throw "task.prio";
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  // @ts-expect-error - a task needs a type
  if (false) author.Task("one");
  // @ts-expect-error - there is no such function
  if (false) path.extname("a");
  // @ts-expect-error - there is no console
  if (false) console.log("a");
  // @ts-expect-error - commands are made by author.Command
  if (false) task.addCommand({ name: "echo", parameters: {} });
}
