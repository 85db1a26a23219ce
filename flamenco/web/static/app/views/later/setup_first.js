/** What was chosen is written down, and the farm gets its first worker and renders its first frame. */

import { textOf } from "../../core/api.js";
import { chosen, confirm, goTo, PLATFORMS, trialRender } from "../../core/later/setup.js";
import { html, useSignal } from "../../core/lib.js";
import { BASE, href, place, setParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { complain, say } from "../../ui/notices.js";
import { Fields, Missing, useFetched } from "../../ui/object.js";
import { Progress, Status } from "../../ui/status.js";
import { Copy } from "../../ui/values.js";
import { Ahead } from "./setup_steps.js";

/** @typedef {import("../../core/types.d.ts").WorkerRow} WorkerRow */
/** @typedef {import("../../core/types.d.ts").Job} Job */
/**
 * @template T
 * @typedef {import("../../ui/object.js").Fetched<T>} Fetched
 */

const words = strings.setup;
const SHOWN = 10;

/** @param {{known: import("../../core/later/setup.js").State}} props */
export function ConfirmStep({ known }) {
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const keep = async () => {
    isBusy.value = true;
    problem.value = "";
    try {
      await confirm();
      say(words.confirm.done);
      goTo("worker");
    } catch (error) {
      problem.value = textOf(error);
      isBusy.value = false;
    }
  };
  const storage = chosen("storage");
  if (!storage) return html`<p role="alert">${words.confirm.missing}</p><${Ahead} back="storage" />`;
  const { names, label } = words.platforms;
  const elsewhere = PLATFORMS.filter((each) => each !== known.platform).map((each) => [
    label(names[each]),
    chosen(each),
  ]);
  return html`<p>${words.confirm.what}</p>
    <${Fields} fields=${[[words.confirm.storage, storage], ...elsewhere, [words.confirm.blender, chosen("blender") || words.blender.skip]]} />
    <p><code dir="auto">${known.file}</code></p>
    ${problem.value && html`<p class="problem" role="alert" dir="auto">${problem.value}</p>`}
    ${isBusy.value && html`<p role="status">${words.confirm.startsAnew}</p>`}
    <p class="buttons"><button class="primary" disabled=${isBusy.value} onClick=${keep}>${words.confirm.confirm}</button></p>
    <${Ahead} back="blender" />`;
}

/** @param {{known: import("../../core/later/setup.js").State}} props */
export function WorkerStep({ known }) {
  const found = /** @type {Fetched<{workers: WorkerRow[]}>} */ (
    useFetched(`x/workers?sort=-created&limit=${SHOWN}`, ({ topic }) => topic.startsWith("/workers"))
  );
  const address = known.addresses[0] ?? document.baseURI;
  return html`<p>${words.worker.what}</p>
    <${Copy} text=${`flamenco worker --manager ${address}`} />
    ${!found.value && html`<${Missing} of=${found} gone="" />`}
    ${found.value?.workers.length === 0 && html`<p role="status">${words.worker.waiting}</p>`}
    ${
      (found.value?.workers.length ?? 0) > 0 &&
      html`<p role="status" class="fine">${words.worker.found}</p>
        <ul class="plain-list">
          ${found.value?.workers.map((each) => html`<li><${Status} kind="worker" status=${each.status} /><a href=${href(`/workers/${each.id}`)} dir="auto">${each.name}</a>${!each.approved && html`<span class="requested">${words.worker.approve}</span>`}</li>`)}
        </ul>`
    }
    <${Ahead} back="confirm" to="render" word=${found.value?.workers.length ? words.next : words.skip} />`;
}

export function RenderStep() {
  const job = place.value.params.get("job");
  const isBusy = useSignal(false);
  const start = async () => {
    isBusy.value = true;
    try {
      const { id, folder } = await trialRender();
      setParams({ job: id, folder });
    } catch (error) {
      complain(error);
    }
    isBusy.value = false;
  };
  return html`<p>${words.render.what}</p>
    ${job ? html`<${Watched} key=${job} id=${job} />` : html`<p class="buttons"><button class="primary" disabled=${isBusy.value} onClick=${start}>${words.render.start}</button></p>`}
    <p class="buttons">
      ${job && html`<button disabled=${isBusy.value} onClick=${start}>${strings.list.again}</button>`}
      <a class="button" href=${href("/")}>${words.render.finish}</a>
    </p>
    <${Ahead} back="worker" />`;
}

/** @param {{id: string}} props */
function Watched({ id }) {
  const found = /** @type {Fetched<Job>} */ (
    useFetched(`x/jobs/${encodeURIComponent(id)}`, ({ payload }) => payload.id === id || payload.job_id === id)
  );
  const job = found.value;
  if (!job) return html`<${Missing} of=${found} gone=${strings.job.gone} />`;
  return html`<p><${Status} kind="job" status=${job.status} /> <a href=${href(`/jobs/${id}`)}>${words.render.open}</a></p>
    <${Progress} tasks=${job.tasks} completed=${job.steps_completed} total=${job.steps_total} />
    ${job.status === "completed" && html`<p role="status" class="fine">${words.render.done} <code dir="auto">${place.value.params.get("folder")}</code></p>`}
    ${job.status === "failed" && html`<p role="alert" class="problem">${words.render.failed}</p>`}
    ${job.image && html`<p class="image large"><img src=${BASE + job.image.replace(/^\//, "")} alt=${strings.farm.lastImage} /></p>`}`;
}
