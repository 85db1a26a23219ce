/** A field for a path, which offers the manager's variables: by their name, and by what they stand for. */

import { get } from "../core/api.js";
import { html, useSignal } from "../core/lib.js";

const PLATFORMS = ["linux", "windows", "darwin"];

/** @typedef {{name: string, stands: string, is_twoway: boolean}} Variable */

/** @returns {Promise<Variable[]>} those that workers have, first those that stand for folders by platform */
async function variables() {
  /** @type {Record<string, {name: string, value: string, is_twoway: boolean}>[]} */
  const found = await Promise.all(PLATFORMS.map((each) => get(`v3/configuration/variables/workers/${each}`)));
  const names = [...new Set(found.flatMap(Object.keys))].sort();
  return names
    .map((name) => {
      const meanings = found.flatMap((of) => of[name] ?? []);
      const values = new Set(meanings.map(({ value }) => value));
      return { name, stands: [...values].join(" · "), is_twoway: meanings.some((each) => each.is_twoway) };
    })
    .sort((one, other) => Number(other.is_twoway) - Number(one.is_twoway));
}

/** @param {{id: string, value: unknown, field: Record<string, unknown>}} props `field`: what else the input has */
export function PathField({ id, value, field }) {
  const known = useSignal(/** @type {Variable[]} */ ([]));
  const before = useSignal("");
  const look = async () => {
    // Who cannot be offered any types them.
    if (!known.value.length) known.value = await variables().catch(() => []);
  };
  /** A name may be begun further on in the text: what is before that stays. @param {InputEvent} event */
  const begun = (event) => {
    const text = /** @type {HTMLInputElement} */ (event.currentTarget).value;
    const at = text.lastIndexOf("{");
    before.value = at > text.lastIndexOf("}") ? text.slice(0, at) : "";
  };
  return html`<input ...${field} id=${id} list=${`${id}-variables`} autocomplete="off" class="path" dir="auto" defaultValue=${value ?? ""} onFocus=${look} onInput=${begun} />
    <datalist id=${`${id}-variables`}>
      ${known.value.map(({ name, stands }) => html`<option key=${name} value=${`${before.value}{${name}}`} label=${`{${name}} ${stands}`}></option>`)}
    </datalist>`;
}
