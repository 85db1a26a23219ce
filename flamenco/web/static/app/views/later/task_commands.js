/** The commands of a task as workers get them on each platform, with lines for a shell. */

import { html } from "../../core/lib.js";
import { place, setParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Copy } from "../../ui/copy.js";
import { Fields, Missing, useFetched } from "../../ui/object.js";

const words = strings.task.given;

/** @param {{id: string}} props */
export function Commands({ id }) {
  const platform = place.value.params.get("platform");
  const query = platform ? `?${new URLSearchParams({ platform })}` : "";
  const fetched = useFetched(`x/tasks/${id}/commands${query}`, () => false);
  const given = /** @type {import("../../core/types.d.ts").TaskCommands | null} */ (fetched.value);
  if (!given || fetched.error) return html`<${Missing} of=${fetched} gone=${strings.task.gone} />`;
  const [own] = given.platforms;
  return html`<div class="chips" role="group" aria-label=${words.platform}>
      ${given.platforms.map(
        (each) => html`<button
          class="chip"
          key=${each}
          aria-pressed=${`${each === (platform ?? own)}`}
          onClick=${() => setParams({ platform: each === own ? null : each })}
        >
          ${words.platforms[each] ?? each}
        </button>`,
      )}
    </div>
    ${given.commands.map((command) => html`<${Command} command=${command} shell=${given.platform === "windows" ? words.powershell : words.shell} />`)}`;
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
