/** Archives of jobs: which there are, having a job back from one; and what becomes of jobs that ended long ago. */

import { address, change } from "../../core/api.js";
import { exact, size } from "../../core/format.js";
import { html, useSignal } from "../../core/lib.js";
import { go, href, place, setParams } from "../../core/place.js";
import { isKnown, mayManage } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { NotForYou } from "../../ui/account.js";
import { FilterField } from "../../ui/filters.js";
import { Icon } from "../../ui/icon.js";
import { complain, say } from "../../ui/notices.js";
import { Missing, ofJobs, Rows, useFetched } from "../../ui/object.js";
import { Status } from "../../ui/status.js";
import { useTitle } from "../../ui/title.js";

/** @typedef {import("../../core/types.d.ts").Archive} Archive */
/**
 * @template T
 * @typedef {import("../../ui/object.js").Fetched<T>} Fetched
 */

const words = strings.archives;
const EVERY_MS = 5000;
const MOST_DAYS = 36_500;

export function Archives() {
  useTitle(words.title);
  if (!isKnown.value) return null;
  if (!mayManage.value) return html`<${NotForYou} title=${words.title} role="wrangler" />`;
  return html`<article class="object scroll audit" tabindex="0">
    <h1>${words.title}</h1>
    <p>${words.what} <a href=${href("/trash")}>${strings.trash.title}</a></p>
    <div class="filters"><${FilterField} name="q" /></div>
    <${All} />
    <${Retention} />
  </article>`;
}

function All() {
  /** @type {Fetched<{archives: Archive[]}>} */
  const fetched = useFetched("x/archives", ofJobs, EVERY_MS);
  const found = fetched.value?.archives;
  if (!found || fetched.error) return html`<${Missing} of=${fetched} gone="" />`;
  const wanted = (place.value.params.get("q") ?? "").toLowerCase();
  const shown = found.filter((each) =>
    [each.name, each.type, each.user, each.project, each.file].join("\n").toLowerCase().includes(wanted),
  );
  if (!shown.length)
    return html`<div class="empty">
      <p>${found.length ? strings.list.nothing : words.none}</p>
      ${found.length > 0 && html`<button onClick=${() => setParams({ q: null })}>${strings.list.clear}</button>`}
    </div>`;
  return html`<${Rows} columns=${words.columns}>${shown.map((each) => html`<${Line} key=${each.file} archive=${each} />`)}<//>`;
}

/** @param {{archive: Archive}} props */
function Line({ archive }) {
  const { file, name, status, user, project, tasks } = archive;
  const isBusy = useSignal(false);
  const unpack = async () => {
    isBusy.value = true;
    try {
      const { id } = await change("POST", "x/archives/unpack", { file });
      say(`${words.isBack} ${name}`);
      go(`/jobs/${id}`);
    } catch (error) {
      complain(error);
    }
    isBusy.value = false;
  };
  return html`<tr>
    <th scope="row" dir="auto">${name}</th>
    <td><${Status} kind="job" status=${status} /></td>
    <td dir="auto">${[user, project].filter(Boolean).join(", ")}</td>
    <td class="right">${tasks.toLocaleString()}</td>
    <td>${exact(archive.archived)}</td>
    <td class="right">${size(archive.size)}</td>
    <td>
      <span class="actions">
        <button disabled=${isBusy.value} onClick=${unpack} aria-label=${`${words.unpack}: ${name}`}>${words.unpack}</button>
        <a class="button" download=${file} href=${address(`x/archives/${encodeURIComponent(file)}`)} aria-label=${`${strings.log.download}: ${name}`}><${Icon} name="download" />${strings.log.download}</a>
      </span>
    </td>
  </tr>`;
}

/** What the rules of the configuration would do, now or in some days. Nothing is done. */
function Retention() {
  const days = place.value.params.get("days") ?? "0";
  /** @type {Fetched<import("../../core/types.d.ts").Retention>} */
  const fetched = useFetched(`x/retention?${new URLSearchParams({ days })}`, ofJobs, EVERY_MS);
  const found = fetched.value;
  return html`<h2>${words.rules}</h2>
    <p>${words.rulesWhat}</p>
    ${!found || fetched.error ? html`<${Missing} of=${fetched} gone="" />` : html`<${Due} found=${found} days=${days} />`}`;
}

/** @param {{found: import("../../core/types.d.ts").Retention, days: string}} props */
function Due({ found: { rules, jobs, total }, days }) {
  if (!rules.length) return html`<p class="empty">${words.noRules}</p>`;
  return html`<ol>
      ${rules.map((rule) => html`<li dir="auto">${words.rule(rule.status, rule.after, rule.do)} ${rule.project}</li>`)}
    </ol>
    <label>${words.days} <input type="number" min="0" max=${MOST_DAYS} defaultValue=${days} onChange=${(/** @type {Event} */ event) => setParams({ days: /** @type {HTMLInputElement} */ (event.currentTarget).value })} /></label>
    <p role="status">${words.due(jobs.length, total)}</p>
    ${
      jobs.length > 0 &&
      html`<${Rows} columns=${words.dueColumns}>
        ${jobs.map(
          (job) => html`<tr key=${job.id}>
            <th scope="row" dir="auto"><a href=${href(`/jobs/${job.id}`)}>${job.name}</a></th>
            <td><${Status} kind="job" status=${job.status} /></td>
            <td dir="auto">${[job.user, job.project].filter(Boolean).join(", ")}</td>
            <td>${exact(job.updated)}</td>
            <td>${words.does[/** @type {"trash"} */ (job.do)] ?? job.do}</td>
          </tr>`,
        )}
      <//>`
    }`;
}
