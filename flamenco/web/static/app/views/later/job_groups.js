/** Jobs by what they have in common: how many there are of each, and how far they are. */

import { ago, exact } from "../../core/format.js";
import { html } from "../../core/lib.js";
import { href, place, withParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { FilterField } from "../../ui/filters.js";
import { Missing, ofJobs, Rows, useFetched } from "../../ui/object.js";
import { Status, Steps } from "../../ui/status.js";
import { useTitle } from "../../ui/title.js";

/** @typedef {import("../../core/types.d.ts").JobGroup} Group */

const words = strings.jobs;
const KEPT = ["status", "q", "type", "user", "project", "batch", "tag", "worker", "stuck", "waiting_for_approval"];
const EVERY_MS = 3000;

/** @param {{by: "project" | "user" | "type" | "batch", control: any}} props `control`: with which one chooses another */
export function Groups({ by, control }) {
  useTitle(words.title);
  const query = new URLSearchParams({ by });
  for (const name of KEPT) for (const value of place.value.params.getAll(name)) query.append(name, value);
  const fetched = useFetched(`x/jobs/groups?${query}`, ofJobs, EVERY_MS);
  const found = /** @type {{groups: Group[], total: number} | null} */ (fetched.value);
  return html`<article class="object scroll audit" tabindex="0">
    <h1>${words.title}</h1>
    <div class="filters"><${FilterField} name="q" /><span class="grow"></span>${control}</div>
    ${!found || fetched.error ? html`<${Missing} of=${fetched} gone="" />` : html`<${Table} by=${by} groups=${found.groups} total=${found.total} />`}
  </article>`;
}

/** @param {{by: "project" | "user" | "type" | "batch", groups: Group[], total: number}} props */
function Table({ by, groups, total }) {
  if (!groups.length)
    return html`<p class="empty">${place.value.params.has("q") ? strings.list.nothing : words.none}</p>`;
  const columns = [
    words.columns[by],
    strings.nav.jobs,
    words.columns.progress,
    words.columns.status,
    words.columns.updated,
  ];
  return html`<${Rows} columns=${columns}>${groups.map((group) => html`<${Line} key=${group.name ?? ""} by=${by} group=${group} />`)}<//>
    ${total > groups.length && html`<p>${words.someGroups(groups.length, total)}</p>`}`;
}

/** @param {{by: string, group: Group}} props */
function Line({ by, group }) {
  const { name, counts, steps_completed: completed, steps_total: steps } = group;
  /** @param {string | null} status */
  const jobs = (status) => href(withParams({ by: null, [by]: name ?? null, ...(status ? { status } : {}) }));
  return html`<tr>
    <th scope="row" dir="auto">${name ? html`<a href=${jobs(null)}>${name}</a>` : words.noName}</th>
    <td class="right">${group.total.toLocaleString()}</td>
    <td><${Steps} completed=${completed} total=${steps} /></td>
    <td>${Object.entries(counts).map(([status, count]) => {
      const what = html`<${Status} kind="job" status=${status} /> ${count.toLocaleString()}`;
      return name ? html`<a class="chip" href=${jobs(status)}>${what}</a> ` : html`<span class="chip">${what}</span> `;
    })}</td>
    <td><time title=${exact(group.updated)}>${ago(group.updated)}</time></td>
  </tr>`;
}
