/** For how long a worker was at tasks, day by day. */

import { exact, percent, span } from "../../core/format.js";
import { html } from "../../core/lib.js";
import { strings } from "../../core/strings.js";
import { Missing, Rows, useFetched } from "../../ui/object.js";

/** @typedef {import("../../core/types.d.ts").WorkerTimes} Times */

const words = strings.worker.times;
/** The manager has to look at all that it did. */
const EVERY_MS = 300_000;
const DAY_S = 86_400;
// The days are those of the manager's sums, which are of UTC.
const DATE = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});

/** @param {{id: string}} props */
export function WorkerTimes({ id }) {
  const fetched = useFetched(
    `x/workers/${id}/times`,
    ({ topic, payload }) => topic === "/workers" && payload.id === id,
    EVERY_MS,
  );
  const times = /** @type {Times | null} */ (fetched.value);
  return html`<section>
    <h2>${words.title}</h2>
    ${times ? html`<${Days} times=${times} />` : html`<${Missing} of=${fetched} gone=${strings.worker.gone} />`}
  </section>`;
}

/** From the first day on that it did anything on, today first. @param {{times: Times}} props */
function Days({ times: { from, days } }) {
  const first = days.findIndex((day) => day.seconds || day.completed || day.failed);
  if (first < 0) return html`<p>${words.none(days.length)}</p>`;
  const shown = days.slice(first).reverse();
  return html`<p>${words.what} ${from > (days[0]?.at ?? from) && words.cut(exact(from))}</p>
    <${Rows} columns=${words.columns}>${shown.map((day) => html`<${Day} key=${day.at} day=${day} />`)}<//>`;
}

/** @param {{day: Times["days"][number]}} props */
function Day({ day }) {
  const passed = Math.min(DAY_S, (Date.now() - Date.parse(day.at)) / 1000);
  const worked = span(day.seconds);
  return html`<tr>
    <th scope="row">${DATE.format(new Date(day.at))}</th>
    <td class="right">${worked}</td>
    <td class="share"><meter min="0" max=${DAY_S} value=${day.seconds} aria-label=${worked}></meter>${Math.min(100, percent(day.seconds, passed))} %</td>
    <td class="right">${day.completed.toLocaleString()}</td>
    <td class="right">${day.failed.toLocaleString()}</td>
  </tr>`;
}
