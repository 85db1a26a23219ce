/** Curves over time: a picture that fits any width, in the colours of the style, with the numbers where one points. */

import { clock } from "../core/format.js";
import { html, useSignal } from "../core/lib.js";

const WIDTH = 1000;
const HEIGHT = 100;
const NICE = [1, 2, 5, 10];

/** @typedef {{title: string, values: (number | null)[], colour: string, fill?: boolean}} Curve `colour`: a custom property */

/** @param {{times: number[], curves: Curve[], label: string}} props `times` in milliseconds since 1970, ascending */
export function Chart({ times, curves, label }) {
  const pointed = useSignal(/** @type {number | null} */ (null));
  const first = times[0] ?? 0;
  const length = (times.at(-1) ?? 0) - first || 1;
  const top = roundUp(Math.max(1, ...curves.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const across = times.map((time) => ((time - first) / length) * WIDTH);
  /** @param {PointerEvent} event */
  const point = (event) => {
    const { left, width } = /** @type {Element} */ (event.currentTarget).getBoundingClientRect();
    pointed.value = nearest(across, ((event.clientX - left) / width) * WIDTH);
  };
  const at = pointed.value === null ? times.length - 1 : Math.min(pointed.value, times.length - 1);
  return html`<figure class="chart">
    <div class="plot" onPointerMove=${point} onPointerLeave=${() => {
      pointed.value = null;
    }}>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
        ${curves.map((curve) => html`<${Drawn} curve=${curve} across=${across} top=${top} />`)}
        ${pointed.value !== null && html`<path class="pointer" d=${`M${across[at]} 0V${HEIGHT}`} />`}
      </svg>
      ${[1, 0.5, 0].map((part) => html`<span style=${{ top: `${100 - part * 100}%` }}>${(top * part).toLocaleString()}</span>`)}
    </div>
    ${times.length > 0 && html`<div class="ends">${[0, 0.5, 1].map((part) => html`<span>${clock(new Date(first + part * length).toISOString())}</span>`)}</div>`}
    <figcaption>
      ${pointed.value !== null && html`<span>${clock(new Date(times[at] ?? 0).toISOString())}</span>`}
      ${curves.map(({ title, values, colour }) => html`<span><i style=${{ background: `var(${colour})` }}></i>${title} <b>${(values[at] ?? 0).toLocaleString(undefined, { maximumFractionDigits: 1 })}</b></span>`)}
    </figcaption>
  </figure>`;
}

/** @param {{curve: Curve, across: number[], top: number}} props */
function Drawn({ curve: { values, colour, fill }, across, top }) {
  const runs = runsOf(values);
  /** @param {number} at */
  const spot = (at) => `${across[at]?.toFixed(1)} ${(HEIGHT - ((values[at] ?? 0) / top) * HEIGHT).toFixed(2)}`;
  const lines = runs.map((run) => `M${run.map(spot).join("L")}`);
  const areas = runs.map(
    (run, n) => `${lines[n]}L${across[run.at(-1) ?? 0]} ${HEIGHT}L${across[run[0] ?? 0]} ${HEIGHT}Z`,
  );
  const style = { color: `var(${colour})` };
  return html`<g style=${style}>
    ${fill && html`<path class="area" d=${areas.join("")} />`}
    <path class="curve" d=${lines.join("")} />
  </g>`;
}

/** The places of values, together where nothing is missing between. @param {(number | null)[]} values */
function runsOf(values) {
  /** @type {number[][]} */
  const runs = [];
  values.forEach((value, at) => {
    if (value === null) return;
    const last = runs.at(-1);
    if (last?.at(-1) === at - 1) last.push(at);
    else runs.push([at]);
  });
  return runs;
}

/** The next number that is easy to read: 1, 2 or 5 with zeros. @param {number} value above 0 */
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return (NICE.find((step) => step * unit >= value) ?? 10) * unit;
}

/** Which of ascending numbers is next to another. @param {number[]} numbers @param {number} to */
function nearest(numbers, to) {
  const after = numbers.findIndex((number) => number >= to);
  if (after < 0) return Math.max(0, numbers.length - 1);
  return after > 0 && to - (numbers[after - 1] ?? 0) < (numbers[after] ?? 0) - to ? after - 1 : after;
}
