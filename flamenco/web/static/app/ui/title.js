/** What a view is about: the title of the tab, and the heading of a view that shows none. */

import { html, useEffect } from "../core/lib.js";

const FARM = document.querySelector('meta[name="farm"]')?.getAttribute("content") ?? "Flamenco";

/** @param {string} text empty for the farm as a whole */
export function useTitle(text) {
  useEffect(() => {
    document.title = text ? `${text} · ${FARM}` : FARM;
  }, [text]);
}

/** A heading that is heard and not seen. @param {{text: string}} props */
export function HiddenTitle({ text }) {
  useTitle(text);
  return html`<h1 class="hidden">${text}</h1>`;
}
