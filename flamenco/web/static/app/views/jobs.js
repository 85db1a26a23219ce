/** All jobs, and one of them beside the list where there is room. */

import { ago, exact } from "../core/format.js";
import { html } from "../core/lib.js";
import { href, place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Beside } from "../ui/beside.js";
import { Icon } from "../ui/icon.js";
import { later } from "../ui/later.js";
import { ListView } from "../ui/list_view.js";
import { JobName, Progress, Status, statusWord, When } from "../ui/status.js";
import { HiddenTitle } from "../ui/title.js";
import { Job } from "./job.js";

/** @typedef {import("../core/types.d.ts").JobRow} JobRow */

export const STATUSES = /** @type {const} */ ([
  "active",
  "queued",
  "paused",
  "failed",
  "completed",
  "canceled",
  "requeueing",
  "cancel-requested",
  "pause-requested",
  "under-construction",
]);

const words = strings.jobs.columns;

/** @type {import("../ui/table.js").Column<JobRow>[]} */
export const COLUMNS = [
  {
    name: "status",
    title: words.status,
    width: "9rem",
    sort: "status",
    cell: (job) => html`<${Status} kind="job" status=${job.status} />`,
  },
  {
    name: "progress",
    title: words.progress,
    width: "9rem",
    sort: "progress",
    cell: (job) => html`<${Progress} tasks=${job.tasks} completed=${job.steps_completed} total=${job.steps_total} />`,
  },
  {
    name: "name",
    title: words.name,
    width: "minmax(12rem, 3fr)",
    sort: "name",
    cell: (job) => html`<${JobName} job=${job} />`,
  },
  {
    name: "type",
    title: words.type,
    width: "minmax(6rem, 1fr)",
    sort: "type",
    cell: (job) => html`<span dir="auto">${job.type}</span>`,
  },
  {
    name: "user",
    title: words.user,
    width: "minmax(5rem, 1fr)",
    sort: "user",
    cell: (job) => html`<span dir="auto">${job.user}</span>`,
  },
  {
    name: "project",
    title: words.project,
    width: "minmax(5rem, 1fr)",
    sort: "project",
    cell: (job) => html`<span dir="auto">${job.project}</span>`,
  },
  {
    name: "tag",
    title: words.tag,
    width: "minmax(4rem, 0.7fr)",
    cell: (job) => job.tag && html`<span class="tag" dir="auto">${job.tag.name}</span>`,
  },
  {
    name: "priority",
    title: words.priority,
    width: "4.5rem",
    sort: "priority",
    isDescendingFirst: true,
    isNumber: true,
    cell: (job) => job.priority,
  },
  { name: "running", title: words.running, width: "5rem", isNumber: true, cell: (job) => job.tasks.active || "" },
  {
    name: "failures",
    title: words.failures,
    width: "4.5rem",
    isNumber: true,
    cell: (job) =>
      job.tasks.failed > 0 &&
      html`<a class="failures" href=${href(`/jobs/${job.id}?status=failed`)}>${job.tasks.failed}</a>`,
  },
  { name: "eta", title: words.eta, width: "7.5rem", isNumber: true, cell: (job) => html`<${When} eta=${job.eta} />` },
  {
    name: "updated",
    title: words.updated,
    width: "7rem",
    sort: "updated",
    isDescendingFirst: true,
    isNumber: true,
    cell: (job) => html`<time title=${exact(job.updated)}>${ago(job.updated)}</time>`,
  },
];

const Empty = () => html`<h2>${strings.jobs.none}</h2><p>${strings.jobs.first}</p>`;

/**
 * What events say of jobs in the list.
 * @param {import("../core/list.js").List<JobRow>} list
 * @param {import("../core/live.js").News} news
 */
function onNews(list, { events }) {
  let isConcerned = false;
  for (const { topic, payload } of events) {
    isConcerned ||= topic.startsWith("/jobs");
    if (topic !== "/jobs" || payload.was_deleted) continue;
    const { status, priority, steps_completed, steps_total, updated } = payload;
    list.patch(
      payload.id,
      /** @type {Partial<JobRow>} */ ({ status, priority, steps_completed, steps_total, updated }),
    );
  }
  if (isConcerned) list.refreshSoon();
}

/** Those that are left when a job is shown beside them. */
const BRIEF = COLUMNS.filter(({ name }) => ["status", "progress", "name", "updated"].includes(name));

const FLAGS = { waiting_for_approval: statusWord("preview", "to-approve") };
const WITH_ETA = { eta: "true" };
const GROUPINGS = /** @type {const} */ (["project", "user", "type", "batch"]);
const Groups = later(async () => (await import("./later/job_groups.js")).Groups);

/** How jobs are put together: not at all, or by what they have in common. */
const GroupedBy = () =>
  html`<select aria-label=${strings.jobs.by} onChange=${(/** @type {Event} */ event) => setParams({ by: /** @type {HTMLSelectElement} */ (event.target).value || null })}>
    <option value="">${strings.jobs.ungrouped}</option>
    ${GROUPINGS.map((name) => html`<option value=${name} selected=${place.value.params.get("by") === name}>${strings.jobs.grouped[name]}</option>`)}
  </select>`;

export function Jobs() {
  const by = place.value.params.get("by");
  if (by && GROUPINGS.some((name) => name === by))
    return html`<${Groups} by=${by} control=${html`<${GroupedBy} />`} />`;
  return html`<${HiddenTitle} text=${strings.jobs.title} />
    <${Beside}
      base="/jobs/"
      detail=${(/** @type {string} */ id) => html`<${Job} key=${id} id=${id} isBeside=${true} />`}
      list=${(/** @type {string | null} */ open, /** @type {(job: JobRow) => void} */ onOpen) => html`<${ListView}
        path="x/jobs"
        kind="jobs"
        of="job"
        columns=${open ? BRIEF : COLUMNS}
        statuses=${STATUSES}
        always=${WITH_ETA}
        extra=${html`<${GroupedBy} /><a class="button" href=${href("/trash")} title=${strings.trash.title}><${Icon} name="trash-2" label=${strings.trash.title} /></a>`}
        filters=${["type", "user", "project", "batch", "tag", "worker", "stuck"]}
        flags=${FLAGS}
        sort="-created"
        open=${open ?? undefined}
        onOpen=${onOpen}
        onNews=${onNews}
        empty=${html`<${Empty} />`}
      />`}
    />`;
}
