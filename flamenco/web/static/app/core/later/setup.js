/** Setting the farm up: how far that is, and the questions to the manager on the way. What is chosen is in the address. */

import { change, get } from "../api.js";
import { pause } from "../live.js";
import { go, place } from "../place.js";
import { strings } from "../strings.js";

const TRIES = 90;
const PAUSE_MS = 500;

export const STEPS = /** @type {const} */ ([
  "address",
  "storage",
  "platforms",
  "blender",
  "confirm",
  "worker",
  "render",
]);
export const PLATFORMS = /** @type {const} */ (["linux", "windows", "darwin"]);

/** @typedef {typeof STEPS[number]} Step */
/** @typedef {{is_first_run: boolean, storage: string, platform: string, addresses: string[], is_alone: boolean, file: string}} State */
/** @typedef {{path: string, is_usable: boolean, cause: string}} Checked */
/** @typedef {Checked & {input: string, source: string}} CheckedBlender */

/**
 * The address of a step, with all that was chosen so far.
 * @param {Step} step
 */
export const addressOf = (step) => {
  const query = place.value.params.toString();
  return `/setup/${step}${query ? `?${query}` : ""}`;
};

/** @param {Step} step */
export const goTo = (step) => go(addressOf(step));

/** What was chosen: texts by name; of a platform, by that of the platform. @param {string} name */
export const chosen = (name) => place.value.params.get(name) ?? "";

/** @returns {Promise<State>} */
export const state = () => get("x/setup");

/** @param {string} path @returns {Promise<Checked>} */
export const checkStorage = (path) => change("POST", "v3/configuration/check/shared-storage", { path });

/** @returns {Promise<CheckedBlender[]>} */
export const findBlenders = () => get("v3/configuration/check/blender");

/** @param {string} path @returns {Promise<CheckedBlender>} */
export const checkBlender = (path) => change("POST", "v3/configuration/check/blender", { path });

/** Have it all written down, and wait until the manager runs with it. Throws `ApiError`. */
export async function confirm() {
  const storage = chosen("storage");
  const elsewhere = Object.fromEntries(PLATFORMS.map((name) => [name, chosen(name)]).filter(([, path]) => path));
  await change("POST", "x/setup", { storage, blender: chosen("blender"), elsewhere });
  for (let tries = 0; tries < TRIES; tries += 1) {
    const runs = await state().catch(() => null);
    if (runs?.storage === storage) return;
    await pause(PAUSE_MS);
  }
  throw new Error(strings.settings.notInUse);
}

/** @returns {Promise<{id: string, name: string, folder: string}>} */
export const trialRender = () => change("POST", "x/setup/trial-render");
