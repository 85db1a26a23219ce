/** What can be done: to what is chosen, and to the one thing that a view is about. */

import { act, actionsFor } from "../core/actions.js";
import { onKeys } from "../core/keys.js";
import { html, useEffect } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";
import { offered } from "./palette.js";

/**
 * Do an action to what is chosen, or to `rows` when nothing is.
 * @param {import("../core/actions.js").Action} action
 * @param {import("./selection.js").Selection<any>} selection
 * @param {any[]} rows
 * @param {Record<string, string> | undefined} fixed
 */
export async function run(action, selection, rows, fixed) {
  const count = selection.count.peek();
  const target = count ? selection.target() : { ids: rows.map((row) => row.id) };
  await act(
    action,
    "filter" in target ? { filter: { ...target.filter, ...fixed } } : target,
    rows,
    count || rows.length,
  );
  selection.list.refreshSoon();
}

/**
 * There while something is chosen.
 * @param {{kind: "jobs" | "tasks" | "workers", selection: import("./selection.js").Selection<any>, fixed?: Record<string, string>}} props
 */
export function ActionBar({ kind, selection, fixed }) {
  const count = selection.count.value;
  void selection.list.version.value;
  if (!count) return null;
  const rows = selection.chosen();
  const total = selection.list.total.value;
  return html`<div class="action-bar" role="toolbar" aria-label=${strings.selection.chosen(count)}>
    <strong>${strings.selection.chosen(count)}</strong>
    ${
      !selection.isAll.value &&
      count < total &&
      html`<button class="plain" onClick=${() => selection.chooseAll()}>${strings.selection.allThatMatch(total)}</button>`
    }
    ${kind === "jobs" && !selection.isAll.value && html`<button class="plain" onClick=${() => choosePreceding(selection)}>${strings.selection.preceding}</button>`}
    <span class="grow"></span>
    ${actionsFor(kind, rows).map(
      (
        action,
      ) => html`<button key=${action.label} class=${action.isDangerous ? "danger" : ""} onClick=${() => run(action, selection, rows, fixed)}>
        <${Icon} name=${action.icon} />${action.label}${action.key && html`<kbd>${action.key}</kbd>`}
      </button>`,
    )}
    <button class="plain" title=${strings.selection.none} aria-label=${strings.selection.none} onClick=${() => selection.clear()}>
      <${Icon} name="x" />
    </button>
  </div>`;
}

/**
 * Choose what was not updated after the newest that is chosen, as people do before they tidy up.
 * @param {import("./selection.js").Selection<any>} selection
 */
function choosePreceding(selection) {
  const times = selection.chosen().map((job) => job.updated);
  const newest = times.toSorted().at(-1);
  selection.choose([...selection.list.rows()].filter((job) => job.updated <= newest).map((job) => job.id));
}

/**
 * What can be done to the one thing that a view is about: buttons, and the same in the palette.
 * @param {{kind: "jobs" | "tasks" | "workers", row: any, again: () => void, hasKeys?: boolean}} props
 */
export function ObjectActions({ kind, row, again, hasKeys = true }) {
  const actions = actionsFor(kind, [row]).filter((action) => !action.isForMany);
  /** @param {import("../core/actions.js").Action} action */
  const perform = async (action) => {
    await act(action, { ids: [row.id] }, [row]);
    again();
  };
  useEffect(() => {
    offered.value = actions.map((action) => ({ icon: action.icon, name: action.label, run: () => perform(action) }));
    const keys = hasKeys ? actions.filter((action) => action.key) : [];
    // The first of a key is the one that fits best; a list in the same view has its own.
    const off = onKeys(
      Object.fromEntries(keys.reverse().map((action) => [/** @type {string} */ (action.key), () => perform(action)])),
    );
    return () => {
      offered.value = [];
      off();
    };
  }, [row]);
  return html`<div class="actions" role="toolbar">
    ${actions.map(
      (
        action,
      ) => html`<button key=${action.label} class=${action.isDangerous ? "danger" : ""} onClick=${() => perform(action)}>
        <${Icon} name=${action.icon} />${action.label}
      </button>`,
    )}
  </div>`;
}
