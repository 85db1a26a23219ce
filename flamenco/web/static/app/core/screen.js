/** How the page is shown: how much room there is, and whether it is light or dark. */

import { effect, signal } from "./lib.js";

const KEPT_AS = "flamenco-theme";
/** From so many pixels on, a list and one thing of it stand beside each other. */
const WIDE = matchMedia("(min-width: 1100px)");

export const isWide = signal(WIDE.matches);
WIDE.addEventListener("change", () => {
  isWide.value = WIDE.matches;
});

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @type {import("./lib.js").Signal<Theme>} as the system has it, or as one wants it here */
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
