// Skeleton: greets somebody, in as many tasks as you like.
//
// JOB_TYPE says which settings a job of this type has; compileJob(job) makes the tasks of one job out of them.
// Try it:  flamenco jobtypes compile skeleton.js --set who=World
// Test it: flamenco jobtypes test skeleton.test.yaml

/** @type {Flamenco.JobType} */
const JOB_TYPE = {
  label: "Skeleton",
  description: "Greets somebody",
  settings: [
    // A type is one of: string, int32, float, bool.
    { key: "who", type: "string", required: true, description: "Whom to greet" },
    { key: "frames", type: "string", default: "1-10", description: "Frames, such as 1-10, 15" },
    { key: "chunk_size", type: "int32", default: 5, propargs: { min: 1 }, description: "Frames per task" },
    // `choices` gives people a list to choose from.
    { key: "language", type: "string", choices: ["English", "German"], default: "English", visible: "submission" },
  ],
};

/** @param {Flamenco.Job} job */
function compileJob(job) {
  // Not every client fills in defaults, so be ready for settings that are missing.
  const { who, frames, chunk_size = 1, language = "English" } = job.settings;
  const hello = language === "German" ? "Hallo" : "Hello";

  // What is thrown is what the person who submits the job reads.
  if (!who.trim()) throw "Whom should I greet?";

  // The second argument of author.Task decides which workers may run it: those who list that type.
  const done = author.Task("done", "misc");

  for (const chunk of frameChunker(frames, chunk_size)) {
    const task = author.Task(`greet-${chunk}`, "misc");

    // A command is something that workers can do; this one writes into the task's log. Its third argument is how
    // many steps it reports; leave it out for those that report none.
    task.addCommand(author.Command("echo", { message: `${hello} ${who}, this is ${chunk}` }));

    job.addTask(task); // copies the task: add commands and dependencies before
    done.addDependency(task); // "done" waits for all the others
  }

  done.addCommand(author.Command("echo", { message: "That was all." }));
  job.addTask(done);

  // For you: shown by `flamenco jobtypes compile`, and written to the manager's log.
  print("made", job.tasks.length, "tasks");
}
