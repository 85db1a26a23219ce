/** Limits on how many tasks run at once in the farm: what is in use, and who waits. */

import { html } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Missing, Rows, useFetched } from "../../ui/object.js";
import { Status } from "../../ui/status.js";

/** @typedef {import("../../core/types.d.ts").LimitState} LimitState */

const words = strings.limits;
const EVERY_MS = 5000;

export function Limits() {
  const fetched = useFetched("x/limits", ({ topic }) => topic === "/jobs", EVERY_MS);
  const found = /** @type {{limits: LimitState[]} | null} */ (fetched.value);
  return html`<h2>${words.title}</h2>
    <p>${words.what}</p>
    ${!found && html`<${Missing} of=${fetched} gone=${words.none} />`}
    ${found?.limits.length === 0 && html`<p class="empty">${words.none}</p>`}
    ${
      Boolean(found?.limits.length) &&
      html`<${Rows} columns=${words.columns}>${found?.limits.map((limit) => html`<${Line} key=${limit.name} limit=${limit} />`)}<//>`
    }`;
}

/** @param {{limit: LimitState}} props */
const Line = ({ limit }) =>
  html`<tr>
    <th scope="row" dir="auto">${limit.name}</th>
    <td>${words.use(limit.in_use, limit.capacity)} ${limit.in_use >= limit.capacity && html`<${Status} kind="limit" status="full" />`}</td>
    <td>${limit.waiting.toLocaleString()}</td>
    <td>
      ${limit.first.map((job) => html`<a key=${job.id} href=${href(`/jobs/${job.id}`)} dir="auto">${job.name}</a> <span class="tag">${job.tasks.toLocaleString()}</span> `)}
      ${limit.waiting_jobs > limit.first.length && words.more(limit.waiting_jobs - limit.first.length)}
    </td>
  </tr>`;
