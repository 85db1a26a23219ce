/** What has to be said before some actions are done: to what, and whether that is meant. Null: it is not. */

import { html } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { allTags } from "../core/tags.js";
import { ask } from "./dialog.js";
import { planOf, ScheduleFields } from "./schedule_fields.js";

const words = strings.actions;

/** @param {any[]} rows */
export async function newPriority(rows) {
  const present = rows[0]?.priority ?? 50;
  const form = await ask({
    title: words.priority.replace(/ …$/, ""),
    text: [],
    yes: words.priority.replace(/ …$/, ""),
    form: html`<label>${words.newPriority} <input name="priority" type="number" min="0" max="100" required defaultValue=${present} autofocus /></label>`,
  });
  return form && { priority: Number(form.get("priority")) };
}

/** When something starts at the earliest. @param {{name: string, isNeeded?: boolean}} props */
export const StartField = ({ name, isNeeded = false }) =>
  html`<input name=${name} list="starts" maxlength="100" required=${isNeeded} autofocus=${isNeeded} />
    <datalist id="starts">${["now", "+15m", "+1h", "+4h", "tonight 18:00"].map((each) => html`<option value=${each} />`)}</datalist>`;

/** Which frames run again, and whether alone. */
export async function newFrames() {
  const what = words.frames.replace(/ …$/, "");
  const form = await ask({
    title: what,
    text: [],
    yes: what,
    form: html`<label>${words.newFrames} <input name="frames" required autofocus /></label>
      <label class="check"><input type="checkbox" name="mode" value="split" />${words.split}</label>`,
  });
  return form && { frames: `${form.get("frames")}`, ...(form.get("mode") && { mode: "split" }) };
}

/** @param {any} value what is known of a field: a text, a note, or the workers that a job names */
function written(value) {
  if (Array.isArray(value)) return value.map((each) => `${each.is_tag ? "tag:" : ""}${each.name}`).join(", ");
  return value?.text ?? value ?? "";
}

/** @type {Record<string, (text: string) => unknown>} what is made of what is written into a field */
const READ = {
  max_workers: (text) => (text ? Number(text) : null),
  task_type: (text) => text || "*",
  note: (text) => text,
};
/** @param {string} text */
const listed = (text) => text.split(",").flatMap((each) => each.trim() || []);

/**
 * What an action is given by fields to write into.
 * @param {keyof typeof words.asks} action
 * @returns {(rows: any[]) => Promise<Record<string, unknown> | null>}
 */
export const asking = (action) => async (rows) => {
  const what = words[action].replace(/ …$/, "");
  const fields = Object.entries(words.asks[action]);
  const form = await ask({
    title: what,
    text: [],
    yes: what,
    form: fields.map(
      ([name, label]) => html`<label>${label} <input name=${name} defaultValue=${written(rows[0]?.[name])} /></label>`,
    ),
  });
  return form && Object.fromEntries(fields.map(([name]) => [name, (READ[name] ?? listed)(`${form.get(name)}`)]));
};

/**
 * When jobs start at the earliest, and why not sooner.
 * @param {any[]} rows
 */
export async function newStart(rows) {
  const what = words["start-after"].replace(/ …$/, "");
  const form = await ask({
    title: what,
    text: [words.starts],
    yes: what,
    form: html`<label>${words.newStart} <${StartField} name="start" isNeeded /></label>
      <label>${words.why} <input name="reason" defaultValue=${rows[0]?.start_after_reason ?? ""} /></label>`,
  });
  return (
    form && { start_after: `${form.get("start")}`, ...(form.get("reason") && { reason: `${form.get("reason")}` }) }
  );
}

/**
 * In which order frames come.
 * @param {any[]} rows
 */
export async function newOrder(rows) {
  const what = words.order.replace(/ …$/, "");
  const form = await ask({
    title: what,
    text: [],
    yes: what,
    form: html`<label>${words.newOrder} <input name="order" list="orders" required autofocus defaultValue=${rows[0]?.order ?? ""} /></label>
      <datalist id="orders">${["forward", "backward", "every 10", "middle-out"].map((each) => html`<option value=${each} />`)}</datalist>`,
  });
  return form && { order: `${form.get("order")}` };
}

