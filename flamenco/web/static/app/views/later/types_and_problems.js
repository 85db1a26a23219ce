/** The job types that there are, and the scripts that cannot be used, with the place of what is wrong. */

import { html } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Missing, useFetched } from "../../ui/object.js";

const words = strings.settings.jobTypes;

/** @typedef {{job_type: string, file: string, message: string, line?: number, column?: number}} Problem */
/** @typedef {{job_types: import("../../core/job_types.js").JobType[], problems: Problem[]}} Found */

export function JobTypes() {
  const found = /** @type {import("../../ui/object.js").Fetched<Found>} */ (useFetched("x/jobtypes", () => false));
  if (!found.value) return html`<${Missing} of=${found} gone="" />`;
  const { job_types: types, problems } = found.value;
  return html`<h2>${words.title}</h2>
    ${!types.length && html`<p class="empty">${words.none}</p>`}
    ${
      problems.length > 0 &&
      html`<h3>${words.problems}</h3>
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
    <p><button onClick=${found.again}>${words.again}</button></p>`;
}
