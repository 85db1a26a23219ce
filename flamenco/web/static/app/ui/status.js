/** How a status looks: always a shape, a word and a colour, so that nobody needs all three; and how far something is. */

import { clock, exact, percent } from "../core/format.js";
import { html } from "../core/lib.js";
import { href } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

/** @typedef {"job" | "task" | "worker" | "farm" | "attempt" | "limit" | "wait" | "preview"} Kind */

/** @type {Record<string, string>} the icon of each status, whatever it is of */
const ICONS = {
  active: "circle-dot",
  queued: "circle-dashed",
  completed: "circle-check",
  failed: "octagon-x",
  "soft-failed": "circle-alert",
  canceled: "ban",
  "cancel-requested": "ban",
  paused: "circle-pause",
  "pause-requested": "circle-pause",
  requeueing: "rotate-ccw",
  requeued: "rotate-ccw",
  lost: "circle-alert",
  "under-construction": "loader",
  awake: "zap",
  asleep: "moon-star",
  error: "octagon-x",
  offline: "power",
  starting: "loader",
  testing: "loader",
  restart: "rotate-ccw",
  "": "circle",
  registered: "circle",
  idle: "circle-check",
  waiting: "clock",
  inoperative: "octagon-x",
  unknown: "circle",
  full: "circle-alert",
  counting: "loader",
  broken: "octagon-x",
  met: "circle-check",
  satisfied: "circle-check",
  "to-approve": "eye",
};

/**
 * The word for a status.
 * @param {Kind} kind
 * @param {string} status
 */
export const statusWord = (kind, status) =>
  /** @type {Record<string, string>} */ (strings.status[kind])[status] ?? status;

/** @param {{kind: Kind, status: string}} props */
export const Status = ({ kind, status }) =>
  html`<span class="status" data-status=${status || "registered"}>
    <${Icon} name=${ICONS[status] ?? "circle"} /><span>${statusWord(kind, status)}</span>
  </span>`;

/**
 * Whether a job goes on as soon as somebody has looked at its preview.
 * @param {{status: string, preview?: string}} job
 */
export const isToApprove = ({ status, preview }) => preview === "waiting" && ["active", "queued"].includes(status);

/** The name of a job, which leads there, and whether it is to be looked at. @param {{job: import("../core/types.d.ts").JobRow}} props */
export const JobName = ({ job }) =>
  html`<span class="named">
    <a href=${href(`/jobs/${job.id}`)} dir="auto" title=${job.name}>${job.name}</a>
    ${isToApprove(job) && html`<${Status} kind="preview" status="to-approve" />`}
  </span>`;

/** The order in which parts of a bar stand: what is done on the left, as far as the eye wants it to reach. */
const PARTS = /** @type {const} */ (["completed", "active", "soft-failed", "failed", "canceled", "paused", "queued"]);

/** @param {{tasks: Record<string, number>, completed: number, total: number}} props tasks by status, and steps */
export function Progress({ tasks, completed, total }) {
  const all = PARTS.reduce((sum, part) => sum + (tasks[part] ?? 0), 0);
  const said = PARTS.filter((part) => tasks[part]).map(
    (part) => `${statusWord("task", part)} ${tasks[part]?.toLocaleString()}`,
  );
  const done = total ? percent(completed, total) : percent(tasks.completed ?? 0, all);
  return html`<span class="progress" title=${said.join("\n")}>
    <span class="bar" role="img" aria-label=${said.join(", ")}>
      ${PARTS.map((part) => (tasks[part] ?? 0) > 0 && html`<i data-status=${part} style=${{ flexGrow: tasks[part] }}></i>`)}
    </span>
    <span class="number">${done} %</span>
  </span>`;
}

/** @param {{completed: number, total: number}} props steps */
export const Steps = ({ completed, total }) =>
  total > 0 &&
  html`<span class="progress">
    <progress value=${completed} max=${total} aria-label=${`${completed}/${total}`}></progress>
    <span class="number">${percent(completed, total)} %</span>
  </span>`;

/**
 * What a worker does, what is wanted of it, and what people should know about it.
 * @param {{worker: import("../core/types.d.ts").WorkerRow}} props
 */
export const WorkerState = ({ worker }) =>
  html`<${Status} kind="worker" status=${worker.status} />
    ${
      worker.requested &&
      html` <small class="requested">→ ${strings.workers.requested(statusWord("worker", worker.requested.status), worker.requested.is_lazy)}</small>`
    }
    ${worker.warning && html`<span title=${worker.warning}><${Icon} name="triangle-alert" label=${worker.warning} /></span>`}`;

/**
 * When something will be done, as short as a list has room for; more of it where one points.
 * @param {{eta?: import("../core/types.d.ts").Eta}} props
 */
export function When({ eta }) {
  if (!eta) return null;
  const [first, last] = [clock(eta.earliest), clock(eta.latest)];
  const title = `${exact(eta.earliest)} – ${exact(eta.latest)}: ${eta.ground}`;
  return html`<span title=${title}>${first === last ? last : `${first} – ${last}`}</span>`;
}
