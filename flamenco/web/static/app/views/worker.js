/** One worker: what it does, its tags, and when it sleeps. */

import { change } from "../core/api.js";
import { ago, exact } from "../core/format.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { href } from "../core/place.js";
import { mayManage } from "../core/session.js";
import { strings } from "../core/strings.js";
import { allTags } from "../core/tags.js";
import { ObjectActions } from "../ui/action_bar.js";
import { later } from "../ui/later.js";
import { complain } from "../ui/notices.js";
import { Fields, Missing, NoteText, useFetched } from "../ui/object.js";
import { Steps, WorkerState } from "../ui/status.js";
import { useTitle } from "../ui/title.js";
import { Copy } from "../ui/values.js";
import { Schedule } from "./worker_schedule.js";

const SelfTest = later(async () => (await import("./later/self_test.js")).SelfTest);
const WorkerTimes = later(async () => (await import("./later/worker_times.js")).WorkerTimes);
const WorkerTasks = later(async () => (await import("./later/worker_tasks.js")).WorkerTasks);

/** @typedef {import("../core/types.d.ts").WorkerRow & {task_types: string[], commands?: string[], put_away?: string, note?: import("../core/types.d.ts").Note}} WorkerDetails */

/** @param {{id: string}} props */
export function Worker({ id }) {
  const fetched = useFetched(
    `x/workers/${id}`,
    ({ topic, payload }) => (topic === "/workers" && payload.id === id) || topic === "/workertags",
  );
  const worker = /** @type {WorkerDetails | null} */ (fetched.value);
  useTitle(worker?.name ?? "");
  if (!worker || fetched.isGone) return html`<${Missing} of=${fetched} gone=${strings.worker.gone} />`;
  const words = strings.workers.columns;
  return html`<article class="object scroll" tabindex="0">
    <header class="head">
      <div>
        <p class="path"><a href=${href("/workers")}>${strings.nav.workers}</a></p>
        <h1 dir="auto">${worker.name}</h1>
        <p class="facts"><${WorkerState} worker=${worker} /></p>
        ${worker.warning && html`<p class="hold" dir="auto">${worker.warning}</p>`}
        <${ObjectActions} kind="workers" row=${worker} again=${fetched.again} />
      </div>
    </header>
    <${Task} worker=${worker} />
    <${Fields}
      fields=${[
        [strings.job.fields.id, html`<${Copy} text=${worker.id} />`],
        [words.platform, worker.platform],
        [words.address, worker.address],
        [words.version, worker.version],
        [words.seen, ago(worker.last_seen)],
        [words.created, exact(worker.created)],
        [strings.worker.types, worker.task_types.join(", ")],
        [strings.worker.commands, worker.commands?.join(", ")],
        [strings.worker.away, worker.put_away && exact(worker.put_away)],
        [strings.job.fields.note, worker.note && html`<${NoteText} note=${worker.note} />`],
      ]}
    />
    <${Tags} worker=${worker} again=${fetched.again} />
    <${Schedule} id=${id} />
    <${SelfTest} id=${id} />
    <${WorkerTimes} id=${id} />
    <${WorkerTasks} id=${id} />
  </article>`;
}

/** @param {{worker: WorkerDetails}} props */
function Task({ worker }) {
  const task = worker.task;
  if (!task) return html`<p>${strings.worker.idle}</p>`;
  return html`<p class="facts">
    <a href=${href(`/jobs/${task.job_id}`)} dir="auto">${task.job_name}</a> ›
    <a href=${href(`/jobs/${task.job_id}/tasks/${task.id}`)} dir="auto">${task.name}</a>
    <${Steps} completed=${task.steps_completed} total=${task.steps_total} />
  </p>`;
}

/** @param {{worker: WorkerDetails, again: () => void}} props */
function Tags({ worker, again }) {
  const tags = useSignal(/** @type {import("../core/tags.js").Tag[]} */ ([]));
  useEffect(() => {
    allTags().then((found) => {
      tags.value = found;
    }, complain);
  }, [worker]);
  // As chosen, at once; the manager's answer comes a moment later.
  const own = useSignal(/** @type {string[]} */ ([]));
  useEffect(() => {
    own.value = worker.tags.map((tag) => tag.id);
  }, [worker]);
  /** @param {string} id */
  const toggle = (id) => {
    const wanted = own.peek().includes(id) ? own.peek().filter((each) => each !== id) : [...own.peek(), id];
    own.value = wanted;
    change("POST", `v3/worker-mgt/workers/${worker.id}/settags`, { tag_ids: wanted }).then(again, complain);
  };
  return html`<fieldset disabled=${!mayManage.value}>
    <legend>${strings.worker.tags}</legend>
    ${!tags.value.length && html`<p>${strings.worker.noTags} <a href=${href("/tags")}>${strings.nav.tags}</a></p>`}
    ${tags.value.map(
      (tag) => html`<label class="check" title=${tag.description}>
        <input type="checkbox" checked=${own.value.includes(tag.id)} onChange=${() => toggle(tag.id)} /><bdi>${tag.name}</bdi>
      </label>`,
    )}
  </fieldset>`;
}
