/** Fields for when a worker sleeps, and what a form with them says. */

import { html } from "../core/lib.js";
import { strings } from "../core/strings.js";

const DAYS = /** @type {const} */ (["mo", "tu", "we", "th", "fr", "sa", "su"]);
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const NAME = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });

/** @typedef {{is_active: boolean, days_of_week: string, start_time: string, end_time: string}} Plan */

/** @param {{plan: Plan, more?: import("../core/lib.js").Children}} props `more`: what comes after the times */
export const ScheduleFields = ({ plan, more }) =>
  html`<label class="check"><input type="checkbox" name="is_active" defaultChecked=${plan.is_active} />${strings.worker.scheduled}</label>
    <p>
      ${DAYS.map((day, index) => html`<label class="check"><input type="checkbox" name=${day} defaultChecked=${plan.days_of_week.split(" ").includes(day)} />${NAME.format(MONDAY + index * DAY_MS)}</label>`)}
    </p>
    <p>
      <label>${strings.worker.from} <input type="time" name="start_time" defaultValue=${plan.start_time} /></label>
      <label>${strings.worker.until} <input type="time" name="end_time" defaultValue=${plan.end_time} /></label>
      ${more}
    </p>`;

/**
 * @param {FormData} form
 * @returns {Plan}
 */
export const planOf = (form) => ({
  is_active: form.has("is_active"),
  days_of_week: DAYS.filter((day) => form.has(day)).join(" "),
  start_time: `${form.get("start_time")}`,
  end_time: `${form.get("end_time")}`,
});
