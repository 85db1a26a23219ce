/** What can be done to the one thing that a view is about: buttons, and the same in the palette. */

import { act, actionsFor } from "../core/actions.js";
import { onKeys } from "../core/keys.js";
import { html, useEffect } from "../core/lib.js";
import { Icon } from "./icon.js";
import { offered } from "./palette.js";

/** @param {{kind: "jobs" | "tasks" | "workers", row: any, again: () => void, hasKeys?: boolean}} props */
export function ObjectActions({ kind, row, again, hasKeys = true }) {
  const actions = actionsFor(kind, [row]).filter((action) => !action.isForMany);
  /** @param {import("../core/actions.js").Action} action */
  const run = async (action) => {
    await act(action, { ids: [row.id] }, [row]);
    again();
  };
  useEffect(() => {
    offered.value = actions.map((action) => ({ icon: action.icon, name: action.label, run: () => run(action) }));
    const keys = hasKeys ? actions.filter((action) => action.key) : [];
    // The first of a key is the one that fits best; a list in the same view has its own.
    const off = onKeys(
      Object.fromEntries(keys.reverse().map((action) => [/** @type {string} */ (action.key), () => run(action)])),
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
      ) => html`<button key=${action.label} class=${action.isDangerous ? "danger" : ""} onClick=${() => run(action)}>
        <${Icon} name=${action.icon} />${action.label}
      </button>`,
    )}
  </div>`;
}
