/** When a worker sleeps, and changing that. */

import { change, get } from "../core/api.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { mayManage } from "../core/session.js";
import { strings } from "../core/strings.js";
import { complain, say } from "../ui/notices.js";
import { planOf, ScheduleFields } from "../ui/schedule_fields.js";

/** @typedef {import("../ui/schedule_fields.js").Plan} Plan */

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
    const wanted = planOf(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)));
    try {
      await change("POST", path, wanted);
      plan.value = wanted;
      say(strings.worker.schedule);
    } catch (error) {
      complain(error);
    }
  };
  return html`<form onSubmit=${save}>
    <fieldset disabled=${!mayManage.value}>
      <legend>${strings.worker.schedule}</legend>
      <${ScheduleFields} plan=${plan.value} more=${html`<button>${strings.worker.save}</button>`} />
    </fieldset>
  </form>`;
}
