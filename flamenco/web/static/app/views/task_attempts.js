/** Who has tried a task, when, how that ended and why, and where in its log that is. */

import { exact, span } from "../core/format.js";
import { html } from "../core/lib.js";
import { href, withParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Missing, useFetched } from "../ui/object.js";
import { Status } from "../ui/status.js";

/** @typedef {import("../core/types.d.ts").Attempt} Attempt */

const words = strings.task.attempts;

/** @param {{id: string, job: string}} props */
export function Attempts({ id, job }) {
  const fetched = useFetched(
    `x/tasks/${id}/attempts`,
    ({ topic, payload }) => topic === `/jobs/${job}` && payload.id === id,
  );
  const attempts = /** @type {{attempts: Attempt[]} | null} */ (fetched.value)?.attempts;
  if (!attempts) return html`<${Missing} of=${fetched} gone=${strings.task.gone} />`;
  if (!attempts.length) return html`<p class="empty">${words.none}</p>`;
  return html`<table class="plain-table">
    <thead>
      <tr>
        ${[words.number, words.outcome, words.worker, words.started, words.took, words.steps, words.reason, words.log].map((word) => html`<th scope="col">${word}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${attempts.toReversed().map((attempt) => html`<${Line} key=${attempt.number} attempt=${attempt} />`)}
    </tbody>
  </table>`;
}

/** @param {{attempt: Attempt}} props */
const Line = ({ attempt }) =>
  html`<tr>
    <td class="right">${attempt.number}</td>
    <td><${Status} kind="attempt" status=${attempt.outcome} /></td>
    <td>${attempt.worker && html`<a href=${href(`/workers/${attempt.worker.id}`)} dir="auto">${attempt.worker.name}</a>`}</td>
    <td>${exact(attempt.started)}</td>
    <td class="right">${span(attempt.seconds)}</td>
    <td class="right">${attempt.steps}</td>
    <td dir="auto">${attempt.reason}</td>
    <td><a href=${href(withParams({ tab: null, at: `${attempt.log_offset ?? 0}` }))}>${words.log}</a></td>
  </tr>`;
