/** The farm in large type, for a screen that nobody works at. */

import { html } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { LastImage } from "../ui/last_image.js";
import { ofJobs, ofWorkers, useFetched } from "../ui/object.js";
import { Progress, Status } from "../ui/status.js";
import { HiddenTitle } from "../ui/title.js";

const SHOWN = 8;

export function Wall() {
  const jobs = useFetched(`x/jobs?status=active&sort=-priority&limit=${SHOWN}`, ofJobs);
  const workers = useFetched("x/workers?limit=1", ofWorkers);
  const counts = /** @type {any} */ (workers.value)?.counts ?? {};
  return html`<article class="wall"><${HiddenTitle} text=${strings.nav.wall} />
    <p class="numbers">
      ${Object.entries(counts)
        .filter(([, count]) => count)
        .map(
          ([status, count]) =>
            html`<span><strong>${count}</strong> <${Status} kind="worker" status=${status} /></span>`,
        )}
    </p>
    <div class="wall-parts">
      <ul class="plain-list">
        ${(/** @type {any} */ (jobs.value)?.jobs ?? []).map(
          (/** @type {import("../core/types.d.ts").JobRow} */ job) => html`<li>
            <span dir="auto">${job.name}</span><${Progress} tasks=${job.tasks} completed=${job.steps_completed} total=${job.steps_total} />
          </li>`,
        )}
      </ul>
      <${LastImage} name=${strings.farm.lastImage} />
    </div>
  </article>`;
}
