/** Filters: by status, with how many each would show, and by a text. They are in the address. */

import { html, useEffect, useRef } from "../core/lib.js";
import { place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";
import { Status } from "./status.js";

const PAUSE_MS = 200;

/** Those by status, of which several may be on. @param {{list: import("../core/list.js").List<any>, statuses: readonly string[], of: "job" | "task" | "worker", name: string}} props */
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

/** One that is on or off. @param {{name: string, label: string}} props */
export function Flag({ name, label }) {
  const isOn = place.value.params.get(name) === "true";
  return html`<button class="chip" aria-pressed=${`${isOn}`} onClick=${() => setParams({ [name]: isOn ? null : "true" })}>${label}</button>`;
}

/**
 * A field for a text that is to be found. The address follows what is typed, a moment later.
 *
 * What people type belongs to them: a field is told its text by what it begins with (`defaultValue`), or not at all, so
 * that nothing that comes from the manager meanwhile can take it away.
 * @param {{name: string, label?: string, icon?: string}} props
 */
export function FilterField({ name, label = strings.search.filter, icon = "funnel" }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const timer = useRef(0);
  const value = place.value.params.get(name) ?? "";
  useEffect(() => {
    // What is being typed is never taken away.
    if (field.current && document.activeElement !== field.current) field.current.value = value;
  }, [value]);
  return html`<label class="filter">
    <${Icon} name=${icon} />
    <input
      ref=${field}
      type="search"
      placeholder=${label}
      aria-label=${label}
      maxlength="200"
      dir="auto"
      onInput=${() => {
        clearTimeout(timer.current);
        timer.current = window.setTimeout(() => setParams({ [name]: field.current?.value.trim() ?? "" }), PAUSE_MS);
      }}
    />
  </label>`;
}
