/** What fields were before a change, and what they are since. */

import { html } from "../core/lib.js";

const MOST_OF_A_VALUE = 500;

/** @param {{before: Record<string, unknown>, after: Record<string, unknown>}} props */
export const Difference = ({ before, after }) =>
  html`<dl class="difference">
    ${[...new Set([...Object.keys(before), ...Object.keys(after)])].map(
      (field) => html`<div>
        <dt>${field}</dt>
        <dd dir="auto">${field in before && html`<del>${shown(before[field])}</del>`} ${field in after && html`<ins>${shown(after[field])}</ins>`}</dd>
      </div>`,
    )}
  </dl>`;

/** A value, not more of it than fits into a row. @param {unknown} value */
function shown(value) {
  const text = typeof value === "string" ? value || "“”" : JSON.stringify(value);
  return text.length > MOST_OF_A_VALUE ? `${text.slice(0, MOST_OF_A_VALUE)} …` : text;
}
