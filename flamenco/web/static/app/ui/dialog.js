/**
 * Questions that have to be answered before anything is done, and the keys that there are. The browser's own dialog
 * keeps the focus inside.
 */

import { html, signal, useLayoutEffect, useRef } from "../core/lib.js";
import { strings } from "../core/strings.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string[]} text
 * @property {string} yes
 * @property {import("../core/lib.js").Children} [form] fields; what they hold is in the answer, by their names
 * @property {boolean} [isDangerous]
 */

/** @type {import("../core/lib.js").Signal<{question: Question, answer: (form: FormData | null) => void} | null>} */
const asked = signal(null);

const areKeysShown = signal(false);

/**
 * Ask, and give what was filled in; null when it was not to be.
 * @param {Question} question
 * @returns {Promise<FormData | null>}
 */
export const ask = (question) =>
  new Promise((resolve) => {
    asked.value = { question, answer: resolve };
  });

/** Where the question is shown. */
export function Dialog() {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const present = asked.value;
  useLayoutEffect(() => {
    if (present) element.current?.showModal();
  }, [present]);
  if (!present) return null;
  const { question, answer } = present;
  /** @param {FormData | null} form */
  const close = (form) => {
    asked.value = null;
    answer(form);
  };
  return html`<dialog ref=${element} aria-labelledby="question" onCancel=${() => close(null)} onClose=${() => asked.peek() === present && close(null)}>
    <form
      onSubmit=${(/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        close(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)));
      }}
    >
      <h2 id="question" dir="auto">${question.title}</h2>
      ${question.text.map((line) => html`<p dir="auto">${line}</p>`)} ${question.form}
      <p class="buttons">
        <button type="button" onClick=${() => close(null)}>${strings.actions.keep}</button>
        <button class=${question.isDangerous ? "danger" : "primary"} autofocus>${question.yes}</button>
      </p>
    </form>
  </dialog>`;
}

/** Show the keys that there are. */
export const showKeys = () => {
  areKeysShown.value = true;
};

/** Where they are shown. */
export function KeyList() {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    if (areKeysShown.value) element.current?.showModal();
  }, [areKeysShown.value]);
  if (!areKeysShown.value) return null;
  return html`<dialog ref=${element} class="keys" aria-labelledby="keys" onClose=${() => {
    areKeysShown.value = false;
  }}>
    <h2 id="keys">${strings.keys.title}</h2>
    <dl>${strings.keys.list.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <form method="dialog"><button autofocus>${strings.close}</button></form>
  </dialog>`;
}
