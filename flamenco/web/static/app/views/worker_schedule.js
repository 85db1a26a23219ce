/** When a worker sleeps, and changing that. */

import { change, get } from "../core/api.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { mayManage } from "../core/session.js";
import { strings } from "../core/strings.js";
import { complain, say } from "../ui/notices.js";

const DAYS = /** @type {const} */ (["mo", "tu", "we", "th", "fr", "sa", "su"]);
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const NAME = new Intl.DateTimeFormat(undefined, { weekday: "short", timeZone: "UTC" });

/** @typedef {{is_active: boolean, days_of_week: string, start_time: string, end_time: string}} Plan */

/** @param {{id: string}} props */
export function Schedule({ id }) {
  const plan = useSignal(/** @type {Plan} */ ({ is_active: false, days_of_week: "", start_time: "", end_time: "" }));
  const path = `v3/worker-mgt/workers/${id}/sleep-schedule`;
  useEffect(() => {
    get(path).then((found) => {
      // Without a schedule, the manager has nothing to say.
      if (found) plan.value = found;
    }, complain);
  }, [path]);
  /** @param {SubmitEvent} event */
  const save = async (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const wanted = {
      is_active: form.has("is_active"),
      days_of_week: DAYS.filter((day) => form.has(day)).join(" "),
      start_time: `${form.get("start_time")}`,
      end_time: `${form.get("end_time")}`,
    };
    try {
      await change("POST", path, wanted);
      plan.value = wanted;
      say(strings.worker.schedule);
    } catch (error) {
      complain(error);
    }
  };
  const { is_active, days_of_week, start_time, end_time } = plan.value;
  const days = days_of_week.split(" ");
  return html`<form onSubmit=${save}>
    <fieldset disabled=${!mayManage.value}>
      <legend>${strings.worker.schedule}</legend>
      <label class="check"><input type="checkbox" name="is_active" defaultChecked=${is_active} />${strings.worker.scheduled}</label>
      <p>
        ${DAYS.map((day, index) => html`<label class="check"><input type="checkbox" name=${day} defaultChecked=${days.includes(day)} />${NAME.format(MONDAY + index * DAY_MS)}</label>`)}
      </p>
      <p>
        <label>${strings.worker.from} <input type="time" name="start_time" defaultValue=${start_time} /></label>
        <label>${strings.worker.until} <input type="time" name="end_time" defaultValue=${end_time} /></label>
        <button>${strings.worker.save}</button>
      </p>
    </fieldset>
  </form>`;
}
