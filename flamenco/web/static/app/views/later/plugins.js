/** The plugins: which are used, what for, and what is wrong with some. */

import { html } from "../../core/lib.js";
import { strings } from "../../core/strings.js";
import { Missing, useFetched } from "../../ui/object.js";

const words = strings.settings.plugins;

/**
 * @typedef {object} Plugin
 * @property {string} name
 * @property {string} origin
 * @property {string} version
 * @property {boolean} enabled
 * @property {string} summary
 * @property {string[]} hooks
 * @property {string} file
 * @property {string} [problem]
 */

export function Plugins() {
  const found = /** @type {import("../../ui/object.js").Fetched<{plugins: Plugin[]}>} */ (
    useFetched("x/plugins", () => false)
  );
  if (!found.value) return html`<${Missing} of=${found} gone="" />`;
  return html`<h2>${words.title}</h2>
    <p>${words.what}</p>
    <ul class="plain-list described">
      ${found.value.plugins.map(
        (plugin) => html`<li>
          <strong dir="auto">${plugin.name}</strong>
          <span class="tag">${plugin.problem ? words.broken : plugin.enabled ? words.used : words.unused}</span>
          <small dir="auto">${words.origins[/** @type {"core"} */ (plugin.origin)] ?? plugin.origin} ${plugin.version}</small>
          <p dir="auto">${plugin.summary}</p>
          ${plugin.problem && html`<p class="problem" dir="auto">${plugin.problem}</p>`}
          <small dir="auto">${words.hooks} ${plugin.hooks.join(", ") || words.none}</small>
          <small dir="auto"><code>${plugin.file}</code></small>
        </li>`,
      )}
    </ul>`;
}
