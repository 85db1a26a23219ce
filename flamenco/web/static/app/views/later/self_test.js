/** What a worker found when it tested itself, and what keeps tasks away from it. */

import { ago } from "../../core/format.js";
import { html } from "../../core/lib.js";
import { strings } from "../../core/strings.js";
import { Rows, useFetched } from "../../ui/object.js";

const words = strings.worker.selfTest;

/** @param {{id: string}} props */
export function SelfTest({ id }) {
  const fetched = useFetched(`x/workers/${id}/self-test`, ({ topic }) => topic === `/workers/${id}/self-test`);
  const found = /** @type {import("../../core/types.d.ts").SelfTest | null} */ (fetched.value);
  if (!found) return null;
  return html`<h2>${words.title}</h2>
    <p>${found.last ? words.when(ago(found.last.tested)) : words.never}</p>
    ${found.last?.kept_away.map(({ command, reason }) => html`<p class="hold" dir="auto">${words.kept} ${command}: ${reason}</p>`)}
    ${
      Boolean(found.last?.findings.length) &&
      html`<${Rows} columns=${words.columns}>
        ${found.last?.findings.map(
          (each) =>
            html`<tr><td>${words.grades[each.grade]}</td><th scope="row" dir="auto">${each.subject}</th><td dir="auto">${each.text} ${each.help}</td></tr>`,
        )}
      <//>`
    }`;
}
