/** What a worker was given last, and why it is given nothing of the jobs that are first in line. */

import { get } from "../../core/api.js";
import { exact, span } from "../../core/format.js";
import { html, useEffect, useSignal } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { complain } from "../../ui/notices.js";
import { Missing, Rows, useFetched } from "../../ui/object.js";
import { Status } from "../../ui/status.js";

/** @typedef {import("../../core/types.d.ts").GivenTask} GivenTask */
/** @typedef {import("../../core/types.d.ts").Explanation} Explanation */

const words = strings.worker.given;
const JOBS = 5;
const EVERY_MS = 5000;

/** @param {{id: string}} props */
export function WorkerTasks({ id }) {
  const fetched = useFetched(
    `x/workers/${id}/tasks`,
    ({ topic, payload }) => topic === "/workers" && payload.id === id,
    EVERY_MS,
  );
  const given = /** @type {{tasks: GivenTask[]} | null} */ (fetched.value);
  return html`<section>
    <h2>${words.title}</h2>
    ${!given && html`<${Missing} of=${fetched} gone=${strings.worker.gone} />`}
    ${given?.tasks.length === 0 && html`<p>${words.none}</p>`}
    ${
      Boolean(given?.tasks.length) &&
      html`<${Rows} columns=${words.columns}>
        ${given?.tasks.map((each) => html`<${Line} key=${each.task.id + each.given} given=${each} />`)}
      <//>`
    }
    <${Offers} key=${id} id=${id} />
  </section>`;
}

/** @param {{given: GivenTask}} props */
const Line = ({ given: { task, job, given, seconds, outcome, reason } }) =>
  html`<tr>
    <td>${exact(given)}</td>
    <td class="right">${seconds !== undefined && span(seconds)}</td>
    <td>${outcome && html`<${Status} kind="attempt" status=${outcome} />`}</td>
    <td><a href=${href(`/jobs/${job.id}`)} dir="auto">${job.name}</a></td>
    <td><a href=${href(`/jobs/${job.id}/tasks/${task.id}`)} dir="auto">${task.name}</a></td>
    <td dir="auto">${reason}</td>
  </tr>`;

/** What is asked of the manager only when somebody wants to know. @param {{id: string}} props */
function Offers({ id }) {
  const isOpen = useSignal(false);
  return html`<details
    onToggle=${(/** @type {Event} */ event) => {
      isOpen.value = /** @type {HTMLDetailsElement} */ (event.currentTarget).open;
    }}
  >
    <summary>${words.offers}</summary>
    ${isOpen.value && html`<${Explained} id=${id} />`}
  </details>`;
}

/** @param {{id: string}} props */
function Explained({ id }) {
  const found = useSignal(/** @type {Explanation[] | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    explained(id, stop.signal).then(
      (all) => {
        found.value = all;
      },
      (error) => stop.signal.aborted || complain(error),
    );
    return () => stop.abort();
  }, []);
  if (!found.value) return html`<p role="status">${strings.list.loading}</p>`;
  if (!found.value.length) return html`<p>${words.noJobs}</p>`;
  return html`<ul class="why">${found.value.map((each) => html`<${Offer} key=${each.job.id} why=${each} />`)}</ul>`;
}

/**
 * @param {string} id
 * @param {AbortSignal} signal
 */
async function explained(id, signal) {
  const query = { status: ["active", "queued"], sort: "-priority", limit: JOBS };
  /** @type {{jobs: import("../../core/types.d.ts").JobRow[]}} */
  const { jobs } = await get("x/jobs", query, signal);
  /** @type {Explanation[]} */
  const all = await Promise.all(jobs.map((job) => get(`x/jobs/${job.id}/explain/${id}`, {}, signal)));
  return all.sort((one, other) => (one.position ?? Infinity) - (other.position ?? Infinity));
}

/** @param {{why: Explanation}} props */
const Offer = ({ why }) =>
  html`<li>
    <a href=${href(`/jobs/${why.job.id}`)} dir="auto">${why.job.name}</a>
    ${why.position && html` <small>${strings.job.position(why.position, why.open_jobs)}</small>`}
    <ul>
      ${why.holds.map((hold) => html`<li class="hold" dir="auto"><strong>${hold.policy}</strong> ${hold.reason}</li>`)}
      ${why.waiting.map((group) => html`<li dir="auto"><strong>${group.count.toLocaleString()}</strong> ${group.reason}</li>`)}
      ${!why.holds.length && !why.waiting.length && html`<li>${strings.job.nothingWaits}</li>`}
    </ul>
  </li>`;
