/** The field for one setting of a job type, with what it is called and what it means. */

import { labelOf } from "../core/job_types.js";
import { html } from "../core/lib.js";
import { PathField } from "./path_field.js";

const LONGEST = 10_000;

/** @typedef {import("../core/job_types.js").Setting} Setting */

/** @param {{setting: Setting, value: unknown}} props */
export function SettingField({ setting, value }) {
  const label = labelOf(setting);
  const id = `setting-${setting.key}`;
  const about = setting.description ? `about-${setting.key}` : undefined;
  const field =
    setting.type === "bool"
      ? html`<label class="check"><input type="checkbox" name=${setting.key} aria-describedby=${about} defaultChecked=${Boolean(value)} />${label}</label>`
      : html`<label for=${id} dir="auto">${label}</label><${Input} id=${id} about=${about} setting=${setting} value=${value} />`;
  return html`<div class="setting">${field}${about && html`<small id=${about} dir="auto">${setting.description}</small>`}</div>`;
}

/** Blend files are left to Blender by job types, which say no more of that setting. @param {Setting} setting */
const isPath = ({ key, subtype }) => subtype?.endsWith("_path") || key === "blendfile";

/** @param {{id: string, about: string | undefined, setting: Setting, value: any}} props */
function Input({ id, about, setting, value }) {
  const { key, type, choices, propargs = {}, required } = setting;
  const common = { id, name: key, required, "aria-describedby": about };
  if (choices?.length)
    return html`<select ...${common}>
      ${choices.map((choice) => html`<option value=${choice} selected=${choice === value}>${choice}</option>`)}
    </select>`;
  if (type !== "string")
    return html`<input ...${common} type="number" step=${type === "float" ? "any" : 1} min=${propargs.min} max=${propargs.max} defaultValue=${value} />`;
  const text = { ...common, maxlength: propargs.maxlen ?? LONGEST };
  if (isPath(setting)) return html`<${PathField} id=${id} value=${value} field=${text} />`;
  return html`<input ...${text} dir="auto" defaultValue=${value ?? ""} class=${setting.subtype ? "path" : ""} />`;
}
