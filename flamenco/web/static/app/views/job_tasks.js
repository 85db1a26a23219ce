/** The tasks of a job. */

import { ago, exact, now, span } from "../core/format.js";
import { html } from "../core/lib.js";
import { go, href } from "../core/place.js";
import { strings } from "../core/strings.js";
import { ListView } from "../ui/list_view.js";
import { Status, Steps } from "../ui/status.js";

/** @typedef {import("../core/types.d.ts").TaskRow} TaskRow */

const STATUSES = /** @type {const} */ ([
  "active",
  "queued",
  "soft-failed",
  "failed",
  "completed",
  "canceled",
  "paused",
]);

const words = strings.tasks.columns;

/**
 * @param {string} jobId
 * @returns {import("../ui/table.js").Column<TaskRow>[]}
 */
const columns = (jobId) => [
  { name: "index", title: words.index, width: "4rem", sort: "index", isNumber: true, cell: (task) => task.index },
  {
    name: "status",
    title: words.status,
    width: "8rem",
    sort: "status",
    cell: (task) => html`<${Status} kind="task" status=${task.status} />`,
  },
  {
    name: "name",
    title: words.name,
    width: "minmax(10rem, 2fr)",
    sort: "name",
    cell: (task) =>
      html`<a href=${href(`/jobs/${jobId}/tasks/${task.id}`)} dir="auto" title=${task.name}>${task.name}</a>`,
  },
  {
    name: "type",
    title: words.type,
    width: "minmax(5rem, 0.6fr)",
    sort: "type",
    cell: (task) => html`<span dir="auto">${task.type}</span>`,
  },
  {
    name: "worker",
    title: words.worker,
    width: "minmax(7rem, 1fr)",
    sort: "worker",
    cell: (task) =>
      task.worker &&
      html`<a href=${href(`/workers/${task.worker.id}`)} dir="auto">${task.worker.name || task.worker.id.slice(0, 8)}</a>`,
  },
  {
    name: "priority",
    title: words.priority,
    width: "4.5rem",
    sort: "priority",
    isDescendingFirst: true,
    isNumber: true,
    cell: (task) => task.priority,
  },
  {
    name: "progress",
    title: words.progress,
    width: "8rem",
    sort: "progress",
    isDescendingFirst: true,
    cell: (task) => html`<${Steps} completed=${task.steps_completed} total=${task.steps_total} />`,
  },
  {
    name: "duration",
    title: words.duration,
    width: "6rem",
    sort: "duration",
    isDescendingFirst: true,
    isNumber: true,
    cell: (task) => html`<${Duration} task=${task} />`,
  },
  {
    name: "updated",
    title: words.updated,
    width: "7rem",
    sort: "updated",
    isDescendingFirst: true,
    isNumber: true,
    cell: (task) => html`<time title=${exact(task.updated)}>${ago(task.updated)}</time>`,
  },
];

/** For how long it runs, or ran last. @param {{task: TaskRow}} props */
function Duration({ task }) {
  if (!task.activated) return null;
  const until = task.status === "active" ? Math.max(now.value, Date.now()) : Date.parse(task.updated);
  return html`<span>${span((until - Date.parse(task.activated)) / 1000)}</span>`;
}

/** @param {{job: import("../core/types.d.ts").Job, prefix: string}} props */
export function Tasks({ job, prefix }) {
  const topic = `/jobs/${job.id}`;
  /**
   * @param {import("../core/list.js").List<TaskRow>} list
   * @param {import("../core/live.js").News} news
   */
  const onNews = (list, { events }) => {
    let isConcerned = false;
    for (const event of events) {
      isConcerned ||= event.topic === topic || (event.topic === "/jobs" && event.payload.id === job.id);
      if (event.topic !== topic) continue;
      const { id, status, activity, steps_completed, steps_total, updated } = event.payload;
      list.patch(id, /** @type {Partial<TaskRow>} */ ({ status, activity, steps_completed, steps_total, updated }));
    }
    if (isConcerned) list.refreshSoon();
  };
  return html`<${ListView}
    path=${`x/jobs/${job.id}/tasks`}
    kind="tasks"
    of="task"
    columns=${columns(job.id)}
    statuses=${STATUSES}
    filters=${["type", "worker"]}
    sort="index"
    prefix=${prefix}
    fixed=${{ job_id: job.id }}
    onOpen=${(/** @type {TaskRow} */ task) => go(`/jobs/${job.id}/tasks/${task.id}`)}
    onNews=${onNews}
    empty=${html`<p>${strings.tasks.none}</p>`}
  />`;
}
