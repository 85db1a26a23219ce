/** When a job that is submitted begins: at once, paused, after another job, or not before a moment. */

import { html } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { StartField } from "../ui/action_questions.js";
import { JobField, jobNamed } from "../ui/job_field.js";

const words = strings.submit;

/** Fields of the job itself have names that no setting can have. */
export const WhenFields = () =>
  html`<label class="setting"><span>${words.afterJob}</span><${JobField} name="job after" label=${words.afterJob} /></label>
    <label class="check"><input type="checkbox" name="job frames" />${words.byFrame}</label>
    <label class="setting"><span>${strings.actions.newStart}</span><${StartField} name="job start" /></label>
    <small>${strings.actions.starts}</small>
    <label class="setting"><span>${strings.actions.why}</span><input name="job reason" maxlength="1000" dir="auto" /></label>
    <label class="check"><input type="checkbox" name="job paused" />${words.paused}</label>`;

/**
 * What a form with these fields says, as the manager wants it. Throws where there is no such job.
 * @param {FormData} form
 */
export async function whenOf(form) {
  const after = `${form.get("job after")}`.trim();
  return {
    initial_status: form.has("job paused") ? "paused" : "queued",
    start_after: `${form.get("job start")}`.trim(),
    start_after_reason: `${form.get("job reason")}`.trim(),
    depends_on: after ? [{ job: await jobNamed(after), kind: form.has("job frames") ? "frames" : "all" }] : [],
  };
}
