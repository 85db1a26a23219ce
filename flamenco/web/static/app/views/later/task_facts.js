/** Who has tried a task, and its commands as workers get them. */

import { exact, span } from "../../core/format.js";
import { html } from "../../core/lib.js";
import { href, place, setParams, withParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Fields, Missing, never, Rows, useFetched } from "../../ui/object.js";
import { Status } from "../../ui/status.js";
import { Copy } from "../../ui/values.js";

/** @typedef {import("../../core/types.d.ts").Attempt} Attempt */

const words = strings.task;

/**
 * Who has tried it, when, how that ended and why, and where in its log that is.
 * @param {{id: string, job: string}} props
 */
export function Attempts({ id, job }) {
  const fetched = useFetched(
    `x/tasks/${id}/attempts`,
    ({ topic, payload }) => topic === `/jobs/${job}` && payload.id === id,
  );
  const attempts = /** @type {{attempts: Attempt[]} | null} */ (fetched.value)?.attempts;
  if (!attempts) return html`<${Missing} of=${fetched} gone=${words.gone} />`;
  if (!attempts.length) return html`<p class="empty">${words.attempts.none}</p>`;
  return html`<${Rows} columns=${words.attempts.columns}>
    ${attempts.toReversed().map((attempt) => html`<${Line} key=${attempt.number} attempt=${attempt} />`)}
  <//>`;
}

/** @param {{attempt: Attempt}} props */
const Line = ({ attempt }) =>
  html`<tr>
    <td class="right">${attempt.number}</td>
    <td><${Status} kind="attempt" status=${attempt.outcome} /></td>
    <td>${attempt.worker && html`<a href=${href(`/workers/${attempt.worker.id}`)} dir="auto">${attempt.worker.name}</a>`}</td>
    <td>${exact(attempt.started)}</td>
    <td class="right">${span(attempt.seconds)}</td>
    <td class="right">${attempt.steps}</td>
    <td dir="auto">${attempt.reason}</td>
    <td><a href=${href(withParams({ tab: null, at: `${attempt.log_offset ?? 0}` }))}>${words.log}</a></td>
  </tr>`;

/** Its commands as workers get them on each platform, with lines for a shell. @param {{id: string}} props */
export function Commands({ id }) {
  const platform = place.value.params.get("platform");
  const query = platform ? `?${new URLSearchParams({ platform })}` : "";
  const fetched = useFetched(`x/tasks/${id}/commands${query}`, never);
  const given = /** @type {import("../../core/types.d.ts").TaskCommands | null} */ (fetched.value);
  if (!given || fetched.error) return html`<${Missing} of=${fetched} gone=${words.gone} />`;
  const [own] = given.platforms;
  return html`<div class="chips" role="group" aria-label=${words.given.platform}>
      ${given.platforms.map(
        (each) => html`<button
          class="chip"
          key=${each}
          aria-pressed=${`${each === (platform ?? own)}`}
          onClick=${() => setParams({ platform: each === own ? null : each })}
        >
          ${words.given.platforms[each] ?? each}
        </button>`,
      )}
    </div>
    ${given.commands.map((command) => html`<${Command} command=${command} shell=${given.platform === "windows" ? words.given.powershell : words.given.shell} />`)}`;
}

/** @param {{command: import("../../core/types.d.ts").TaskCommand, shell: string}} props */
const Command = ({ command, shell }) =>
  html`<section class="command">
    <h2 dir="auto">${command.name}</h2>
    ${command.problem && html`<p class="hold" dir="auto">${command.problem}</p>`}
    ${command.line && html`<p>${shell}</p><p><${Copy} text=${command.line} /></p>`}
    <${Fields}
      fields=${Object.entries(command.parameters).map(([name, value]) => [
        name,
        html`<${Copy} text=${typeof value === "string" ? value : JSON.stringify(value)} />`,
      ])}
    />
  </section>`;
