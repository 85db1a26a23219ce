/** The keys that there are. */

import { html, signal, useLayoutEffect, useRef } from "../core/lib.js";
import { strings } from "../core/strings.js";

const isOpen = signal(false);

/** Show them. */
export const showKeys = () => {
  isOpen.value = true;
};

export function KeyList() {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    if (isOpen.value) element.current?.showModal();
  }, [isOpen.value]);
  if (!isOpen.value) return null;
  return html`<dialog ref=${element} class="keys" aria-labelledby="keys" onClose=${() => {
    isOpen.value = false;
  }}>
    <h2 id="keys">${strings.keys.title}</h2>
    <dl>${strings.keys.list.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <form method="dialog"><button autofocus>${strings.close}</button></form>
  </dialog>`;
}
