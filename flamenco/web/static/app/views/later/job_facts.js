/** What is known of a job: what it was submitted with, the workers that it is kept from, and who did what with it. */

import { change, get } from "../../core/api.js";
import { exact } from "../../core/format.js";
import { html, useEffect, useSignal } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { maySubmit } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { complain } from "../../ui/notices.js";
import { Fields, Missing, ofJob, Rows, useFetched } from "../../ui/object.js";
import { Difference } from "../../ui/values.js";

/** @typedef {import("../../core/types.d.ts").JobChange} Change */
/** @typedef {{worker_id: string, worker_name?: string, task_type: string}} Block */
/** @typedef {{key: string, label?: string, description?: string, visible?: string}} Setting */

const words = strings.job;
const EVERY_MS = 1000;

/**
 * Its settings by the names that its type gives them, and all as it is.
 * @param {{job: import("../../core/types.d.ts").Job}} props
 */
export function Settings({ job }) {
  const declared = useSignal(/** @type {Setting[]} */ ([]));
  useEffect(() => {
    // The type may be gone by now; then the names are those of the settings.
    get(`v3/jobs/type/${encodeURIComponent(job.type)}`).then(
      (type) => {
        declared.value = type.settings;
      },
      () => {},
    );
  }, [job.type]);
  const labels = new Map(declared.value.map((setting) => [setting.key, setting.label]));
  return html`<p><a class="button" href=${href(`/submit/${encodeURIComponent(job.type)}?from=${job.id}`)}>${strings.submit.again}</a></p>
    <${Fields} fields=${Object.entries(job.settings).map(([key, value]) => [labels.get(key) ?? wordsOf(key), shown(value)])} />
    ${
      Object.keys(job.metadata).length > 0 &&
      html`<h2>${words.metadata}</h2><${Fields} fields=${Object.entries(job.metadata)} />`
    }
    <details>
      <summary>${words.raw}</summary>
      <pre dir="auto">${JSON.stringify({ settings: job.settings, metadata: job.metadata }, null, 2)}</pre>
    </details>`;
}

/** @param {string} key */
const wordsOf = (key) => key.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

/** @param {unknown} value */
const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** The workers that get no more tasks of some type. @param {{job: {id: string}}} props */
export function Blocklist({ job }) {
  const path = `v3/jobs/${job.id}/blocklist`;
  const fetched = useFetched(path, ofJob(job.id));
  const blocks = /** @type {Block[] | null} */ (fetched.value);
  if (!blocks) return html`<${Missing} of=${fetched} gone=${words.gone} />`;
  if (!blocks.length) return html`<p class="empty">${words.nobodyBlocked}</p>`;
  /** @param {Block} block */
  const unblock = ({ worker_id, task_type }) =>
    change("DELETE", path, [{ worker_id, task_type }]).then(fetched.again, complain);
  return html`<ul class="plain-list">
    ${blocks.map(
      (block) => html`<li>
        <a href=${href(`/workers/${block.worker_id}`)} dir="auto">${block.worker_name || block.worker_id}</a>
        <span dir="auto">${block.task_type}</span>
        ${maySubmit.value && html`<button onClick=${() => unblock(block)}>${words.unblock}</button>`}
      </li>`,
    )}
  </ul>`;
}

/** Who did what with it, the newest first. @param {{job: {id: string}}} props */
export function History({ job }) {
  const fetched = useFetched(`x/jobs/${job.id}/history`, ofJob(job.id), EVERY_MS);
  const found = /** @type {{changes: Change[]} | null} */ (fetched.value);
  if (!found || fetched.error) return html`<${Missing} of=${fetched} gone=${words.gone} />`;
  if (!found.changes.length) return html`<p class="empty">${words.history.none}</p>`;
  return html`<${Rows} columns=${words.history.columns}>
    ${found.changes.map(
      (change) => html`<tr key=${change.number}>
        <td><time dateTime=${change.created}>${exact(change.created)}</time></td>
        <td dir="auto">${change.who}</td>
        <td><code>${change.operation}</code></td>
        <td><${Difference} before=${change.before ?? {}} after=${change.after ?? {}} /></td>
      </tr>`,
    )}
  <//>`;
}
