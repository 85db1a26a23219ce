/** The variables: what each name stands for, for whom and on which platform; made, changed and taken away. */

import { all, edit, edits, undo, undone, wanted } from "../../core/later/settings.js";
import { html, useSignal } from "../../core/lib.js";
import { strings } from "../../core/strings.js";

/** @typedef {import("../../core/later/settings.js").Variable} Variable */
/** @typedef {import("../../core/later/settings.js").VariableValue} VariableValue */

const words = strings.settings.variables;
const PREFIX = "variables.";
const LONGEST = 10_000;
const PLATFORMS = ["all", "linux", "windows", "darwin"];
const AUDIENCES = ["all", "workers", "users"];

export function Variables() {
  const known = (all.value?.settings ?? []).filter(({ kind }) => kind === "variable");
  const added = [...edits.value.keys()].filter(
    (key) => key.startsWith(PREFIX) && !known.some((each) => each.key === key),
  );
  return html`<p>${words.what}</p>
    ${known.map((setting) => html`<${One} key=${setting.key} of=${setting.key} variable=${wanted(setting)} before=${setting.in_file ?? setting.value} isDefault=${hasDefault(setting)} isOwn=${hasDefault(setting) && JSON.stringify(wanted(setting)) !== JSON.stringify(setting.default)} fixed=${setting.fixed} />`)}
    ${added.map((key) => html`<${One} key=${key} of=${key} variable=${edits.value.get(key)} isDefault=${false} isOwn=${true} />`)}
    <${Added} />`;
}

/** Whether every farm has it. @param {import("../../core/later/settings.js").Setting} setting */
const hasDefault = (setting) => setting.default !== null && setting.default !== undefined;

/** @param {{of: string, variable: Variable | null, before?: Variable, isDefault: boolean, isOwn: boolean, fixed?: string}} props */
function One({ of, variable, before, isDefault, isOwn, fixed }) {
  const name = of.slice(PREFIX.length);
  const turn = useSignal(0);
  const isEdited = edits.value.has(of);
  const again = (/** @type {() => void} */ then) => () => {
    then();
    turn.value += 1;
  };
  // A variable that every farm has cannot be taken away; without a value of its own, it is as everywhere.
  const isGone = isEdited && edits.value.get(of) === null && !isDefault;
  const present = variable ?? { values: [] };
  /** @param {number} at @param {Partial<VariableValue>} change */
  const put = (at, change) =>
    edit(of, {
      ...present,
      values: present.values.map((each, index) => (index === at ? tidy({ ...each, ...change }) : each)),
    });
  return html`<fieldset class="variable" disabled=${Boolean(fixed)} data-edited=${isEdited ? "" : undefined}>
    <legend><code dir="auto">{${name}}</code></legend>
    ${fixed && html`<small dir="auto">${fixed}</small>`}
    ${isGone && html`<p>${words.gone}</p>`}
    ${
      !isGone &&
      html`<label class="check"><input type="checkbox" key=${`twoway ${turn.value} ${undone.value}`} defaultChecked=${Boolean(present.is_twoway)} onChange=${(/** @type {Event} */ event) => edit(of, tidyVariable({ ...present, is_twoway: /** @type {HTMLInputElement} */ (event.currentTarget).checked }))} />${words.twoway}</label>
      ${present.values.map((value, at) => html`<${ValueRow} key=${`${turn.value} ${undone.value} ${at}`} name=${name} value=${value} put=${(/** @type {Partial<VariableValue>} */ change) => put(at, change)} remove=${again(() => edit(of, { ...present, values: present.values.filter((_, index) => index !== at) }))} />`)}`
    }
    <p class="buttons">
      ${!isGone && html`<button onClick=${() => edit(of, { ...present, values: [...present.values, { platform: unused(present), value: "" }] })}>${words.addValue}</button>`}
      ${!isGone && !isDefault && html`<button class="danger" onClick=${again(() => edit(of, null))}>${words.remove}</button>`}
      ${isDefault && isOwn && html`<button onClick=${again(() => edit(of, null))}>${words.reset}</button>`}
      ${isEdited && html`<button onClick=${again(() => undo(of))}>${before ? strings.settings.undoOne : words.drop}</button>`}
    </p>
  </fieldset>`;
}

/** @param {Variable} variable */
const tidyVariable = ({ is_twoway, values }) => (is_twoway ? { is_twoway, values } : { values });

/** As the manager shows it, so that what is typed back is no change. @param {VariableValue} value */
function tidy({ value, audience, platform, platforms }) {
  return {
    value,
    ...(audience && audience !== "all" ? { audience } : {}),
    ...(platform ? { platform } : {}),
    ...(platforms?.length ? { platforms } : {}),
  };
}

/** A platform without a value yet. @param {Variable} variable */
const unused = (variable) =>
  ["linux", "windows", "darwin"].find((platform) => !variable.values.some((each) => each.platform === platform)) ??
  "all";

/** @param {{name: string, value: VariableValue, put: (change: Partial<VariableValue>) => void, remove: () => void}} props */
function ValueRow({ name, value, put, remove }) {
  const platform = [value.platform, ...(value.platforms ?? [])].filter(Boolean).join(" ");
  /** @param {(text: string) => void} take */
  const on = (take) => (/** @type {Event} */ event) =>
    take(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  /** @param {string} text */
  const platforms = (text) => {
    const [first = "", ...more] = text.split(/[\s,]+/).filter(Boolean);
    put({ platform: first, platforms: more });
  };
  return html`<div class="value-row">
    <input class="path" aria-label=${`${words.value} {${name}}`} dir="auto" maxlength=${LONGEST} defaultValue=${value.value} placeholder=${words.value} onInput=${on((text) => put({ value: text }))} />
    <input aria-label=${words.platform} list="platforms" defaultValue=${platform} placeholder=${words.platform} onInput=${on(platforms)} />
    <select aria-label=${words.audience} onChange=${on((text) => put({ audience: text }))}>
      ${AUDIENCES.map((each) => html`<option value=${each} selected=${each === (value.audience ?? "all")}>${words.audiences[/** @type {"all"} */ (each)]}</option>`)}
    </select>
    <button class="plain danger" aria-label=${words.removeValue} title=${words.removeValue} onClick=${remove}>×</button>
  </div>`;
}

/** Making a new one. */
function Added() {
  const problem = useSignal("");
  /** @param {SubmitEvent} event */
  const add = (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const name = `${new FormData(form).get("name")}`.trim();
    const isKnown = all.peek()?.settings.some((each) => each.key === PREFIX + name) || edits.peek().has(PREFIX + name);
    problem.value = !name || /[{}]/.test(name) ? words.badName : isKnown ? words.taken : "";
    if (problem.value) return;
    edit(PREFIX + name, { values: [{ value: "", platform: "all" }] });
    form.reset();
  };
  return html`<form class="tag-form" onSubmit=${add}>
    <input name="name" required maxlength="255" dir="auto" placeholder=${words.name} aria-label=${words.name} />
    <button>${words.add}</button>
    ${problem.value && html`<p class="problem" role="alert">${problem.value}</p>`}
    <datalist id="platforms">${PLATFORMS.map((each) => html`<option value=${each} />`)}</datalist>
  </form>`;
}
