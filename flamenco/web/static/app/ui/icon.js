/** Icons: parts of one picture, drawn in the colour of the text. */

import { html } from "../core/lib.js";

const SPRITE = new URL("../../icons.svg", import.meta.url).href;

/** @param {{name: string, label?: string}} props an icon without a label is decoration, for nobody to hear of */
export const Icon = ({ name, label }) =>
  html`<svg class="icon" role=${label ? "img" : undefined} aria-label=${label} aria-hidden=${label ? undefined : "true"}>
    <use href="${SPRITE}#${name}" />
  </svg>`;
