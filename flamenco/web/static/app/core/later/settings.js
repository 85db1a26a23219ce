/** The settings of the manager: as they are, and as somebody is about to change them, until that is saved. */

import { change, get } from "../api.js";
import { signal } from "../lib.js";
import { pause } from "../live.js";

const TRIES = 60;
const PAUSE_MS = 500;

/**
 * @typedef {object} Setting
 * @property {string} key
 * @property {string} topic
 * @property {"text" | "integer" | "number" | "duration" | "boolean" | "choice" | "list" | "map" | "variable"} kind
 * @property {string[]} [choices]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {string} help
 * @property {any} default
 * @property {any} value
 * @property {string} source
 * @property {any} [in_file] what the file says by now
 * @property {string} [fixed] why it is not changed here
 * @property {boolean} secret
 * @property {boolean} waits_for_start
 */

/** @typedef {{platform?: string, platforms?: string[], audience?: string, value: string}} VariableValue */
/** @typedef {{is_twoway?: boolean, values: VariableValue[]}} Variable */
/** @typedef {{file: string, problem?: string, settings: Setting[]}} All */

/** @type {import("../lib.js").Signal<All | null>} */
export const all = signal(null);

/** @type {import("../lib.js").Signal<Map<string, any>>} by key; null is the default. They outlive the view */
export const edits = signal(new Map());

/** How often something was undone: fields are made anew then, without what was typed into them. */
export const undone = signal(0);

/** Ask for them anew. Throws `ApiError`. */
export async function load() {
  all.value = await get("x/settings");
}

/**
 * What a setting is going to be: as it was changed here, or in the file, or as it runs.
 * @param {Setting} setting
 */
export function wanted(setting) {
  if (edits.value.has(setting.key)) return edits.value.get(setting.key) ?? setting.default;
  return inFile(setting);
}

/** @param {Setting} setting */
const inFile = (setting) => ("in_file" in setting ? setting.in_file : setting.value);

/**
 * Have another value for a setting in mind; the one that it has already is none.
 * @param {string} key
 * @param {any} value null for the default
 */
export function edit(key, value) {
  const setting = all.peek()?.settings.find((each) => each.key === key);
  const changed = new Map(edits.peek());
  if (setting && same(value, inFile(setting))) changed.delete(key);
  else if (!setting && value === null) changed.delete(key);
  else changed.set(key, value);
  edits.value = changed;
}

/** @param {any} one @param {any} other */
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** @param {string} [key] only of that one */
export function undo(key) {
  edits.value = new Map([...edits.peek()].filter(([each]) => key !== undefined && each !== key));
  undone.value += 1;
}

/**
 * Have the manager write down what was changed, and wait until it runs with that. Throws `ApiError`.
 * @returns {Promise<boolean>} whether it does
 */
export async function save() {
  const keys = [...edits.peek().keys()];
  await change("PATCH", "x/settings", { values: Object.fromEntries(edits.peek()) });
  edits.value = new Map();
  return untilItRuns(keys);
}

/** @param {string[]} keys */
async function untilItRuns(keys) {
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      await load();
      if (!all.peek()?.settings.some((each) => keys.includes(each.key) && "in_file" in each)) return true;
    } catch (error) {
      if (tries === TRIES - 1) throw error;
    }
    await pause(PAUSE_MS);
  }
  return false;
}
