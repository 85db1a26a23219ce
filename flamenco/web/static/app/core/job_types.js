/** Job types, and what a form for one is made of. */

import { get } from "./api.js";

/**
 * @typedef {object} Setting
 * @property {string} key
 * @property {"string" | "int32" | "float" | "bool"} type
 * @property {string} [subtype]
 * @property {string} [label]
 * @property {string} [description]
 * @property {string[]} [choices]
 * @property {{min?: number, max?: number, maxlen?: number}} [propargs]
 * @property {unknown} [default]
 * @property {string} [eval]
 * @property {"visible" | "hidden" | "submission" | "web"} [visible]
 * @property {boolean} [required]
 * @property {boolean} [editable]
 */

/** @typedef {{name: string, label: string, description?: string, etag: string, settings: Setting[]}} JobType */

/** @returns {Promise<JobType[]>} all that can be submitted, by name */
export const allJobTypes = async () => (await get("v3/jobs/types")).job_types;

/**
 * @param {string} name
 * @returns {Promise<JobType>}
 */
export const jobType = (name) => get(`v3/jobs/type/${encodeURIComponent(name)}`);

/**
 * The settings that people fill in. What Blender would work out for them is left to them here.
 * @param {JobType} type
 */
export const shownSettings = (type) =>
  type.settings.filter((setting) => !["hidden", "web"].includes(setting.visible ?? "visible") || needsValue(setting));

/** @param {Setting} setting */
const needsValue = (setting) => Boolean(setting.required) && setting.default === undefined;

/**
 * What a setting is called.
 * @param {Setting} setting
 */
export const labelOf = (setting) =>
  setting.label || setting.key.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

/**
 * The value of a field, as the setting wants it; undefined for what is left to the manager.
 * @param {Setting} setting
 * @param {FormData} form
 */
export function valueIn(setting, form) {
  if (setting.type === "bool") return form.has(setting.key);
  const text = `${form.get(setting.key) ?? ""}`;
  if (text === "" && (setting.type !== "string" || setting.default === undefined)) return undefined;
  return setting.type === "string" ? text : Number(text);
}
