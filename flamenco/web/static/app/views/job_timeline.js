/** Who worked on a job when: a lane for each worker, a bar for each attempt, so that gaps are seen. */

import { get, textOf } from "../core/api.js";
import { exact, span } from "../core/format.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { listen } from "../core/live.js";
import { go, href, place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Rows } from "../ui/object.js";
import { Status, statusWord } from "../ui/status.js";

/** @typedef {import("../core/types.d.ts").Attempt} Attempt */

const words = strings.job.timeline;
const PAGE = 500;
const MOST_BARS = 2000;
const AGAIN_MS = 5000;
const HOUR_MS = 3_600_000;
const LEAST_MS = 1000;

/** @param {{job: {id: string, name: string}}} props */
export function Timeline({ job }) {
  const hours = place.value.params.get("window") ?? "24";
  const attempts = useSignal(/** @type {Attempt[] | null} */ (null));
  const isMore = useSignal(false);
  const error = useSignal("");
  useEffect(() => {
    const stop = new AbortController();
    const look = async () => {
      try {
        const found = await fetchSome(job.id, Number(hours), stop.signal);
        attempts.value = found.attempts;
        isMore.value = found.isMore;
        error.value = "";
      } catch (failure) {
        if (!stop.signal.aborted) error.value = textOf(failure);
      }
    };
    look();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let planned;
    const off = listen(({ events, missed }) => {
      if (planned || !(missed || events.some(({ topic }) => topic === `/jobs/${job.id}`))) return;
      planned = setTimeout(() => {
        planned = undefined;
        look();
      }, AGAIN_MS);
    });
    return () => {
      off();
      clearTimeout(planned);
      stop.abort();
    };
  }, [job.id, hours]);
  const found = attempts.value;
  return html`<div class="timeline">
    <p>
      <label>
        ${words.window}
        <select onChange=${(/** @type {any} */ event) => setParams({ window: event.currentTarget.value === "24" ? null : event.currentTarget.value })}>
          ${Object.entries(words.windows).map(([value, word]) => html`<option value=${value} selected=${value === hours}>${word}</option>`)}
        </select>
      </label>
      ${isMore.value && html` <span role="status">${words.some(found?.length ?? 0)}</span>`}
    </p>
    ${error.value && html`<p role="alert">${error.value}</p>`}
    ${!found && !error.value && html`<p class="empty" role="status">${strings.list.loading}</p>`}
    ${found?.length === 0 && html`<p class="empty">${words.none}</p>`}
    ${found && found.length > 0 && html`<${Lanes} job=${job} attempts=${found} /><${Twin} job=${job} attempts=${found} />`}
  </div>`;
}

/**
 * @param {string} jobId
 * @param {number} hours 0: all
 * @param {AbortSignal} stop
 */
async function fetchSome(jobId, hours, stop) {
  const from = hours ? new Date(Date.now() - hours * HOUR_MS).toISOString() : undefined;
  /** @type {Attempt[]} */
  const attempts = [];
  /** @type {string | undefined} */
  let after;
  do {
    /** @type {{attempts: Attempt[], next?: string}} */
    const page = await get(`x/jobs/${jobId}/attempts`, { from, after, limit: PAGE }, stop);
    attempts.push(...page.attempts);
    after = page.next;
  } while (after && attempts.length < MOST_BARS);
  return { attempts, isMore: Boolean(after) };
}

/** @param {Attempt} attempt */
const begin = (attempt) => Date.parse(attempt.started);
/** @param {Attempt} attempt */
const end = (attempt) => (attempt.ended ? Date.parse(attempt.ended) : begin(attempt) + attempt.seconds * 1000);

/** @param {{job: {id: string, name: string}, attempts: Attempt[]}} props */
function Lanes({ job, attempts }) {
  const from = Math.min(...attempts.map(begin));
  const whole = Math.max(LEAST_MS, Math.max(...attempts.map(end)) - from);
  /** @type {Map<string, Attempt[]>} */
  const lanes = new Map();
  for (const attempt of attempts) {
    const name = attempt.worker?.name ?? words.nobody;
    lanes.set(name, [...(lanes.get(name) ?? []), attempt]);
  }
  return html`<div class="lanes" aria-hidden="true">
    ${[...lanes]
      .sort(([one], [other]) => one.localeCompare(other, undefined, { numeric: true }))
      .map(
        ([name, bars]) => html`<span class="lane-name" dir="auto" title=${name}>${name}</span>
        <div class="lane">
          ${bars.map((attempt) => html`<${Bar} key=${`${attempt.task?.id} ${attempt.number}`} job=${job} attempt=${attempt} from=${from} whole=${whole} />`)}
        </div>`,
      )}
    <span></span>
    <p class="ends"><time>${exact(new Date(from).toISOString())}</time><time>${exact(new Date(from + whole).toISOString())}</time></p>
  </div>`;
}

/** @param {{job: {id: string}, attempt: Attempt, from: number, whole: number}} props */
function Bar({ job, attempt, from, whole }) {
  const style = {
    insetInlineStart: `${(100 * (begin(attempt) - from)) / whole}%`,
    width: `${(100 * (end(attempt) - begin(attempt))) / whole}%`,
  };
  const title = `${attempt.task?.name} · ${statusWord("attempt", attempt.outcome)} · ${span(attempt.seconds)}${attempt.reason ? ` · ${attempt.reason}` : ""}`;
  return html`<i data-status=${attempt.outcome} style=${style} title=${title} onClick=${() => go(`/jobs/${job.id}/tasks/${attempt.task?.id}`)}></i>`;
}

/** The same for those who cannot see it. @param {{job: {id: string}, attempts: Attempt[]}} props */
const Twin = ({ job, attempts }) =>
  html`<details>
    <summary>${words.table}</summary>
    <${Rows} columns=${words.columns}>
      ${attempts.map(
        (attempt) => html`<tr>
          <td><a href=${href(`/jobs/${job.id}/tasks/${attempt.task?.id}`)} dir="auto">${attempt.task?.name}</a></td>
          <td dir="auto">${attempt.worker?.name ?? words.nobody}</td>
          <td><${Status} kind="attempt" status=${attempt.outcome} /></td>
          <td>${exact(attempt.started)}</td>
          <td class="right">${span(attempt.seconds)}</td>
        </tr>`,
      )}
    <//>
  </details>`;
