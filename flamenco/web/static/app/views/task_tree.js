/** The tasks that a job would have, before it is submitted: how many of what kind, what waits for what, and commands. */

import { html } from "../core/lib.js";
import { plural, strings } from "../core/strings.js";

const SHOWN = 200;

/** @typedef {{id: string, name: string, type: string, priority: number, commands: {name: string, parameters: Record<string, unknown>}[], dependencies: string[], optional: boolean}} Task */

/** @param {{job: {tasks: Task[], name: string}}} props */
export function TaskTree({ job }) {
  const { tasks } = job;
  const names = new Map(tasks.map((task) => [task.id, task.name]));
  const types = new Map();
  for (const task of tasks) types.set(task.type, (types.get(task.type) ?? 0) + 1);
  return html`<section class="preview">
    <h2>${plural(tasks.length, "task")}</h2>
    <p>${[...types].map(([type, count]) => `${count.toLocaleString()} ${type}`).join(", ")}</p>
    ${tasks.slice(0, SHOWN).map((task) => html`<${One} key=${task.id} task=${task} names=${names} />`)}
    ${tasks.length > SHOWN && html`<p>… ${strings.submit.more(tasks.length - SHOWN)}</p>`}
  </section>`;
}

/** @param {{task: Task, names: Map<string, string>}} props */
const One = ({ task, names }) =>
  html`<details>
    <summary dir="auto">
      ${task.name} <small>${task.type}${task.dependencies.length > 0 && `, ${strings.submit.after} ${waitsFor(task, names)}`}</small>
    </summary>
    ${task.commands.map((command) => html`<h3 dir="auto">${command.name}</h3><pre dir="auto">${JSON.stringify(command.parameters, null, 2)}</pre>`)}
  </details>`;

/**
 * @param {Task} task
 * @param {Map<string, string>} names
 */
function waitsFor({ dependencies }, names) {
  if (dependencies.length > 3) return plural(dependencies.length, "task");
  return dependencies.map((id) => names.get(id)).join(", ");
}
