/** The trash: jobs that somebody deleted, until when they can be had back, and having them back. */

import { ago, exact } from "../../core/format.js";
import { html } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { mayManage } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { ListView } from "../../ui/list_view.js";
import { useTitle } from "../../ui/title.js";
import { COLUMNS, STATUSES } from "../jobs.js";

/** @typedef {import("../../core/types.d.ts").TrashedJob} TrashedJob */

const words = strings.trash;

/** @type {import("../../ui/table.js").Column<TrashedJob>[]} */
const OWN = [
  { ...column("name"), cell: (job) => html`<span dir="auto" title=${job.name}>${job.name}</span>` },
  ...["status", "type", "user", "project"].map(column),
  {
    name: "updated",
    title: words.deleted,
    width: "8rem",
    sort: "deleted",
    isDescendingFirst: true,
    isNumber: true,
    cell: (job) => html`<time title=${exact(job.deleted)}>${ago(job.deleted)}</time>`,
  },
  {
    name: "goes",
    title: words.goes,
    width: "9rem",
    isNumber: true,
    cell: (job) => html`<time title=${exact(job.goes)}>${ago(job.goes)}</time>`,
  },
];

/** That of the list of jobs; the trash cannot be sorted by all of them. @param {string} name */
function column(name) {
  const { sort, ...found } = /** @type {typeof COLUMNS[number]} */ (COLUMNS.find((each) => each.name === name));
  return sort && sort !== "status" ? { ...found, sort } : found;
}

export function Trash() {
  useTitle(words.title);
  return html`<div class="above">
      <h1>${words.title}</h1>
      <p>${words.what} ${mayManage.value && html`<a href=${href("/archives")}>${strings.archives.title}</a>`}</p>
    </div>
    <${ListView}
      path="x/trash"
      kind="jobs"
      of="job"
      columns=${OWN}
      statuses=${STATUSES}
      filters=${["type", "user", "project", "tag"]}
      sort="-deleted"
      onOpen=${() => {}}
      onNews=${onNews}
      empty=${html`<p>${words.none}</p>`}
    />`;
}

/**
 * @param {import("../../core/list.js").List<TrashedJob>} list
 * @param {import("../../core/live.js").News} news
 */
function onNews(list, { events }) {
  if (events.some(({ topic }) => topic === "/jobs")) list.refreshSoon();
}
