/** Who one is for the manager, and what is offered for it. The manager checks all of it again. */

import { change, get } from "./api.js";
import { computed, signal } from "./lib.js";
import { BASE } from "./place.js";

/** @typedef {import("./types.d.ts").Me} Me */

/** @type {import("./lib.js").Signal<Me | null>} null when nothing may be seen without signing in */
export const me = signal(null);
export const isKnown = signal(false);

/** Whether one may do what changes jobs; of others, the manager says no. */
export const maySubmit = computed(() => ["artist", "wrangler", "admin"].includes(me.value?.role ?? ""));
export const mayManage = computed(() => ["wrangler", "admin"].includes(me.value?.role ?? ""));
export const mayAdminister = computed(() => me.value?.role === "admin");

/** Find out. Does not throw. */
export async function findOut() {
  try {
    me.value = await get("x/me");
    isKnown.value = true;
  } catch (error) {
    me.value = null;
    const status = /** @type {import("./api.js").ApiError} */ (error).status;
    isKnown.value = status === 401 || status === 403;
  }
}

/** Sign out, and begin anew as nobody. */
export async function signOut() {
  await change("POST", "x/sign-out");
  location.assign(BASE);
}
