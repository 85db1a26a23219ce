/**
 * The log of a task: its end first, what is before on demand, and what comes while one looks. The manager searches it,
 * whatever of it is here.
 */

import { address, get } from "../core/api.js";
import { onKeys } from "../core/keys.js";
import { html, useEffect, useMemo, useRef, useSignal } from "../core/lib.js";
import { followLog, listen } from "../core/live.js";
import { place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { pieces } from "./ansi.js";
import { FilterField } from "./filters.js";
import { Icon } from "./icon.js";
import { LogText } from "./log_text.js";

const ERROR = /\b(error|exception|traceback|fatal|failed)\b/i;
const WARNING = /\bwarn(ing)?\b/i;
const NEAR_END_PX = 40;

/** @param {{taskId: string, isRunning: boolean}} props */
export function Log({ taskId, isRunning }) {
  const text = useMemo(() => new LogText(taskId), [taskId]);
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  const wanted = Number(place.value.params.get("line")) || 0;
  const isFollowing = useSignal(isRunning && !wanted);
  const isWrapped = useSignal(false);
  useEffect(() => {
    const at = place.peek().params.get("at");
    if (wanted) isFollowing.value = false;
    else if (at === null) text.end().then(() => toEnd(frame.current));
    else text.from(Number(at));
    const unfollow = followLog(taskId);
    const off = listen(({ events, missed }) => {
      if (missed || events.some(({ topic }) => topic === `/tasklog/${taskId}`)) text.more();
    });
    return () => {
      unfollow();
      off();
      text.stop.abort();
    };
  }, [text]);
  useEffect(() => {
    if (!wanted) return;
    isFollowing.value = false;
    text.line(wanted).then(
      (offset) => show(frame.current, text, offset),
      () => (text.isLoaded.peek() ? undefined : text.end()),
    );
  }, [text, wanted]);
  useEffect(() => {
    if (isFollowing.value) toEnd(frame.current);
  }, [text.version.value, isFollowing.value]);
  const follow = () => {
    isFollowing.value = !isFollowing.peek();
  };
  useEffect(() => onKeys({ f: follow, l: () => frame.current?.focus() }), []);
  const scrolled = () => {
    const element = frame.current;
    if (!element) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
    if (!isAtEnd) isFollowing.value = false;
  };
  let number = text.first.value;
  return html`<section class="log">
    <div class="filters">
      <${FilterField} name="line" label=${strings.log.line} icon="list" />
      <${Search} taskId=${taskId} frame=${frame} text=${text} />
      <span class="grow"></span>
      <button aria-pressed=${`${isFollowing.value}`} onClick=${follow}><${Icon} name="arrow-down" />${strings.log.follow}</button>
      <button
        aria-pressed=${`${isWrapped.value}`}
        onClick=${() => {
          isWrapped.value = !isWrapped.peek();
        }}
      >
        <${Icon} name="wrap-text" />${strings.log.wrap}
      </button>
      <a class="button" download=${`task-${taskId}.txt`} href=${address(`x/tasks/${taskId}/log`)}><${Icon} name="download" />${strings.log.download}</a>
    </div>
    ${text.error.value && html`<p role="alert">${text.error.value}</p>`}
    <div class=${isWrapped.value ? "lines wrapped" : "lines"} ref=${frame} tabindex="0" role="log" aria-live="off" aria-label=${strings.task.log} onScroll=${scrolled} onClick=${link}>
      ${text.begins.value > 0 && html`<button onClick=${() => text.before()}>${strings.log.earlier}</button>`}
      ${text.isLoaded.value && !text.chunks.value.length && html`<p class="empty">${strings.log.empty}</p>`}
      ${text.chunks.value.map((chunk) => {
        const first = number;
        if (number) number += chunk.breaks;
        return html`<${Chunk} key=${chunk.offset} lines=${chunk.lines} offset=${chunk.offset} length=${chunk.lines.length} first=${first} />`;
      })}
    </div>
  </section>`;
}

/** The number of a line that is clicked goes into the address. @param {MouseEvent} event */
function link(event) {
  const line = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".line"));
  if (!line?.dataset.n) return;
  const gutter = Number.parseFloat(getComputedStyle(line).paddingInlineStart);
  if (event.clientX - line.getBoundingClientRect().left < gutter) setParams({ line: line.dataset.n });
}

