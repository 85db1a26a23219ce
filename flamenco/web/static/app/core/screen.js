/** How much room there is. */

import { signal } from "./lib.js";

/** From so many pixels on, a list and one thing of it stand beside each other. */
const WIDE = matchMedia("(min-width: 1100px)");

export const isWide = signal(WIDE.matches);
WIDE.addEventListener("change", () => {
  isWide.value = WIDE.matches;
});
