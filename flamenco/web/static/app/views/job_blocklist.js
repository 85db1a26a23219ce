/** The workers that get no more tasks of some type from a job. */

import { change } from "../core/api.js";
import { html } from "../core/lib.js";
import { href } from "../core/place.js";
import { maySubmit } from "../core/session.js";
import { strings } from "../core/strings.js";
import { complain } from "../ui/notices.js";
import { Missing, useFetched } from "../ui/object.js";

/** @typedef {{worker_id: string, worker_name?: string, task_type: string}} Block */

/** @param {{job: {id: string}}} props */
export function Blocklist({ job }) {
  const path = `v3/jobs/${job.id}/blocklist`;
  const fetched = useFetched(path, ({ topic, payload }) => topic === "/jobs" && payload.id === job.id);
  const blocks = /** @type {Block[] | null} */ (fetched.value);
  if (!blocks) return html`<${Missing} of=${fetched} gone=${strings.job.gone} />`;
  if (!blocks.length) return html`<p class="empty">${strings.job.nobodyBlocked}</p>`;
  /** @param {Block} block */
  const unblock = ({ worker_id, task_type }) =>
    change("DELETE", path, [{ worker_id, task_type }]).then(fetched.again, complain);
  return html`<ul class="plain-list">
    ${blocks.map(
      (block) => html`<li>
        <a href=${href(`/workers/${block.worker_id}`)} dir="auto">${block.worker_name || block.worker_id}</a>
        <span dir="auto">${block.task_type}</span>
        ${maySubmit.value && html`<button onClick=${() => unblock(block)}>${strings.job.unblock}</button>`}
      </li>`,
    )}
  </ul>`;
}
