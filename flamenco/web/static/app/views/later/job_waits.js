/** What a job waits for: its place among the others, what its tasks say, other jobs, and limits on time. */

import { change } from "../../core/api.js";
import { html } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { maySubmit } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { JobField, jobNamed } from "../../ui/job_field.js";
import { complain, say } from "../../ui/notices.js";
import { Fields, Missing, ofJob, Rows, useFetched } from "../../ui/object.js";
import { Status, statusWord } from "../../ui/status.js";

/** @typedef {import("../../core/types.d.ts").Explanation} Explanation */
/** @typedef {import("../../core/types.d.ts").Dependency} Dependency */
/** @typedef {import("../../core/types.d.ts").Dependencies} All */
/**
 * @template T
 * @typedef {import("../../ui/object.js").Fetched<T>} Fetched
 */

const words = strings.job.waits;
const EVERY_MS = 2000;

/** @param {string} id @returns {Fetched<Explanation>} */
const useExplanation = (id) => useFetched(`x/jobs/${id}/explain`, ofJob(id));

/** Where it stands among the others, what its tasks wait for, and what failed. @param {{job: {id: string}}} props */
export function Why({ job }) {
  const fetched = useExplanation(job.id);
  const why = fetched.value;
  if (!why) return html`<${Missing} of=${fetched} gone=${strings.job.gone} />`;
  return html`<div class="why">
    ${why.position && html`<p>${strings.job.position(why.position, why.open_jobs)}</p>`}
    ${
      why.terms.length > 0 &&
      html`<ul>
        ${why.terms.map((term) => html`<li dir="auto"><strong>${term.policy}</strong> ${(term.score * term.weight).toLocaleString()} — ${term.reason}</li>`)}
      </ul>`
    }
    ${why.holds.map((hold) => html`<p class="hold" dir="auto"><strong>${hold.policy}</strong> ${hold.reason}</p>`)}
    ${!why.waiting.length && html`<p>${strings.job.nothingWaits}</p>`}
    <ul>
      ${why.waiting.map(
        (group) => html`<li dir="auto">
          <strong>${group.count.toLocaleString()}</strong> ${group.reason}
          <small>${group.tasks.join(", ")}${group.count > group.tasks.length ? " …" : ""}</small>
        </li>`,
      )}
    </ul>
    ${
      why.failed.length > 0 &&
      html`<ul>
        ${why.failed.map((task) => html`<li dir="auto"><${Status} kind="task" status=${task.status} /> ${task.index_in_job} ${task.name} <small>${task.why}</small></li>`)}
      </ul>`
    }
  </div>`;
}

/** How long its tasks may take, by their type, and who says so. @param {{job: {id: string}}} props */
export function TimeLimits({ job }) {
  const limits = useExplanation(job.id).value?.time_limits ?? [];
  if (!limits.length) return null;
  return html`<h2>${strings.job.timeLimits}</h2><${Fields} fields=${limits.map(({ task_type, text }) => [task_type, text])} />`;
}

/** Jobs that it waits for, and that wait for it; for whom they may steer it, what to do about that. @param {{job: {id: string}}} props */
export function Dependencies({ job }) {
  const path = `x/jobs/${job.id}/dependencies`;
  /** @type {Fetched<All>} */
  const fetched = useFetched(path, ({ topic }) => topic === "/jobs", EVERY_MS);
  const found = fetched.value;
  if (!found || fetched.error) return html`<${Missing} of=${fetched} gone=${strings.job.gone} />`;
  return html`<h2>${words.for}</h2>
    ${!found.waits_for.length && html`<p class="empty">${words.none}</p>`}
    ${
      found.waits_for.length > 0 &&
      html`<${Rows} columns=${words.columns}>
        ${found.waits_for.map((each) => html`<${One} key=${each.job} wait=${each} path=${path} again=${fetched.again} />`)}
      <//>`
    }
    ${maySubmit.value && html`<${Added} path=${path} again=${fetched.again} />`}
    <h2>${words.by}</h2>
    ${!found.waited_for_by.length && html`<p class="empty">${words.noneBy}</p>`}
    <ul class="plain-list">
      ${found.waited_for_by.map(
        (each) => html`<li key=${each.job}>
          <${Status} kind="job" status=${each.status} />
          <a href=${href(`/jobs/${each.job}?tab=dependencies`)} dir="auto">${each.name}</a>
          <small>${words.kinds[each.kind]}, ${statusWord("wait", each.state)}</small>
        </li>`,
      )}
    </ul>`;
}

/** @param {{wait: Dependency, path: string, again: () => void}} props */
function One({ wait, path, again }) {
  /** @param {"POST" | "DELETE"} method @param {string} below @param {string} done */
  const decide = (method, below, done) => () =>
    change(method, `${path}/${wait.job}${below}`).then(() => {
      say(`${done}: ${wait.name}`);
      again();
    }, complain);
  const isOpen = !["met", "satisfied"].includes(wait.state);
  const [first, last] = wait.offset;
  return html`<tr>
    <th scope="row" dir="auto">${wait.status ? html`<a href=${href(`/jobs/${wait.job}?tab=dependencies`)}>${wait.name}</a>` : wait.name}</th>
    <td>${wait.status ? html`<${Status} kind="job" status=${wait.status} />` : words.deleted}</td>
    <td>${words.kinds[wait.kind]}, ${words.whens[wait.when]}${(first !== 0 || last !== 0) && html`<small>${words.offset(first, last)}</small>`}</td>
    <td><${Status} kind="wait" status=${wait.state} /><small class=${wait.state === "broken" ? "hold" : ""} dir="auto">${wait.reason}</small></td>
    <td>
      ${
        maySubmit.value &&
        html`<span class="actions">
          ${isOpen && html`<button onClick=${decide("POST", "/satisfy", words.satisfied)} aria-label=${`${words.satisfy}: ${wait.name}`}>${words.satisfy}</button>`}
          <button onClick=${decide("DELETE", "", words.dropped)} aria-label=${`${words.drop}: ${wait.name}`}>${words.drop}</button>
        </span>`
      }
    </td>
  </tr>`;
}

/** Have it wait for one more. @param {{path: string, again: () => void}} props */
function Added({ path, again }) {
  /** @param {SubmitEvent} event */
  const add = async (event) => {
    event.preventDefault();
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    const form = new FormData(element);
    try {
      const job = await jobNamed(`${form.get("job")}`);
      const offset = [Number(form.get("first")), Number(form.get("last"))];
      const what = form.has("frames") ? { kind: "frames", offset } : { kind: "all" };
      await change("POST", path, { job, when: form.get("when"), ...what });
      element.reset();
      again();
    } catch (error) {
      complain(error);
    }
  };
  return html`<form class="tag-form" onSubmit=${add}>
    <${JobField} name="job" label=${words.other} isNeeded />
    <select name="when" aria-label=${words.columns[2]}>${Object.entries(words.whens).map(([value, word]) => html`<option value=${value}>${word}</option>`)}</select>
    <label class="check"><input type="checkbox" name="frames" />${words.kinds.frames}</label>
    ${Object.entries(words.around).map(([name, word]) => html`<label>${word} <input name=${name} type="number" step="1" defaultValue="0" /></label>`)}
    <button>${words.add}</button>
  </form>`;
}
