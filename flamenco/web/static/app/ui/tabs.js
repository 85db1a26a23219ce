/** Parts of a view, of which one is shown; which, is in the address. */

import { html } from "../core/lib.js";
import { place, setParams } from "../core/place.js";

/**
 * @typedef {object} Tab
 * @property {string} name
 * @property {string} title
 * @property {() => any} content
 */

/** @param {{tabs: Tab[], label: string}} props the first is shown unless the address says otherwise */
export function Tabs({ tabs, label }) {
  const name = place.value.params.get("tab") ?? tabs[0]?.name;
  const shown = tabs.find((tab) => tab.name === name) ?? tabs[0];
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !shown) return;
    const next = tabs[(tabs.indexOf(shown) + step + tabs.length) % tabs.length];
    setParams({ tab: next === tabs[0] ? null : (next?.name ?? null) });
    requestAnimationFrame(() => document.getElementById(`tab-${next?.name}`)?.focus());
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
      ${tabs.map(
        (tab) => html`<button
          role="tab"
          id=${`tab-${tab.name}`}
          aria-selected=${`${tab === shown}`}
          aria-controls="panel"
          tabindex=${tab === shown ? 0 : -1}
          onClick=${() => setParams({ tab: tab === tabs[0] ? null : tab.name })}
        >
          ${tab.title}
        </button>`,
      )}
    </div>
    <div class="panel" role="tabpanel" id="panel" aria-labelledby=${`tab-${shown?.name}`}>${shown?.content()}</div>`;
}
