/** One job: how far it is, why it waits, and its tasks. */

import { exact, now } from "../core/format.js";
import { html } from "../core/lib.js";
import { BASE, href } from "../core/place.js";
import { strings } from "../core/strings.js";
import { ObjectActions } from "../ui/action_bar.js";
import { LastImage } from "../ui/last_image.js";
import { later } from "../ui/later.js";
import { Fields, Missing, NoteText, ofJob, useFetched } from "../ui/object.js";
import { isToApprove, Progress, Status } from "../ui/status.js";
import { Tabs } from "../ui/tabs.js";
import { useTitle } from "../ui/title.js";
import { Copy } from "../ui/values.js";
import { Grid } from "./job_grid.js";
import { Tasks } from "./job_tasks.js";
import { Timeline } from "./job_timeline.js";
import { Eta, JobTimes } from "./job_times.js";

/** @typedef {import("../core/types.d.ts").Job} JobDetails */

/** Tabs that few people open. @param {"Settings" | "Blocklist" | "History"} name */
const fact = (name) => later(async () => (await import("./later/job_facts.js"))[name]);
/** @param {"Why" | "Dependencies" | "TimeLimits"} name */
const wait = (name) => later(async () => (await import("./later/job_waits.js"))[name]);
const [Settings, Blocklist, History] = [fact("Settings"), fact("Blocklist"), fact("History")];
const [Why, Dependencies, TimeLimits] = [wait("Why"), wait("Dependencies"), wait("TimeLimits")];

/** @param {{id: string, isBeside?: boolean}} props `isBeside`: the list of jobs is there too */
export function Job({ id, isBeside = false }) {
  const fetched = useFetched(`x/jobs/${id}`, ofJob(id));
  const job = /** @type {JobDetails | null} */ (fetched.value);
  useTitle(job?.name ?? "");
  if (!job || fetched.isGone) return html`<${Missing} of=${fetched} gone=${strings.job.gone} />`;
  const words = strings.job.tabs;
  const tabs = [
    { name: "tasks", title: words.tasks, content: () => html`<${Tasks} job=${job} prefix=${isBeside ? "t." : ""} />` },
    { name: "grid", title: words.grid, content: () => html`<${Grid} job=${job} />` },
    { name: "timeline", title: words.timeline, content: () => html`<${Timeline} job=${job} />` },
    { name: "why", title: words.why, content: () => html`<${Why} job=${job} />` },
    { name: "dependencies", title: words.dependencies, content: () => html`<${Dependencies} job=${job} />` },
    { name: "images", title: words.images, content: () => html`<${LastImage} jobId=${job.id} name=${job.name} />` },
    { name: "settings", title: words.settings, content: () => html`<${Settings} job=${job} />` },
    { name: "history", title: words.history, content: () => html`<${History} job=${job} />` },
    {
      name: "details",
      title: words.details,
      content: () => html`<${Details} job=${job} /><${TimeLimits} job=${job} /><${JobTimes} job=${job} />`,
    },
    { name: "blocklist", title: words.blocklist, content: () => html`<${Blocklist} job=${job} />` },
  ];
  return html`<article class="object">
    <${Head} job=${job} again=${fetched.again} />
    <${Tabs} tabs=${tabs} label=${job.name} />
  </article>`;
}

/** @param {NonNullable<JobDetails["previewed"]>} preview */
const previewOf = (preview) => strings.job.previewed(preview.frames, strings.job.previews[preview.state], preview);

/** @param {import("../core/types.d.ts").NamedByJob[] | undefined} named */
const namesOf = (named) => named?.map((each) => `${each.is_tag ? "tag:" : ""}${each.name}`).join(", ");

/** @param {{job: JobDetails, again: () => void}} props */
function Head({ job, again }) {
  return html`<header class="head">
    ${job.image && html`<a class="image" href="?tab=images"><img src=${BASE + job.image.replace(/^\//, "")} alt="" /></a>`}
    <div>
      <p class="path"><a href=${href("/jobs")}>${strings.nav.jobs}</a></p>
      <h1 dir="auto" title=${job.name}>${job.name}</h1>
      <p class="facts">
        <${Status} kind="job" status=${job.status} />
        <${Progress} tasks=${job.tasks} completed=${job.steps_completed} total=${job.steps_total} />
        <${Eta} job=${job} />
        ${job.tag && html`<span class="tag" dir="auto">${job.tag.name}</span>`}
      </p>
      ${job.activity && html`<p class="activity" dir="auto">${job.activity}</p>`}
      ${job.previewed && isToApprove(job) && html`<p class="hold" dir="auto">${previewOf(job.previewed)}</p>`}
      ${startsLater(job) && html`<p class="hold" dir="auto">${strings.job.starts(exact(job.start_after), job.start_after_reason)}</p>`}
      <${ObjectActions} kind="jobs" row=${job} again=${again} hasKeys=${false} />
    </div>
  </header>`;
}

/** @param {JobDetails} job */
const startsLater = ({ start_after: moment }) => moment !== undefined && Date.parse(moment) > now.value;

/** @param {{job: JobDetails}} props */
function Details({ job }) {
  const words = strings.job.fields;
  return html`<${Fields}
    fields=${[
      [words.id, html`<${Copy} text=${job.id} />`],
      [words.status, html`<${Status} kind="job" status=${job.status} />`],
      [words.type, job.type],
      [words.user, job.user && `${job.user}${job.owner_is_claim ? ` (${words.claimed})` : ""}`],
      [words.project, job.project],
      [words.tag, job.tag?.name],
      [words.priority, job.priority],
      [words.created, exact(job.created)],
      [words.updated, exact(job.updated)],
      [words.activity, job.activity],
      [words.batch, job.batch],
      [words.order, job.order],
      [words.preview, job.previewed && previewOf(job.previewed)],
      [words.most, job.max_workers],
      [words.only, namesOf(job.workers_allowed)],
      [words.not, namesOf(job.workers_denied)],
      [words.failures, strings.job.mayFail(job.fail_percent, job.tries)],
      [words.note, job.note && html`<${NoteText} note=${job.note} />`],
      [words.start, job.start_after && strings.job.starts(exact(job.start_after), job.start_after_reason)],
      [words.files, job.files?.shaman_checkout_id],
    ]}
  />`;
}
