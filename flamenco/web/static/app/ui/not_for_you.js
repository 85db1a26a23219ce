/** What is shown at an address that is for others: for whom it is, and who one is oneself. */

import { html } from "../core/lib.js";
import { me } from "../core/session.js";
import { strings } from "../core/strings.js";
import { SignIn } from "./sign_in.js";

/** @param {{title: string, role: keyof typeof strings.roles}} props the least role that it takes */
export function NotForYou({ title, role }) {
  const who = me.value;
  const words = strings.access;
  return html`<div class="empty" role="alert">
    <h1>${title}</h1>
    <p>${words.takes(strings.roles[role])}</p>
    <p dir="auto">${who?.name ? words.youAre(who.name, strings.roles[who.role]) : words.youAreNobody}</p>
    ${!who?.name && html`<p><${SignIn} /></p>`}
  </div>`;
}
