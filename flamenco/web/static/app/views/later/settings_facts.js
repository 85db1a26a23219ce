/** What stands beside the settings: job types and plugins, with what is wrong with some, and what this manager is. */

import { html, useSignal } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Fields, Missing, never, useFetched } from "../../ui/object.js";

const DOCUMENTS = ["/api/v3/openapi3.json", "/api/x/openapi.json"];
const { about, jobTypes: scripts, plugins: used } = strings.settings;

/** @typedef {{job_type: string, file: string, message: string, line?: number, column?: number}} Problem */
/** @typedef {{job_types: import("../../core/job_types.js").JobType[], problems: Problem[]}} Found */

/** The job types, and the scripts that cannot be used, with the place of what is wrong. */
export function JobTypes() {
  const found = /** @type {import("../../ui/object.js").Fetched<Found>} */ (useFetched("x/jobtypes", never));
  if (!found.value) return html`<${Missing} of=${found} gone="" />`;
  const { job_types: types, problems } = found.value;
  return html`<h2>${scripts.title}</h2>
    ${!types.length && html`<p class="empty">${scripts.none}</p>`}
    ${
      problems.length > 0 &&
      html`<h3>${scripts.problems}</h3>
        <ul class="plain-list described">
          ${problems.map(
            (each) => html`<li>
              <strong dir="auto">${each.job_type}</strong>
              <p class="problem" dir="auto">${each.message}</p>
              <small dir="auto"><code>${each.file}${each.line ? `:${each.line}` : ""}${each.column ? `:${each.column}` : ""}</code></small>
            </li>`,
          )}
        </ul>`
    }
    <ul class="plain-list types">
      ${types.map((type) => html`<li><a href=${href(`/submit/${encodeURIComponent(type.name)}`)} dir="auto">${type.label}</a><span dir="auto">${type.description} <code>${type.name}</code></span></li>`)}
    </ul>
    <p><button onClick=${found.again}>${scripts.again}</button></p>`;
}

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

/** The plugins: which are used, what for, and what is wrong with some. */
export function Plugins() {
  const found = /** @type {import("../../ui/object.js").Fetched<{plugins: Plugin[]}>} */ (
    useFetched("x/plugins", never)
  );
  if (!found.value) return html`<${Missing} of=${found} gone="" />`;
  return html`<h2>${used.title}</h2>
    <p>${used.what}</p>
    <ul class="plain-list described">
      ${found.value.plugins.map(
        (plugin) => html`<li>
          <strong dir="auto">${plugin.name}</strong>
          <span class="tag">${plugin.problem ? used.broken : plugin.enabled ? used.used : used.unused}</span>
          <small dir="auto">${used.origins[/** @type {"core"} */ (plugin.origin)] ?? plugin.origin} ${plugin.version}</small>
          <p dir="auto">${plugin.summary}</p>
          ${plugin.problem && html`<p class="problem" dir="auto">${plugin.problem}</p>`}
          <small dir="auto">${used.hooks} ${plugin.hooks.join(", ") || used.none}</small>
          <small dir="auto"><code>${plugin.file}</code></small>
        </li>`,
      )}
    </ul>`;
}

/** @typedef {Record<string, string | number | string[]>} Facts */

/** What this manager is, to be copied when one asks for help. */
export function About() {
  const found = /** @type {import("../../ui/object.js").Fetched<Facts>} */ (useFetched("x/about", never));
  const isCopied = useSignal(false);
  if (!found.value) return html`<${Missing} of=${found} gone="" />`;
  const facts = Object.entries({ ...found.value, browser: navigator.userAgent }).map(
    ([name, value]) =>
      /** @type {[string, string]} */ ([name, `${Array.isArray(value) ? value.join(", ") || "–" : value}`]),
  );
  const copy = async () => {
    await navigator.clipboard?.writeText(facts.map(([name, value]) => `${name}: ${value}`).join("\n"));
    isCopied.value = true;
  };
  return html`<h2>${about.title}</h2>
    <p>${about.what}</p>
    <${Fields} fields=${facts.map(([name, value]) => [/** @type {Record<string, string>} */ (about.names)[name] ?? name, value])} />
    <p class="buttons"><button class="primary" onClick=${copy}>${isCopied.value ? strings.copied : about.copy}</button></p>
    <p>${about.api} ${DOCUMENTS.map((path) => html`<a data-outside href=${href(path)}><code>${path}</code></a> `)}</p>`;
}
