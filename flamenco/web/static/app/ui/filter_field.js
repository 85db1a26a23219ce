/**
 * A field for a text that is to be found. The address follows what is typed, a moment later.
 *
 * What people type belongs to them: a field is told its text by what it begins with (`defaultValue`), or not at all, so
 * that nothing that comes from the manager meanwhile can take it away.
 */

import { html, useEffect, useRef } from "../core/lib.js";
import { place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

const PAUSE_MS = 200;

/** @param {{name: string, label?: string, icon?: string}} props */
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