/** @param {{lines: string[], offset: number, first: number}} props `first`: its number, if that is known */
const Chunk = ({ lines, offset, first }) =>
  html`<pre class="chunk" data-offset=${offset}>${lines.map((line, at) => html`<span class=${kindOf(line)} data-n=${first ? first + at : undefined}>${pieces(line).map(({ text, colour }) => (colour ? html`<i data-colour=${colour}>${text}</i>` : text))}${"\n"}</span>`)}</pre>`;

/** @param {string} line */
const kindOf = (line) => (ERROR.test(line) ? "line error" : WARNING.test(line) ? "line warning" : "line");

/** @param {HTMLElement | null} element */
const toEnd = (element) => {
  if (!element) return;
  element.scrollTop = element.scrollHeight;
  // Pieces that were never seen are as high as was guessed; what is at the end now has its own height after this.
  requestAnimationFrame(() => {
    element.scrollTop = element.scrollHeight;
  });
};

/** @typedef {{line: number, offset: number, text: string, before: string[], after: string[]}} Hit */

/** @param {{taskId: string, frame: {current: HTMLElement | null}, text: LogText}} props */
function Search({ taskId, frame, text }) {
  const hits = useSignal(/** @type {Hit[]} */ ([]));
  const isMore = useSignal(false);
  const at = useSignal(0);
  const wanted = place.value.params.get("find") ?? "";
  useEffect(() => {
    if (!wanted) {
      hits.value = [];
      return undefined;
    }
    const stop = new AbortController();
    get(`x/tasks/${taskId}/log/search`, { q: wanted }, stop.signal).then(
      (/** @type {{hits: Hit[], more: boolean}} */ answer) => {
        hits.value = answer.hits;
        isMore.value = answer.more;
        at.value = 0;
      },
      () => {},
    );
    return () => stop.abort();
  }, [wanted, taskId]);
  /** @param {number} step */
  const move = (step) => () => {
    if (hits.peek().length) at.value = (at.peek() + step + hits.peek().length) % hits.peek().length;
  };
  useEffect(() => onKeys({ n: move(1), N: move(-1) }), []);
  const hit = hits.value[at.value];
  useEffect(() => {
    if (hit) text.around(hit.offset).then(() => show(frame.current, text, hit.offset));
  }, [hit]);
  return html`<${FilterField} name="find" label=${strings.log.search} icon="search" />
    ${
      wanted &&
      html`<span aria-live="polite">${hits.value.length ? strings.log.hits(at.value + 1, hits.value.length, isMore.value) : strings.log.noHits}</span>
        <button class="plain" aria-label=${strings.log.previous} title=${strings.log.previous} onClick=${move(-1)}><${Icon} name="arrow-up" /></button>
        <button class="plain" aria-label=${strings.log.next} title=${strings.log.next} onClick=${move(1)}><${Icon} name="arrow-down" /></button>`
    }`;
}

/**
 * @param {HTMLElement | null} frame
 * @param {LogText} text
 * @param {number} offset
 */
function show(frame, text, offset) {
  for (const marked of frame?.querySelectorAll(".found") ?? []) marked.classList.remove("found");
  const place = text.placeOf(offset);
  const chunk = place && frame?.querySelector(`[data-offset="${place.chunk}"]`);
  const line = chunk?.children[place?.line ?? 0];
  line?.classList.add("found");
  if (!line || !frame) return;
  const [here, seen] = [line.getBoundingClientRect(), frame.getBoundingClientRect()];
  if (here.top < seen.top || here.bottom > seen.bottom) line.scrollIntoView({ block: "center" });
}
