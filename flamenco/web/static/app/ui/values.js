/** Values: such as can be copied, and such as were changed. */

import { html, useSignal } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

const SHOWN_MS = 1500;
const MOST_OF_A_VALUE = 500;

/** A text that can be copied. @param {{text: string}} props */
export function Copy({ text }) {
  const isCopied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    isCopied.value = true;
    setTimeout(() => {
      isCopied.value = false;
    }, SHOWN_MS);
  };
  const label = isCopied.value ? strings.copied : strings.copy;
  return html`<span class="copied"><code dir="auto">${text}</code>
    <button class="plain" title=${label} aria-label=${label} onClick=${copy}><${Icon} name=${isCopied.value ? "check" : "copy"} /></button>
  </span>`;
}

/**
 * What fields were before a change, and what they are since.
 * @param {{before: Record<string, unknown>, after: Record<string, unknown>}} props
 */
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
