/** Who did what with a job, the newest first. */

import { exact } from "../../core/format.js";
import { html } from "../../core/lib.js";
import { strings } from "../../core/strings.js";
import { Difference } from "../../ui/difference.js";
import { Missing, useFetched } from "../../ui/object.js";

/** @typedef {import("../../core/types.d.ts").JobChange} Change */

const words = strings.job.history;
const EVERY_MS = 1000;

/** @param {{job: {id: string}}} props */
export function History({ job }) {
  const fetched = useFetched(
    `x/jobs/${job.id}/history`,
    ({ topic, payload }) => topic === "/jobs" && payload.id === job.id,
    EVERY_MS,
  );
  const found = /** @type {{changes: Change[]} | null} */ (fetched.value);
  if (!found || fetched.error) return html`<${Missing} of=${fetched} gone=${strings.job.gone} />`;
  if (!found.changes.length) return html`<p class="empty">${words.none}</p>`;
  return html`<div class="wide audit" tabindex="0"><table>
    <thead><tr>${words.columns.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${found.changes.map(
      (change) => html`<tr key=${change.number}>
        <td><time dateTime=${change.created}>${exact(change.created)}</time></td>
        <td dir="auto">${change.who}</td>
        <td><code>${change.operation}</code></td>
        <td><${Difference} before=${change.before ?? {}} after=${change.after ?? {}} /></td>
      </tr>`,
    )}</tbody>
  </table></div>`;
}
