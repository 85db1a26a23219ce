/** Submitting a job: which type, what it is to do, and what tasks that would make. */

import { change, get, textOf } from "../core/api.js";
import { allJobTypes, shownSettings, valueIn } from "../core/job_types.js";
import { html, useEffect, useRef, useSignal } from "../core/lib.js";
import { go, href, place } from "../core/place.js";
import { strings } from "../core/strings.js";
import { allTags } from "../core/tags.js";
import { complain, say } from "../ui/notices.js";
import { Missing, never, useFetched } from "../ui/object.js";
import { SettingField } from "../ui/setting_field.js";
import { useTitle } from "../ui/title.js";
import { WhenFields, whenOf } from "./submit_when.js";
import { TaskTree } from "./task_tree.js";

/** @typedef {import("../core/job_types.js").JobType} JobType */

const words = strings.submit;
const LONGEST_NAME = 10_000;
const MOST_PRIORITY = 100;

/** Which type it is to be. */
export function SubmitList() {
  useTitle(words.title);
  const types = useSignal(/** @type {JobType[] | null} */ (null));
  useEffect(() => {
    allJobTypes().then((found) => {
      types.value = found;
    }, complain);
  }, []);
  return html`<article class="object scroll" tabindex="0">
    <h1>${words.title}</h1>
    ${!types.value && html`<p class="empty" role="status">${strings.list.loading}</p>`}
    <ul class="plain-list types">
      ${types.value?.map((type) => html`<li><a href=${href(`/submit/${encodeURIComponent(type.name)}`)} dir="auto">${type.label}</a><span dir="auto">${type.description}</span></li>`)}
    </ul>
  </article>`;
}

/** @param {{name: string}} props */
export function Submit({ name }) {
  const type = useFetched(`v3/jobs/type/${encodeURIComponent(name)}`, never);
  const from = place.value.params.get("from");
  const model = useSignal(/** @type {import("../core/types.d.ts").Job | null} */ (null));
  const isReady = useSignal(!from);
  useEffect(() => {
    if (!from) return;
    get(`x/jobs/${from}`)
      .then((job) => {
        model.value = job;
      }, complain)
      .then(() => {
        isReady.value = true;
      });
  }, [from]);
  if (!type.value || !isReady.value) return html`<${Missing} of=${type} gone=${words.noType} />`;
  return html`<${Form} type=${type.value} model=${model.value} />`;
}

/** @param {{type: JobType, model: import("../core/types.d.ts").Job | null}} props */
function Form({ type, model }) {
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  useTitle(`${words.title}: ${type.label}`);
  const preview = useSignal(/** @type {any} */ (null));
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const tags = useSignal(/** @type {import("../core/tags.js").Tag[]} */ ([]));
  useEffect(() => {
    allTags().then((found) => {
      tags.value = found;
    }, complain);
  }, []);
  /**
   * @param {string} path
   * @param {(answer: any) => void} then
   */
  const send = async (path, then) => {
    if (!form.current?.reportValidity()) return;
    isBusy.value = true;
    problem.value = "";
    try {
      then(await change("POST", path, await submission(type, model, new FormData(form.current))));
    } catch (error) {
      problem.value = textOf(error);
    }
    isBusy.value = false;
  };
  const submit = () =>
    send("x/jobs", (job) => {
      say(`${words.submitted} ${job.name}`);
      go(`/jobs/${job.id}`);
    });
  return html`<article class="object scroll submit" tabindex="0">
    <p class="path"><a href=${href("/submit")}>${words.title}</a></p>
    <h1 dir="auto">${type.label}</h1>
    ${type.description && html`<p dir="auto">${type.description}</p>`}
    <form
      ref=${form}
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label class="setting"><span>${words.name}</span><input name="job name" required maxlength=${LONGEST_NAME} dir="auto" defaultValue=${model?.name ?? ""} autofocus /></label>
      ${shownSettings(type).map((setting) => html`<${SettingField} key=${setting.key} setting=${setting} value=${model ? model.settings[setting.key] : setting.default} />`)}
      <label class="setting"><span>${words.priority}</span><input name="job priority" type="number" min="0" max=${MOST_PRIORITY} required defaultValue=${model?.priority ?? 50} /></label>
      <label class="setting">
        <span>${words.tag}</span>
        <select name="job tag">
          <option value="">${strings.actions.everybody}</option>
          ${tags.value.map((tag) => html`<option value=${tag.id} selected=${tag.id === model?.tag?.id}>${tag.name}</option>`)}
        </select>
      </label>
      <${WhenFields} />
      ${problem.value && html`<p class="problem" role="alert" dir="auto">${problem.value}</p>`}
      <p class="buttons">
        <button class="primary" disabled=${isBusy.value}>${words.submit}</button>
        <button
          type="button"
          disabled=${isBusy.value}
          onClick=${() =>
            send("x/jobs/compile", (job) => {
              preview.value = job;
            })}
        >
          ${words.preview}
        </button>
      </p>
    </form>
    ${preview.value && html`<${TaskTree} job=${preview.value} />`}
  </article>`;
}

/**
 * The job, as the manager wants it. Fields of the job itself have names that no setting can have. Throws where it is to
 * wait for a job that there is not.
 * @param {JobType} type
 * @param {import("../core/types.d.ts").Job | null} model
 * @param {FormData} form
 */
async function submission(type, model, form) {
  const shown = shownSettings(type);
  const filled = shown
    .map((setting) => [setting.key, valueIn(setting, form)])
    .filter(([, value]) => value !== undefined);
  return {
    name: `${form.get("job name")}`.trim(),
    type: type.name,
    priority: Number(form.get("job priority")),
    worker_tag: `${form.get("job tag")}`,
    ...(await whenOf(form)),
    settings: { ...hiddenOf(model, shown), ...Object.fromEntries(filled) },
    metadata: model?.metadata ?? {},
  };
}

/**
 * What another job was submitted with that the form does not show.
 * @param {import("../core/types.d.ts").Job | null} model
 * @param {import("../core/job_types.js").Setting[]} shown
 */
function hiddenOf(model, shown) {
  const keys = new Set(shown.map((setting) => setting.key));
  return Object.fromEntries(Object.entries(model?.settings ?? {}).filter(([key]) => !keys.has(key)));
}
