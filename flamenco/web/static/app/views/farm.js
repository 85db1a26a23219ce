/** The farm at a glance: what it is doing, what needs a person, and, where it is empty, the first steps. */

import { ago } from "../core/format.js";
import { html } from "../core/lib.js";
import { BASE, href } from "../core/place.js";
import { mayAdminister } from "../core/session.js";
import { strings } from "../core/strings.js";
import { LastImage } from "../ui/last_image.js";
import { Missing, never, ofJobs, ofWorkers, useFetched } from "../ui/object.js";
import { isToApprove, JobName, Progress, Status, When } from "../ui/status.js";
import { useTitle } from "../ui/title.js";
import { Copy } from "../ui/values.js";
import { Approvals } from "./approvals.js";
import { FarmHistory } from "./farm_history.js";

/** @typedef {import("../core/types.d.ts").JobRow} JobRow */
/** @typedef {import("../core/types.d.ts").WorkerRow} WorkerRow */
/** @typedef {{jobs: JobRow[], total: number, counts: Record<string, number>}} JobList */
/** @typedef {{workers: WorkerRow[], total: number, counts: Record<string, number>}} WorkerList */

const SHOWN = 12;
const words = strings.farm;

export function Farm() {
  useTitle("");
  const running = useFetched(`x/jobs?status=active&eta=true&sort=-priority&limit=${SHOWN}`, ofJobs);
  const failed = useFetched(`x/jobs?status=failed&sort=-updated&limit=${SHOWN}`, ofJobs);
  const looks = useFetched(`x/jobs?waiting_for_approval=true&sort=-updated&limit=${SHOWN}`, ofJobs);
  const stuck = useFetched(`x/jobs?stuck=true&sort=-updated&limit=${SHOWN}`, ofJobs);
  const workers = useFetched(`x/workers?status=error&limit=${SHOWN}`, ofWorkers);
  const jobs = /** @type {JobList | null} */ (running.value);
  const bad = /** @type {JobList | null} */ (failed.value);
  const lost = /** @type {JobList | null} */ (stuck.value);
  const seen = /** @type {JobList | null} */ (looks.value);
  const found = /** @type {WorkerList | null} */ (workers.value);
  if (!jobs || !bad || !lost || !seen || !found)
    return html`<${Missing} of=${[running, failed, looks, stuck, workers].find((each) => each.error) ?? running} gone="" />`;
  const needsYou = [...seen.jobs, ...bad.jobs, ...lost.jobs];
  const isEmpty = !sum(jobs.counts) || !sum(found.counts);
  return html`<article class="object scroll farm" tabindex="0">
    <h1>${strings.nav.farm}</h1>
    ${mayAdminister.value && isEmpty && html`<${SetUpFirst} />`}
    ${isEmpty && html`<${FirstSteps} hasJobs=${sum(jobs.counts) > 0} hasWorkers=${sum(found.counts) > 0} />`}
    <${Approvals} />
    <div class="tiles">
      <${Tile} title=${strings.nav.jobs} to="/jobs" of="job" counts=${jobs.counts} />
      <${Tile} title=${strings.nav.workers} to="/workers" of="worker" counts=${found.counts} />
      <section class="tile"><h2>${words.lastImage}</h2><${LastImage} /></section>
    </div>
    <${FarmHistory} />
    <${JobsNow} title=${words.running} jobs=${jobs.jobs.filter((job) => !isToApprove(job)).toSorted(sooner)} none=${words.nothingRuns} />
    ${needsYou.length > 0 && html`<${JobsNow} title=${words.needsYou} jobs=${needsYou} none="" />`}
    ${seen.total > 0 && html`<p><a href=${href("/jobs?waiting_for_approval=true")}>${words.toApprove(seen.total)}</a></p>`}
    ${lost.total > 0 && html`<p><a href=${href("/jobs?stuck=true")}>${words.stuck(lost.total)}</a></p>`}
    ${found.workers.length > 0 && html`<${WorkersInError} workers=${found.workers} />`}
  </article>`;
}

/** What ends next comes first, and last what nobody knows of. @param {JobRow} one @param {JobRow} other */
const sooner = (one, other) => (one.eta?.earliest ?? "z").localeCompare(other.eta?.earliest ?? "z");

/** @param {Record<string, number>} counts */
const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);

/** @param {{title: string, to: string, of: "job" | "worker", counts: Record<string, number>}} props */
const Tile = ({ title, to, of, counts }) =>
  html`<section class="tile">
    <h2><a href=${href(to)}>${title}</a></h2>
    <ul class="plain-list counts">
      ${Object.entries(counts)
        .filter(([, count]) => count)
        .map(
          ([status, count]) =>
            html`<li><a href=${href(`${to}?status=${status}`)}><strong>${count.toLocaleString()}</strong><${Status} kind=${of} status=${status} /></a></li>`,
        )}
    </ul>
  </section>`;

/** @param {{title: string, jobs: JobRow[], none: string}} props */
const JobsNow = ({ title, jobs, none }) =>
  html`<section>
    <h2>${title}</h2>
    ${!jobs.length && html`<p>${none}</p>`}
    <ul class="plain-list now">
      ${jobs.map(
        (job) => html`<li>
          <${Status} kind="job" status=${job.status} />
          <${JobName} job=${job} />
          <${Progress} tasks=${job.tasks} completed=${job.steps_completed} total=${job.steps_total} />
          <small>${job.eta ? html`<${When} eta=${job.eta} />` : ago(job.updated)}</small>
        </li>`,
      )}
    </ul>
  </section>`;

/** @param {{workers: WorkerRow[]}} props */
const WorkersInError = ({ workers }) =>
  html`<section>
    <h2>${words.workersInError}</h2>
    <ul class="plain-list now">
      ${workers.map((worker) => html`<li><${Status} kind="worker" status=${worker.status} /><a href=${href(`/workers/${worker.id}`)} dir="auto">${worker.name}</a><small>${ago(worker.last_seen)}</small></li>`)}
    </ul>
  </section>`;

/** For whoever started a manager that nobody has set up yet. */
function SetUpFirst() {
  const found = /** @type {import("../ui/object.js").Fetched<{isFirstRun: boolean}>} */ (
    useFetched("v3/configuration", never)
  );
  if (!found.value?.isFirstRun) return null;
  return html`<p class="tile">${strings.setup.farm} <a class="button" href=${href("/setup")}>${strings.setup.start}</a></p>`;
}

/** @param {{hasJobs: boolean, hasWorkers: boolean}} props */
const FirstSteps = ({ hasJobs, hasWorkers }) =>
  html`<section class="tile first">
    <h2>${words.firstSteps}</h2>
    <ol>
      ${!hasWorkers && html`<li>${strings.workers.first}<br /><${Copy} text=${`flamenco worker --manager ${document.baseURI}`} /></li>`}
      ${
        !hasJobs &&
        html`<li>${words.addon} <a data-outside download href=${`${BASE}flamenco3-addon.zip`}>flamenco3-addon.zip</a>. ${words.address}<br /><${Copy} text=${document.baseURI} /> <a href=${href("/connect")}>${strings.connect.title}</a></li>`
      }
    </ol>
  </section>`;
