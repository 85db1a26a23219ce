/**
 * What happens in the farm, as it happens: one small question a second, from tabs that somebody looks at.
 *
 * Events of a second are told together, of each object only the newest of its kind.
 */

import { isConnected, send } from "./api.js";
import { signal } from "./lib.js";

const EVERY_MS = 1200;
const LONGEST_PAUSE_MS = 5000;
/** Many pages are told that nothing happened without anybody looking for each. */
const LAG_S = 0.2;

/** @typedef {import("./types.d.ts").FarmEvent} FarmEvent */
/** @typedef {{events: FarmEvent[], missed: boolean}} News `missed`: whatever is shown has to be fetched again */
/** @typedef {(news: News) => void} Listener */

/** @type {Set<Listener>} */
const listeners = new Set();
/** @type {Map<string, number>} */
const logs = new Map();
/** @type {number | undefined} */
let after;
let wasLost = false;

/** Whether the manager has another version of this page by now. */
export const isOld = signal(false);

/**
 * Be told what happens.
 * @param {Listener} listener
 * @returns {() => void} to be told no more
 */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Have the events of a task's log told as well.
 * @param {string} taskId
 * @returns {() => void}
 */
export function followLog(taskId) {
  const topic = `/tasklog/${taskId}`;
  logs.set(topic, (logs.get(topic) ?? 0) + 1);
  return () => {
    const left = (logs.get(topic) ?? 1) - 1;
    if (left) logs.set(topic, left);
    else logs.delete(topic);
  };
}

/** Ask until the page is closed. */
export async function live() {
  let failures = 0;
  for (;;) {
    await untilVisible();
    let again = false;
    try {
      again = await ask();
      failures = 0;
    } catch {
      failures += 1;
      wasLost = true;
    }
    if (!again) await pause(Math.min(EVERY_MS * 2 ** failures, LONGEST_PAUSE_MS));
  }
}

async function ask() {
  // Without topics, those of everything: what is not said need not be read by the manager, again and again.
  const topics = logs.size ? ["*", ...logs.keys()] : [];
  const response = await send("GET", "x/events", { query: { after, topics, lag: LAG_S } });
  /** @type {{events: FarmEvent[], next: number, missed: boolean, more: boolean}} */
  const answer = await response.json();
  const version = response.headers.get("Flamenco-Page");
  isOld.value = Boolean(version) && !import.meta.url.includes(`/${version}/`);
  const missed = answer.missed || (wasLost && isConnected.peek());
  after = answer.next;
  wasLost = false;
  if (missed || answer.events.length) tell({ events: newest(answer.events), missed });
  return answer.more;
}

/** @param {News} news */
function tell(news) {
  for (const listener of listeners) {
    try {
      listener(news);
    } catch (error) {
      console.error(error);
    }
  }
}

/**
 * The events, without those that a later one makes old.
 * @param {FarmEvent[]} events
 */
function newest(events) {
  const last = new Map(events.map((event) => [keyOf(event), event]));
  return events.filter((event) => last.get(keyOf(event)) === event);
}

/** @param {FarmEvent} event */
const keyOf = ({ id, topic, payload }) =>
  topic.startsWith("/tasklog/") || !payload.id ? id : `${topic} ${payload.id}`;

/** Wait. @param {number} ms */
export const pause = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

const untilVisible = () =>
  document.hidden
    ? new Promise((resolve) => {
        document.addEventListener("visibilitychange", resolve, { once: true });
      })
    : Promise.resolve();
