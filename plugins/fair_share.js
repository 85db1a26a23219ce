/** Who has had what of the farm lately, what their shares are, and what is due to whom. */

import { Missing, html, span, useFetched } from "../../ui.js";

const ofJobs = ({ topic }) => topic.startsWith("/jobs");
const percent = (part) => `${Math.round(100 * part)} %`;

/** In words too: who waits for more, and who has had more than their share. */
function Due({ share, part }) {
  const due = share - part;
  if (Math.abs(due) < 0.005) return "has its share";
  return due > 0 ? html`<strong>${percent(due)} are due</strong>` : `${percent(-due)} more than its share`;
}

const Account = ({ account, share_part: share, part, used_s: used, running, isUsed }) => html`<tr>
  <th scope="row" dir="auto">${account}</th>
  <td>${percent(share)}</td>
  <td><progress value=${part} max="1" aria-label=${`${account}: ${percent(part)}`}></progress> ${percent(part)}</td>
  <td>${span(used)}</td>
  <td>${running.toLocaleString()}</td>
  <td>${isUsed && html`<${Due} share=${share} part=${part} />`}</td>
</tr>`;

export default function FairShares() {
  const fetched = useFetched("x/fair_share/usage", ofJobs);
  const accounts = fetched.value;
  if (!accounts) return html`<${Missing} of=${fetched} gone="" />`;
  const isUsed = accounts.some(({ part }) => part > 0);
  return html`<h1>Fair shares</h1>
    <p>Of those who have jobs waiting, whoever has had less of the farm than their share comes first. What was used
      counts for half after a while.</p>
    ${
      accounts.length
        ? html`<div class="wide" tabindex="0"><table>
            <thead><tr>
              ${["Account", "Share", "Of the time", "Used", "Running", "Due"].map((title) => html`<th scope="col">${title}</th>`)}
            </tr></thead>
            <tbody>${accounts.map((each) => html`<${Account} key=${each.account} ...${each} isUsed=${isUsed} />`)}</tbody>
          </table></div>`
        : html`<p class="empty">Nobody has used the farm lately, and no shares are configured.</p>`
    }`;
}
