/** What a job waits for: its place among the others, and what its tasks say. */

import { html } from "../../core/lib.js";
import { strings } from "../../core/strings.js";
import { Missing, ofJob, useFetched } from "../../ui/object.js";
import { Status } from "../../ui/status.js";

/** @typedef {import("../../core/types.d.ts").Explanation} Explanation */
/**
 * @template T
 * @typedef {import("../../ui/object.js").Fetched<T>} Fetched
 */

/** @param {string} id @returns {Fetched<Explanation>} */
const useExplanation = (id) => useFetched(`x/jobs/${id}/explain`, ofJob(id));

/** Where it stands among the others, what its tasks wait for, and what failed. @param {{job: {id: string}}} props */
export function Why({ job }) {
  const fetched = useExplanation(job.id);
  const why = fetched.value;
  if (!why) return html`<${Missing} of=${fetched} gone=${strings.job.gone} />`;
  return html`<div class="why">
    ${why.position && html`<p>${strings.job.position(why.position, why.open_jobs)}</p>`}
    ${
      why.terms.length > 0 &&
      html`<ul>
        ${why.terms.map((term) => html`<li dir="auto"><strong>${term.policy}</strong> ${(term.score * term.weight).toLocaleString()} — ${term.reason}</li>`)}
      </ul>`
    }
    ${why.holds.map((hold) => html`<p class="hold" dir="auto"><strong>${hold.policy}</strong> ${hold.reason}</p>`)}
    ${!why.waiting.length && html`<p>${strings.job.nothingWaits}</p>`}
    <ul>
      ${why.waiting.map(
        (group) => html`<li dir="auto">
          <strong>${group.count.toLocaleString()}</strong> ${group.reason}
          <small>${group.tasks.join(", ")}${group.count > group.tasks.length ? " …" : ""}</small>
        </li>`,
      )}
    </ul>
    ${
      why.failed.length > 0 &&
      html`<ul>
        ${why.failed.map((task) => html`<li dir="auto"><${Status} kind="task" status=${task.status} /> ${task.index_in_job} ${task.name} <small>${task.why}</small></li>`)}
      </ul>`
    }
  </div>`;
}