/** @param {any[]} rows */
export async function newTag(rows) {
  const tags = await allTags();
  const present = rows[0]?.tag?.id ?? "";
  const form = await ask({
    title: words.tag.replace(/ …$/, ""),
    text: [],
    yes: strings.tags.save,
    form: html`<label>
      ${words.newTag}
      <select name="tag">
        <option value="">${words.everybody}</option>
        ${tags.map((tag) => html`<option value=${tag.id} selected=${tag.id === present}>${tag.name}</option>`)}
      </select>
    </label>`,
  });
  return form && { tag_id: `${form.get("tag")}` };
}

/**
 * How long tasks may take: those of which nothing else is said. What is not known is left as it is.
 * @param {any[]} rows
 */
export async function newTimeLimits(rows) {
  const present = rows[0]?.time_limits?.["*"] ?? {};
  const names = /** @type {(keyof typeof words.timeLimits)[]} */ (Object.keys(words.timeLimits));
  const what = words["time-limits"].replace(/ …$/, "");
  const form = await ask({
    title: what,
    text: [words.spans],
    yes: what,
    form: names.map(
      (name) =>
        html`<label>${words.timeLimits[name]} <input name=${name} defaultValue=${present[name] ?? ""} /></label>`,
    ),
  });
  if (!form) return null;
  const given = names.filter((name) => form.get(name) || present[name]);
  return given.length ? Object.fromEntries(given.map((name) => [name, `${form.get(name)}`])) : null;
}

/** How much may fail; nothing for what the settings say. */
export async function newRetries() {
  const names = /** @type {(keyof typeof words.newRetries)[]} */ (Object.keys(words.newRetries));
  const what = words.retries.replace(/ …$/, "");
  const form = await ask({
    title: what,
    text: [],
    yes: what,
    form: names.map(
      (name) => html`<label>${words.newRetries[name]} <input name=${name} type="number" min="1" /></label>`,
    ),
  });
  return form && Object.fromEntries(names.map((name) => [name, Number(form.get(name)) || null]));
}

/** Which tags workers are given, and which they lose; all others stay as they are. */
export async function newTags() {
  const tags = await allTags();
  const what = words.tags.replace(/ …$/, "");
  const form = await ask({
    title: what,
    text: tags.length ? [] : [strings.worker.noTags],
    yes: what,
    form: tags.map(
      (tag) => html`<label><bdi>${tag.name}</bdi>
        <select name=${tag.id}>${Object.entries(words.tagsChange).map(([value, word]) => html`<option value=${value}>${word}</option>`)}</select>
      </label>`,
    ),
  });
  if (!form) return null;
  /** @param {string} change */
  const those = (change) => tags.map((tag) => tag.id).filter((id) => form.get(id) === change);
  return { add: those("add"), remove: those("remove") };
}

/** When workers sleep. */
export async function newSchedule() {
  const what = words.schedule.replace(/ …$/, "");
  const plan = { is_active: true, days_of_week: "", start_time: "", end_time: "" };
  const form = await ask({ title: what, text: [], yes: what, form: html`<${ScheduleFields} plan=${plan} />` });
  return form && planOf(form);
}

/**
 * @param {any[]} rows
 * @param {number} count
 */
export async function sureDelete(rows, count) {
  const withFiles = rows.some((job) => job.files?.goes_with_it);
  return sure(words.delete, rows, count, [words.sureDelete, ...(withFiles ? [words.withFiles] : [])]);
}

/**
 * @param {any[]} rows
 * @param {number} count
 */
export async function surePurge(rows, count) {
  return sure(words.purge, rows, count, [words.surePurge]);
}

/**
 * @param {any[]} rows
 * @param {number} count
 */
export async function sureRemove(rows, count) {
  return sure(words.remove, rows, count, [words.sureRemove]);
}

/**
 * @param {string} label
 * @param {any[]} rows
 * @param {number} count
 * @param {string[]} text
 */
async function sure(label, rows, count, text) {
  const what = label.replace(/ …$/, "");
  const names = rows.slice(0, 10).map((row) => row.name);
  const others = count - names.length;
  const form = await ask({
    title: `${what}: ${count.toLocaleString()}`,
    text: [...names, ...(others > 0 ? [`… +${others.toLocaleString()}`] : []), ...text],
    yes: what,
    isDangerous: true,
  });
  return form && {};
}
