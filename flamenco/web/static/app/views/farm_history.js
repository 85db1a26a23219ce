/** How busy the farm was, and what it has done: over the last hour or day. */

import { get } from "../core/api.js";
import { clock } from "../core/format.js";
import { html, useEffect, useMemo, useSignal } from "../core/lib.js";
import { place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Chart } from "../ui/chart.js";
import { Rows } from "../ui/object.js";

/** @typedef {import("../core/types.d.ts").Series} Series */

const words = strings.farm;
const EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;

export function FarmHistory() {
  const hours = place.value.params.get("hours") ?? "24";
  const series = useSignal(/** @type {Series | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    const look = async () => {
      try {
        const from = new Date(Date.now() - Number(hours) * HOUR_MS).toISOString();
        series.value = await get("x/series", { step: "5m", from }, stop.signal);
      } catch {
        // The banner says that the manager is away; what was drawn stays.
      }
    };
    look();
    const timer = setInterval(() => document.hidden || look(), EVERY_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [hours]);
  const found = series.value;
  const drawn = useMemo(() => (found ? curvesOf(found) : null), [found]);
  return html`<section>
    <h2>${words.history}</h2>
    <div class="chips" role="group" aria-label=${words.history}>
      ${Object.entries(words.hours).map(
        ([value, word]) =>
          html`<button class="chip" aria-pressed=${`${value === hours}`} onClick=${() => setParams({ hours: value === "24" ? null : value })}>${word}</button>`,
      )}
    </div>
    ${
      drawn &&
      found &&
      html`<div class="charts">
      <${Chart} label=${words.busy} times=${drawn.times} curves=${drawn.busy} />
      <${Chart} label=${words.completed} times=${drawn.times} curves=${drawn.done} />
    </div><${Twin} series=${found} />`
    }
  </section>`;
}

/** @param {Series} series */
function curvesOf({ points, step_s }) {
  const minutes = step_s / 60;
  return {
    times: points.map(({ at }) => Date.parse(at)),
    busy: [{ title: words.busy, values: points.map((point) => point.busy_workers), colour: "--active", fill: true }],
    done: [
      {
        title: words.completed,
        values: points.map(({ completed }) => completed / minutes),
        colour: "--completed",
        fill: true,
      },
      { title: words.failed, values: points.map(({ failed }) => failed / minutes), colour: "--failed" },
    ],
  };
}

/** The same as numbers. @param {{series: Series}} props */
const Twin = ({ series }) =>
  html`<details>
    <summary>${words.table}</summary>
    <${Rows} columns=${["", words.busy, words.completed, words.failed]}>
      ${series.points.toReversed().map(
        ({ at, busy_workers, completed, failed }) => html`<tr>
          <th scope="row">${clock(at)}</th>
          ${[busy_workers, (completed * 60) / series.step_s, (failed * 60) / series.step_s].map((number) => html`<td class="right">${number.toFixed(1)}</td>`)}
        </tr>`,
      )}
    <//>
  </details>`;
