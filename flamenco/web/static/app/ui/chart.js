/** A curve over time, by uPlot, which is fetched when somebody looks at one. */

import { html, useEffect, useRef } from "../core/lib.js";

const HEIGHT_PX = 160;
const STYLE = new URL("../../vendor/later/uplot.css", import.meta.url).href;

/** @typedef {{title: string, values: (number | null)[], colour: string, fill?: boolean}} Curve `colour`: a custom property */

/** @param {{times: number[], curves: Curve[], label: string}} props `times` in seconds since 1970 */
export function Chart({ times, curves, label }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    let isOver = false;
    /** @type {{destroy: () => void} | undefined} */
    let chart;
    drawn(frame.current, times, curves).then((made) => {
      chart = made;
      if (isOver) chart?.destroy();
    });
    return () => {
      isOver = true;
      chart?.destroy();
    };
  }, [times, curves]);
  return html`<div class="chart" ref=${frame} role="img" aria-label=${label}></div>`;
}

/**
 * @param {HTMLElement | null} frame
 * @param {number[]} times
 * @param {Curve[]} curves
 */
async function drawn(frame, times, curves) {
  if (!frame) return undefined;
  const { default: UPlot } = await import("../../vendor/later/uplot.js");
  if (!document.querySelector(`link[href="${STYLE}"]`)) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: STYLE });
    document.head.append(link);
  }
  const style = getComputedStyle(frame);
  /** @param {string} name */
  const colour = (name) => colourOf(frame, name);
  const axis = { stroke: style.color, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const options = {
    width: Math.max(200, frame.clientWidth),
    height: HEIGHT_PX,
    cursor: { drag: { x: false, y: false } },
    scales: {
      y: {
        range: (/** @type {any} */ _chart, /** @type {number} */ _low, /** @type {number} */ high) =>
          /** @type {[number, number]} */ ([0, Math.max(1, high * 1.1)]),
      },
    },
    axes: [axis, { ...axis, size: 40 }],
    series: [
      {},
      ...curves.map((curve) => ({
        label: curve.title,
        stroke: colour(curve.colour),
        width: 1.5,
        points: { show: false },
        ...(curve.fill ? { fill: `color-mix(in srgb, ${colour(curve.colour)} 20%, transparent)` } : {}),
      })),
    ],
  };
  return new UPlot(
    /** @type {any} */ (options),
    /** @type {any} */ ([times, ...curves.map((curve) => curve.values)]),
    frame,
  );
}

/**
 * @param {HTMLElement} frame
 * @param {string} name
 */
function colourOf(frame, name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  frame.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
