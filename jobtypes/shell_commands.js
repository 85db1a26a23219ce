// Shell Commands: a list of command lines, each of them a task. With no shell in between: a line names a program and
// its arguments. For pipes and the like let the program be a shell: sh -c 'a | b'

const JOB_TYPE = {
  label: "Shell Commands",
  description: "Run a list of command lines, on many workers or one after another.",
  settings: [
    {
      key: "commands",
      type: "string",
      required: true,
      // Blender's text fields have only one line, its text editor has many.
      eval: "bpy.data.texts['commands'].as_string() if 'commands' in bpy.data.texts else ''",
      evalInfo: { showLinkButton: false, description: "The text called 'commands' in this blend file" },
      description: "Command lines, one per line. Empty lines do not count, nor does what comes after a #",
    },
    {
      key: "chained",
      type: "bool",
      default: false,
      description: "Run each line only when the one before has succeeded, not all at once",
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

function compileJob(job) {
  const { commands, chained, task_type } = job.settings;
  let previous; // the task of the line before

  for (const { number, words } of commandLines(commands ?? "")) {
    const [exe, ...args] = words;
    const task = author.Task(`line-${number}-${path.basename(exe)}`, task_type ?? "misc");
    task.addCommand(author.Command("exec", { exe: exe, args: args }));
    if (chained && previous) task.addDependency(previous);
    job.addTask(task);
    previous = task;
  }
  if (!previous) throw 'setting "commands" has no command lines in it';
}

// The lines that are command lines, split into words as a shell does it, with the line's number for people.
function commandLines(text) {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ number: index + 1, words: split(line, index + 1) }))
    .filter(({ words }) => words.length > 0);
}

function split(line, number) {
  let words;
  try {
    words = shellSplit(line);
  } catch (error) {
    throw `line ${number} of the commands: ${error.message}: ${line}`;
  }
  if (words[0] === "") throw `line ${number} of the commands: the name of the program is empty: ${line}`;
  return words;
}
