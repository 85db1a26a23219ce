/** One setting: a field for it, what it means, where its value comes from, and the way back. */

import { edit, edits, undo, undone, wanted } from "../../core/later/settings.js";
import { html, useSignal } from "../../core/lib.js";
import { strings } from "../../core/strings.js";

/** @typedef {import("../../core/later/settings.js").Setting} Setting */

const words = strings.settings;
const LONGEST = 100_000;

/** @param {{setting: Setting}} props */
export function SettingRow({ setting }) {
  const { key, kind, help, fixed, source } = setting;
  const isEdited = edits.value.has(key);
  // A field is made anew when the value is to be another one than what was typed into it.
  const turn = useSignal(0);
  const again = (/** @type {() => void} */ then) => () => {
    then();
    turn.value += 1;
  };
  const id = `setting-${key}`;
  const label = labelOf(key);
  const field = html`<${Field} key=${`${turn.value} ${undone.value} ${source} ${JSON.stringify(setting.in_file ?? setting.value)}`} id=${id} setting=${setting} value=${wanted(setting)} />`;
  return html`<div class="setting" data-edited=${isEdited ? "" : undefined}>
    ${kind === "boolean" ? html`<label class="check">${field}${label}</label>` : html`<label for=${id}>${label}</label>${field}`}
    <small id=${`about-${key}`} dir="auto">${help}</small>
    <small class="from"><code>${key}</code> · <${From} setting=${setting} />
      ${!fixed && !isEdited && source.startsWith("file ") && html` <button class="plain" onClick=${again(() => edit(key, null))}>${words.toDefault}</button>`}
      ${isEdited && html` <button class="plain" onClick=${again(() => undo(key))}>${words.undoOne}</button>`}
    </small>
    ${"in_file" in setting && html`<small class="stale" dir="auto">${words.inFile(shown(setting.in_file))}</small>`}
    ${setting.waits_for_start && html`<small>${words.atStart}</small>`} ${fixed && html`<small dir="auto">${fixed}</small>`}
  </div>`;
}

/** @param {string} key */
const labelOf = (key) =>
  (key.split(".").at(-1) ?? key)
    .replace(/([a-z])([A-Z])/g, (_, one, other) => `${one} ${other.toLowerCase()}`)
    .replaceAll("_", " ")
    .replace(/^./, (first) => first.toUpperCase());

/** @param {unknown} value */
const shown = (value) => (value === null ? words.nothing : typeof value === "string" ? value : JSON.stringify(value));

/** @param {{setting: Setting}} props */
function From({ setting }) {
  if (edits.value.get(setting.key) === null && edits.value.has(setting.key)) return words.becomesDefault;
  const [kind, ...rest] = setting.source.split(" ");
  if (kind === "default") return words.from.default;
  if (kind === "file") return html`<span title=${rest.join(" ")}>${words.from.file}</span>`;
  return kind === "environment" ? `${words.from.environment} ${rest.join(" ")}` : words.from.command;
}

/** @param {{id: string, setting: Setting, value: any}} props */
function Field({ id, setting, value }) {
  const { key, kind, choices, fixed, secret } = setting;
  const common = { id, name: key, disabled: Boolean(fixed), "aria-describedby": `about-${key}` };
  /** @param {Event} event */
  const text = (event) => /** @type {HTMLInputElement} */ (event.currentTarget).value;
  if (kind === "boolean")
    return html`<input ...${common} type="checkbox" defaultChecked=${Boolean(value)} onChange=${(/** @type {Event} */ event) => edit(key, /** @type {HTMLInputElement} */ (event.currentTarget).checked)} />`;
  if (kind === "choice")
    return html`<select ...${common} onChange=${(/** @type {Event} */ event) => edit(key, text(event))}>
      ${choices?.map((choice) => html`<option value=${choice} selected=${choice === value}>${choice}</option>`)}
    </select>`;
  if (kind === "list")
    return html`<textarea ...${common} rows=${Math.max(2, value?.length ?? 0)} maxlength=${LONGEST} dir="auto" defaultValue=${(value ?? []).join("\n")} onInput=${(/** @type {Event} */ event) => edit(key, lines(text(event)))} />`;
  if (kind === "map")
    return html`<textarea ...${common} class="path" rows="3" maxlength=${LONGEST} defaultValue=${typeof value === "string" ? value : JSON.stringify(value, null, 1)} onInput=${(/** @type {Event} */ event) => edit(key, text(event))} />`;
  if (kind === "integer" || kind === "number")
    return html`<input ...${common} type="number" step=${kind === "integer" ? 1 : "any"} min=${setting.minimum} max=${setting.maximum} defaultValue=${value} onInput=${(/** @type {Event} */ event) => edit(key, text(event) === "" ? null : Number(text(event)))} />`;
  return html`<input ...${common} type=${secret ? "password" : "text"} autocomplete=${secret ? "new-password" : "off"} maxlength=${LONGEST} dir="auto" defaultValue=${value ?? ""} placeholder=${kind === "duration" ? "10m, 1h30m" : ""} onInput=${(/** @type {Event} */ event) => edit(key, text(event))} />`;
}

/** @param {string} text */
const lines = (text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
