/** Light or dark: as the system has it, or as one wants it here. */

import { effect, signal } from "./lib.js";

const KEPT_AS = "flamenco-theme";

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @type {import("./lib.js").Signal<Theme>} */
export const theme = signal(/** @type {Theme} */ (localStorage.getItem(KEPT_AS) ?? "auto"));

/** Show it as it is chosen, now and from now on. */
export function keepTheme() {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    if (theme.value === "auto") localStorage.removeItem(KEPT_AS);
    else localStorage.setItem(KEPT_AS, theme.value);
  });
}

/** The next one in turn. */
export function turnTheme() {
  theme.value = /** @type {const} */ ({ auto: "light", light: "dark", dark: "auto" })[theme.peek()];
}
