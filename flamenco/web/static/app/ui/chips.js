/** Filters by status, with how many each would show. Several may be on. */

import { html } from "../core/lib.js";
import { place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Status } from "./status.js";

/** @param {{list: import("../core/list.js").List<any>, statuses: readonly string[], of: "job" | "task" | "worker", name: string}} props */
export function Chips({ list, statuses, of, name }) {
  const chosen = place.value.params.getAll(name);
  const counts = list.counts.value;
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  /** @param {string} status */
  const toggle = (status) =>
    setParams({ [name]: chosen.includes(status) ? chosen.filter((each) => each !== status) : [...chosen, status] });
  return html`<div class="chips" role="group" aria-label=${strings.search.filter}>
    <button class="chip" aria-pressed=${`${!chosen.length}`} onClick=${() => setParams({ [name]: null })}>
      ${strings.list.all} <small>${all.toLocaleString()}</small>
    </button>
    ${statuses
      .filter((status) => counts[status] || chosen.includes(status))
      .map(
        (
          status,
        ) => html`<button class="chip" key=${status} aria-pressed=${`${chosen.includes(status)}`} onClick=${() => toggle(status)}>
          <${Status} kind=${of} status=${status} /> <small>${(counts[status] ?? 0).toLocaleString()}</small>
        </button>`,
      )}
  </div>`;
}
