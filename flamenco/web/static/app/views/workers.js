/** All workers. */

import { ago, exact } from "../core/format.js";
import { html } from "../core/lib.js";
import { href } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Beside } from "../ui/beside.js";
import { ListView } from "../ui/list_view.js";
import { Steps, WorkerState } from "../ui/status.js";
import { HiddenTitle } from "../ui/title.js";
import { Copy } from "../ui/values.js";
import { Approvals } from "./approvals.js";
import { Worker } from "./worker.js";

/** @typedef {import("../core/types.d.ts").WorkerRow} WorkerRow */

const STATUSES = /** @type {const} */ (["awake", "asleep", "testing", "starting", "error", "offline", "registered"]);
const VERSION = document.querySelector('meta[name="version"]')?.getAttribute("content") ?? "";

const words = strings.workers.columns;

/** @type {import("../ui/table.js").Column<WorkerRow>[]} */
const COLUMNS = [
  {
    name: "status",
    title: words.status,
    width: "minmax(8rem, 0.8fr)",
    sort: "status",
    cell: (worker) => html`<${WorkerState} worker=${worker} />`,
  },
  {
    name: "name",
    title: words.name,
    width: "minmax(9rem, 1.2fr)",
    sort: "name",
    cell: (worker) => html`<a href=${href(`/workers/${worker.id}`)} dir="auto" title=${worker.name}>${worker.name}</a>`,
  },
  {
    name: "task",
    title: words.task,
    width: "minmax(12rem, 2fr)",
    cell: (worker) => html`<${Present} worker=${worker} />`,
  },
  {
    name: "tags",
    title: words.tags,
    width: "minmax(5rem, 0.8fr)",
    cell: (worker) => worker.tags.map((tag) => html`<span class="tag" dir="auto">${tag.name}</span>`),
  },
  { name: "platform", title: words.platform, width: "6rem", sort: "platform", cell: (worker) => worker.platform },
  { name: "address", title: words.address, width: "8.5rem", sort: "address", cell: (worker) => worker.address },
  {
    name: "version",
    title: words.version,
    width: "minmax(7rem, 0.8fr)",
    sort: "version",
    cell: (worker) => html`<${Version} worker=${worker} />`,
  },
  {
    name: "seen",
    title: words.seen,
    width: "7rem",
    sort: "last_seen",
    isDescendingFirst: true,
    isNumber: true,
    cell: (worker) => html`<time title=${exact(worker.last_seen)}>${ago(worker.last_seen)}</time>`,
  },
];

/** @param {{worker: WorkerRow}} props */
const Present = ({ worker }) =>
  worker.task &&
  html`<a href=${href(`/jobs/${worker.task.job_id}/tasks/${worker.task.id}`)} dir="auto" title=${worker.task.name}>${worker.task.job_name} › ${worker.task.name}</a>
    <${Steps} completed=${worker.task.steps_completed} total=${worker.task.steps_total} />`;

/** @param {{worker: WorkerRow}} props */
function Version({ worker }) {
  const isOld = worker.version.startsWith("flamenco-worker ") && !worker.version.endsWith(` ${VERSION}`);
  return html`<span dir="auto" class=${isOld ? "old" : ""} title=${isOld ? strings.workers.old : undefined}>${worker.version}</span>`;
}

const Empty = () =>
  html`<h2>${strings.workers.none}</h2>
    <p>${strings.workers.first}</p>
    <p><${Copy} text=${`flamenco worker --manager ${document.baseURI}`} /></p>`;

/**
 * @param {import("../core/list.js").List<WorkerRow>} list
 * @param {import("../core/live.js").News} news
 */
function onNews(list, { events }) {
  let isConcerned = false;
  for (const { topic, payload } of events) {
    isConcerned ||= topic === "/workers" || topic === "/workertags" || topic.startsWith("/jobs/");
    if (topic !== "/workers" || payload.deleted_at) continue;
    list.patch(
      payload.id,
      /** @type {Partial<WorkerRow>} */ ({
        status: payload.status,
        name: payload.name,
        version: payload.version,
        last_seen: payload.last_seen,
      }),
    );
  }
  if (isConcerned) list.refreshSoon();
}

/** Those that are left when a worker is shown beside them. */
const BRIEF = COLUMNS.filter(({ name }) => ["status", "name", "seen"].includes(name));

export const Workers = () =>
  html`<${HiddenTitle} text=${strings.workers.title} /><${Approvals} />
    <${Beside}
      base="/workers/"
      detail=${(/** @type {string} */ id) => html`<${Worker} key=${id} id=${id} />`}
      list=${(/** @type {string | null} */ open, /** @type {(worker: WorkerRow) => void} */ onOpen) => html`<${ListView}
        path="x/workers"
        kind="workers"
        of="worker"
        columns=${open ? BRIEF : COLUMNS}
        statuses=${STATUSES}
        filters=${["tag", "approved"]}
        sort="name"
        open=${open ?? undefined}
        onOpen=${onOpen}
        onNews=${onNews}
        empty=${html`<${Empty} />`}
      />`}
    />`;
