/** A text that can be copied. */

import { html, useSignal } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

const SHOWN_MS = 1500;

/** @param {{text: string}} props */
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
