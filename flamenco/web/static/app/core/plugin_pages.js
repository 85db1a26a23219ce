/** The pages that plugins have here. */

import { get } from "./api.js";
import { signal } from "./lib.js";

/** @typedef {{plugin: string, path: string, title: string, icon: string, module: string, listed: boolean}} PluginPage */

/** @type {import("./lib.js").Signal<PluginPage[] | null>} null until they are known */
export const pluginPages = signal(null);

/** @param {PluginPage} page */
export const addressOf = ({ plugin, path }) => `/plugins/${plugin}/${path}`;

/** Find out. Does not throw: without them, all else is there. */
export async function findPages() {
  try {
    pluginPages.value = (await get("x/pages")).pages;
  } catch {
    pluginPages.value = [];
  }
}
