/** One task: facts, commands and its log. */

import { ago, exact } from "../core/format.js";
import { html } from "../core/lib.js";
import { href } from "../core/place.js";
import { strings } from "../core/strings.js";
import { ObjectActions } from "../ui/action_bar.js";
import { later } from "../ui/later.js";
import { Log } from "../ui/log.js";
import { Fields, Missing, useFetched } from "../ui/object.js";
import { Status, Steps } from "../ui/status.js";
import { Tabs } from "../ui/tabs.js";
import { useTitle } from "../ui/title.js";
import { Copy } from "../ui/values.js";

const Attempts = later(async () => (await import("./later/task_facts.js")).Attempts);
const Commands = later(async () => (await import("./later/task_facts.js")).Commands);

/** @param {{job: string, id: string}} props */
export function Task({ job, id }) {
  const fetched = useFetched(`v3/tasks/${id}`, ({ topic, payload }) => topic === `/jobs/${job}` && payload.id === id);
  const task = /** @type {any} */ (fetched.value);
  useTitle(task?.name ?? "");
  if (!task || fetched.isGone) return html`<${Missing} of=${fetched} gone=${strings.task.gone} />`;
  const tabs = [
    {
      name: "log",
      title: strings.task.log,
      content: () => html`<${Log} key=${id} taskId=${id} isRunning=${task.status === "active"} />`,
    },
    { name: "attempts", title: strings.task.attempts.title, content: () => html`<${Attempts} id=${id} job=${job} />` },
    { name: "details", title: strings.job.tabs.details, content: () => html`<${Details} task=${task} />` },
    { name: "commands", title: strings.task.commands, content: () => html`<${Commands} id=${id} />` },
  ];
  return html`<article class="object">
    <header class="head">
      <div>
        <p class="path"><a href=${href("/jobs")}>${strings.nav.jobs}</a> › <a href=${href(`/jobs/${job}`)}>${job.slice(0, 8)}</a></p>
        <h1 dir="auto">${task.name}</h1>
        <p class="facts">
          <${Status} kind="task" status=${task.status} />
          <${Steps} completed=${task.steps_completed} total=${task.steps_total} />
          ${task.worker?.id && html`<a href=${href(`/workers/${task.worker.id}`)} dir="auto">${task.worker.name || task.worker.id.slice(0, 8)}</a>`}
        </p>
        ${task.activity && html`<p class="activity" dir="auto">${task.activity}</p>`}
        <${ObjectActions} kind="tasks" row=${task} again=${fetched.again} />
      </div>
    </header>
    <${Tabs} tabs=${tabs} label=${task.name} />
  </article>`;
}

/** @param {{task: any}} props */
function Details({ task }) {
  const words = strings.task.fields;
  return html`<${Fields}
    fields=${[
      [words.id, html`<${Copy} text=${task.id} />`],
      [words.status, html`<${Status} kind="task" status=${task.status} />`],
      [words.index, task.index_in_job],
      [words.type, task.task_type],
      [words.priority, task.priority],
      [words.worker, task.worker?.name],
      [
        strings.task.failedBy,
        (task.failed_by_workers ?? []).map((/** @type {any} */ worker) => worker.name).join(", "),
      ],
      [words.steps, `${task.steps_completed} / ${task.steps_total}`],
      [words.created, exact(task.created)],
      [words.updated, exact(task.updated)],
      [words.touched, task.last_touched && ago(task.last_touched)],
      [words.activity, task.activity],
    ]}
  />`;
}
