// Echo Sleep Test: one task that says something, then tasks that wait. Needs no files and no programs, so it
// shows whether manager and workers find each other.

const JOB_TYPE = {
  label: "Echo Sleep Test",
  settings: [
    { key: "message", type: "string", required: true },
    { key: "sleep_duration_seconds", type: "int32", default: 1 },
    { key: "sleep_repeats", type: "int32", default: 1 },
  ],
};

function compileJob(job) {
  const { message, sleep_duration_seconds, sleep_repeats } = job.settings;

  const echo = author.Task("echo", "misc");
  echo.addCommand(author.Command("echo", { message: message }));
  job.addTask(echo);

  for (let i = 0; i < sleep_repeats; i++) {
    const sleep = author.Task("sleep", "misc");
    sleep.addCommand(author.Command("sleep", { duration_in_seconds: sleep_duration_seconds }));
    sleep.addDependency(echo); // it runs when the echo task is done
    job.addTask(sleep);
  }
}
