/** Where a job stands among the others, what its tasks wait for, and what failed. */

import { html } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Missing, useFetched } from "../ui/object.js";
import { Status } from "../ui/status.js";

/** @param {{job: import("../core/types.d.ts").Job}} props */
export function Why({ job }) {
  const fetched = useFetched(
    `x/jobs/${job.id}/explain`,
    ({ topic, payload }) => topic === "/jobs" && payload.id === job.id,
  );
  const why = /** @type {import("../core/types.d.ts").Explanation | null} */ (fetched.value);
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
