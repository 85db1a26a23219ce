/** Something that is fetched whole, and fetched again when events say that it has changed. */

import { get, textOf } from "../core/api.js";
import { ago } from "../core/format.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { listen } from "../core/live.js";
import { strings } from "../core/strings.js";

const NOT_FOUND = 404;
const AGAIN_MS = 250;

/**
 * @template T
 * @typedef {object} Fetched
 * @property {T | null} value null until it is there
 * @property {string} error
 * @property {boolean} isGone
 * @property {() => void} again fetch it anew
 */

/**
 * @template T
 * @param {string} path of the operation
 * @param {(event: import("../core/types.d.ts").FarmEvent) => boolean} concerns whether an event changes it
 * @param {number} [everyMs] how often at most it is fetched anew: what costs the manager much, seldom
 * @returns {Fetched<T>}
 */
export function useFetched(path, concerns, everyMs = AGAIN_MS) {
  const value = useSignal(/** @type {T | null} */ (null));
  const error = useSignal("");
  const isGone = useSignal(false);
  const asked = useSignal(0);
  useEffect(() => {
    const stop = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let planned;
    let fetched = 0;
    const fetchNow = async () => {
      planned = undefined;
      fetched = Date.now();
      try {
        value.value = await get(path, {}, stop.signal);
        error.value = "";
      } catch (failure) {
        if (stop.signal.aborted) return;
        isGone.value = /** @type {import("../core/api.js").ApiError} */ (failure).status === NOT_FOUND;
        error.value = textOf(failure);
      }
    };
    fetchNow();
    const off = listen(({ events, missed }) => {
      const wait = missed ? 0 : Math.max(AGAIN_MS, fetched + everyMs - Date.now());
      if (!planned && (missed || events.some(concerns))) planned = setTimeout(fetchNow, wait);
    });
    return () => {
      off();
      clearTimeout(planned);
      stop.abort();
    };
  }, [path, asked.value]);
  return {
    value: value.value,
    error: error.value,
    isGone: isGone.value,
    again: () => {
      asked.value += 1;
    },
  };
}

/** What people have left for others. @param {{note: import("../core/types.d.ts").Note}} props */
export const NoteText = ({ note }) =>
  html`<span dir="auto">${note.text}</span> — <bdi>${note.who}</bdi>, ${ago(note.at)}`;

/** @typedef {import("../core/types.d.ts").FarmEvent} FarmEvent */

/** Whether an event is of jobs, their tasks or images. @param {FarmEvent} event */
export const ofJobs = ({ topic }) => topic.startsWith("/jobs");
/** Whether an event is of workers. @param {FarmEvent} event */
export const ofWorkers = ({ topic }) => topic === "/workers";
/** Whether an event is of this job. @param {string} id @returns {(event: FarmEvent) => boolean} */
export const ofJob =
  (id) =>
  ({ topic, payload }) =>
    topic === "/jobs" && payload.id === id;
/** For what changes when somebody looks anew. */
export const never = () => false;

/** What is shown instead of what is not there. @param {{of: Fetched<any>, gone: string}} props */
export function Missing({ of, gone }) {
  if (of.isGone) return html`<div role="alert"><h1 class="empty">${gone}</h1></div>`;
  if (!of.error) return html`<p class="empty" role="status">${strings.list.loading}</p>`;
  return html`<div class="empty" role="alert"><h1>${of.error}</h1><button onClick=${of.again}>${strings.list.again}</button></div>`;
}

/** What is not said of something. @type {any[]} */
const NOTHING = [undefined, null, false, ""];

/** Names and values, one below the other. @param {{fields: [string, any][]}} props */
export const Fields = ({ fields }) =>
  html`<dl class="fields">
    ${fields.map(([name, value]) => !NOTHING.includes(value) && html`<div><dt>${name}</dt><dd dir="auto">${value}</dd></div>`)}
  </dl>`;

/**
 * A table of which all rows are here.
 * @param {{columns: readonly any[], children?: any}} props
 */
export const Rows = ({ columns, children }) =>
  html`<div class="wide" tabindex="0"><table>
    <thead><tr>${columns.map((title) => (title ? html`<th scope="col">${title}</th>` : html`<td></td>`))}</tr></thead>
    <tbody>${children}</tbody>
  </table></div>`;
