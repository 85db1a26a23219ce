/** What was done and what went wrong, said once for everybody, with a way back where there is one. */

import { textOf } from "../core/api.js";
import { clock } from "../core/format.js";
import { html, signal } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

const SHOWN_MS = 8000;
const KEPT = 100;

/**
 * @typedef {object} Notice
 * @property {number} number
 * @property {string} text
 * @property {string[]} details
 * @property {string} at
 * @property {boolean} isError
 * @property {(() => void) | undefined} undo
 */

/** @type {import("../core/lib.js").Signal<Notice[]>} the newest first */
const notices = signal([]);
/** @type {import("../core/lib.js").Signal<Notice | null>} */
const shown = signal(null);
const isOpen = signal(false);
let count = 0;

/**
 * Say something.
 * @param {string} text
 * @param {{details?: string[], isError?: boolean, undo?: () => void}} [more]
 */
export function say(text, { details = [], isError = false, undo } = {}) {
  count += 1;
  const notice = { number: count, text, details, at: new Date().toISOString(), isError, undo };
  notices.value = [notice, ...notices.peek()].slice(0, KEPT);
  shown.value = notice;
  setTimeout(() => {
    if (shown.peek() === notice && !isError) shown.value = null;
  }, SHOWN_MS);
}

/**
 * Say what went wrong.
 * @param {unknown} error
 */
export const complain = (error) => say(textOf(error), { isError: true });

/** @param {{notice: Notice}} props */
const Line = ({ notice }) =>
  html`<div class=${notice.isError ? "notice error" : "notice"}>
    <span dir="auto">${notice.text}</span>
    ${notice.details.map((detail) => html`<small dir="auto">${detail}</small>`)}
    ${notice.undo && html`<button onClick=${() => takeBack(notice)}><${Icon} name="undo-2" />${strings.actions.undo}</button>`}
  </div>`;

/** @param {Notice} notice */
function takeBack(notice) {
  const undo = notice.undo;
  notices.value = notices.peek().map((each) => (each === notice ? { ...each, undo: undefined } : each));
  shown.value = null;
  undo?.();
}

/** The newest notice for a while, and all of them for who wants to see them again. */
export const Notices = () =>
  html`<footer class="notices">
    <div role="status" aria-live="polite">${shown.value && !isOpen.value && html`<${Line} notice=${shown.value} />`}</div>
    ${
      isOpen.value &&
      html`<section class="drawer" aria-label=${strings.notices.title}>
        <h2>${strings.notices.title}</h2>
        ${notices.value.length === 0 && html`<p>${strings.notices.none}</p>`}
        ${notices.value.map((notice) => html`<div key=${notice.number}><time>${clock(notice.at)}</time><${Line} notice=${notice} /></div>`)}
      </section>`
    }
  </footer>`;

/** The button that opens and closes them. */
export const NoticesButton = () =>
  html`<button
    class="plain"
    aria-expanded=${`${isOpen.value}`}
    aria-label=${strings.notices.open}
    title=${strings.notices.open}
    onClick=${() => {
      isOpen.value = !isOpen.peek();
      shown.value = null;
    }}
  >
    <${Icon} name="bell" />
  </button>`;
