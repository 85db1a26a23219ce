/** All tasks of a job as cells, each in the colour of its status: how far it is, and where it fails, in one look. */

import { get, send } from "../core/api.js";
import { html, useEffect, useRef, useSignal } from "../core/lib.js";
import { listen } from "../core/live.js";
import { go } from "../core/place.js";
import { strings } from "../core/strings.js";
import { complain } from "../ui/notices.js";
import { statusWord } from "../ui/status.js";

const STATUSES = /** @type {Record<string, string>} */ ({
  a: "active",
  c: "canceled",
  d: "completed",
  f: "failed",
  p: "paused",
  q: "queued",
  s: "soft-failed",
});
const AGAIN_MS = 2000;
const LARGEST_PX = 22;
const SMALLEST_PX = 5;
const MOST_HEIGHT_PX = 12_000;

/** @param {{job: import("../core/types.d.ts").Job}} props */
export function Grid({ job }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const letters = useSignal(/** @type {Uint8Array} */ (new Uint8Array()));
  const at = useSignal(0);
  const width = useSignal(800);
  useEffect(() => watch(job.id, letters), [job.id]);
  useEffect(() => {
    const frame = canvas.current?.parentElement;
    if (!frame) return undefined;
    const observer = new ResizeObserver(() => {
      width.value = frame.clientWidth;
    });
    observer.observe(frame);
    return () => observer.disconnect();
  }, []);
  const shape = shapeOf(letters.value.length, width.value);
  useEffect(
    () => draw(canvas.current, letters.value, shape, at.value),
    [letters.value, shape.cell, shape.columns, at.value],
  );
  /** @param {number} index */
  const open = async (index) => {
    try {
      const task = await get(`x/jobs/${job.id}/tasks/at/${index + 1}`);
      go(`/jobs/${job.id}/tasks/${task.id}`);
    } catch (error) {
      complain(error);
    }
  };
  /** @param {PointerEvent | MouseEvent} event */
  const under = (event) => {
    const index = Math.floor(event.offsetY / shape.cell) * shape.columns + Math.floor(event.offsetX / shape.cell);
    return index < letters.peek().length ? index : -1;
  };
  const status = STATUSES[String.fromCharCode(letters.value[at.value] ?? 0)];
  return html`<div class="task-grid">
    <p>${strings.job.grid.help}</p>
    <p aria-live="polite"><strong>${(at.value + 1).toLocaleString()}</strong> ${status && statusWord("task", status)}</p>
    <div>
      <canvas
        ref=${canvas}
        tabindex="0"
        role="img"
        aria-label=${summary(letters.value)}
        onPointerMove=${(/** @type {PointerEvent} */ event) => {
          const index = under(event);
          if (index >= 0) at.value = index;
        }}
        onClick=${(/** @type {MouseEvent} */ event) => {
          const index = under(event);
          if (index >= 0) open(index);
        }}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: shape.columns, ArrowUp: -shape.columns }[event.key];
          if (event.key === "Enter") open(at.peek());
          else if (step) at.value = Math.max(0, Math.min(letters.peek().length - 1, at.peek() + step));
          else return;
          event.preventDefault();
        }}
      ></canvas>
    </div>
  </div>`;
}

/**
 * Have the letters kept up with what happens.
 * @param {string} jobId
 * @param {import("../core/lib.js").Signal<Uint8Array>} letters
 */
function watch(jobId, letters) {
  const stop = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let planned;
  const look = async () => {
    planned = undefined;
    try {
      const answer = await send("GET", `x/jobs/${jobId}/tasks/statuses`, { signal: stop.signal });
      letters.value = new Uint8Array(await answer.arrayBuffer());
    } catch (error) {
      if (!stop.signal.aborted) complain(error);
    }
  };
  look();
  const off = listen(({ events, missed }) => {
    const isConcerned =
      missed || events.some(({ topic, payload }) => topic === `/jobs/${jobId}` || payload.id === jobId);
    if (isConcerned && !planned) planned = setTimeout(look, AGAIN_MS);
  });
  return () => {
    off();
    clearTimeout(planned);
    stop.abort();
  };
}

/**
 * How large cells may be so that all are seen, as far as a screen goes.
 * @param {number} count
 * @param {number} width in pixels
 */
function shapeOf(count, width) {
  const ideal = Math.floor(Math.sqrt((width * 600) / Math.max(1, count)));
  let cell = Math.max(SMALLEST_PX, Math.min(LARGEST_PX, ideal));
  const columns = Math.max(1, Math.floor(width / cell));
  if (Math.ceil(count / columns) * cell > MOST_HEIGHT_PX) cell = SMALLEST_PX;
  return { cell, columns: Math.max(1, Math.floor(width / cell)) };
}

/**
 * @param {HTMLCanvasElement | null} canvas
 * @param {Uint8Array} letters
 * @param {{cell: number, columns: number}} shape
 * @param {number} at
 */
function draw(canvas, letters, { cell, columns }, at) {
  if (!canvas) return;
  const ratio = devicePixelRatio || 1;
  const [width, height] = [columns * cell, Math.max(cell, Math.ceil(letters.length / columns) * cell)];
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  const colours = coloursOf(canvas);
  const inner = cell > 8 ? cell - 2 : cell - 1;
  letters.forEach((letter, index) => {
    context.fillStyle = colours[letter] ?? "#888";
    context.fillRect((index % columns) * cell, Math.floor(index / columns) * cell, inner, inner);
  });
  context.strokeStyle = getComputedStyle(canvas).color;
  context.strokeRect((at % columns) * cell - 0.5, Math.floor(at / columns) * cell - 0.5, inner + 1, inner + 1);
}

/**
 * The colours of the theme, by letter: what the style says of a bar of that status.
 * @param {HTMLElement} element
 * @returns {Record<number, string>}
 */
function coloursOf(element) {
  const probe = document.createElement("i");
  element.after(probe);
  const found = Object.entries(STATUSES).map(([letter, status]) => {
    probe.style.color = `var(--${status === "queued" ? "bar-queued" : status})`;
    return [letter.charCodeAt(0), getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}

/** @param {Uint8Array} letters */
function summary(letters) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const letter of letters) counts[letter] = (counts[letter] ?? 0) + 1;
  return Object.entries(STATUSES)
    .map(([letter, status]) => ({ status, count: counts[letter.charCodeAt(0)] ?? 0 }))
    .filter(({ count }) => count)
    .map(({ status, count }) => `${statusWord("task", status)} ${count.toLocaleString()}`)
    .join(", ");
}
