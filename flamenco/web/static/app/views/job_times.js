/** How long a job takes: since when, by whom, and when it will be done, with the ground of that. */

import { exact, span } from "../core/format.js";
import { html } from "../core/lib.js";
import { href } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Icon } from "../ui/icon.js";
import { Fields, Missing, ofJob, useFetched } from "../ui/object.js";
import { When } from "../ui/status.js";

/** @typedef {import("../core/types.d.ts").JobTimes} Times */

const words = strings.job.times;
/** Of a large job, the manager has to look at all that was done. */
const EVERY_MS = 10_000;

/** @param {{id: string}} props */
const useTimes = ({ id }) => useFetched(`x/jobs/${id}/times`, ofJob(id), EVERY_MS);

/** How long it has taken, and when it will be done, as the head of a job says it. @param {{job: {id: string}}} props */
export function Eta({ job }) {
  const times = /** @type {Times | null} */ (useTimes(job).value);
  return html`${times?.elapsed_s !== undefined && html`<span title=${words.elapsed}><${Icon} name="history" label=${words.elapsed} /> ${span(times.elapsed_s)}</span>`}
    ${times?.eta && html`<span><${Icon} name="clock" label=${words.eta} /> <${When} eta=${times.eta} /></span>`}`;
}

/** @param {{job: {id: string}}} props */
export function JobTimes({ job }) {
  const fetched = useTimes(job);
  const times = /** @type {Times | null} */ (fetched.value);
  if (!times) return html`<${Missing} of=${fetched} gone=${strings.job.gone} />`;
  return html`<h2>${words.title}</h2>
    <${Fields}
      fields=${[
        [words.elapsed, times.elapsed_s !== undefined && span(times.elapsed_s)],
        [words.workers, span(times.worker_s)],
        [words.median, times.median_s !== undefined && span(times.median_s)],
        [words.now, times.workers],
        [words.eta, times.eta && `${exact(times.eta.earliest)} – ${exact(times.eta.latest)}`],
        [words.ground, times.eta?.ground],
      ]}
    />
    ${
      times.by_worker.length > 0 &&
      html`<h2>${words.by}</h2>
        <ul class="plain-list shares">
          ${times.by_worker.map((each) => html`<${Share} key=${each.worker?.id ?? ""} each=${each} most=${times.by_worker[0]?.seconds ?? 0} />`)}
        </ul>`
    }`;
}

/** @param {{each: Times["by_worker"][number], most: number}} props */
const Share = ({ each, most }) =>
  html`<li>
    ${each.worker ? html`<a href=${href(`/workers/${each.worker.id}`)} dir="auto">${each.worker.name || each.worker.id.slice(0, 8)}</a>` : strings.job.timeline.nobody}
    <meter min="0" max=${most || 1} value=${each.seconds} aria-label=${span(each.seconds)}></meter>
    <span>${span(each.seconds)}</span><small>${each.tasks.toLocaleString()}</small>
  </li>`;
