/** The tags of workers and jobs. */

import { change, get } from "./api.js";

/** @typedef {{id: string, name: string, description?: string}} Tag */

/** @returns {Promise<Tag[]>} all of them, by name */
export async function allTags() {
  /** @type {{tags?: Tag[]}} */
  const answer = await get("v3/worker-mgt/tags");
  return (answer.tags ?? []).sort((one, other) => one.name.localeCompare(other.name));
}

/** @param {{name: string, description: string}} tag */
export const addTag = (tag) => change("POST", "v3/worker-mgt/tags", tag);

/** @param {Tag} tag */
export const changeTag = (tag) => change("PUT", `v3/worker-mgt/tag/${tag.id}`, tag);

/** @param {string} id */
export const removeTag = (id) => change("DELETE", `v3/worker-mgt/tag/${id}`);
