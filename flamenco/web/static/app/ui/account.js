/** Who one is: signing in, the way to all that is about oneself, and what is said at an address for others. */

import { html } from "../core/lib.js";
import { BASE, href, place } from "../core/place.js";
import { me, signOut } from "../core/session.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

/** The way to sign in, which leads back to where one was. */
export function SignIn() {
  const { path, params } = place.value;
  const here = params.size ? `${path}?${params}` : path;
  return html`<a class="button" data-outside href=${`${BASE}sign-in?${new URLSearchParams({ next: here })}`}>${strings.sign.in}</a>`;
}

/** Who one is, and the way to more of that. */
export function AccountLink() {
  const who = me.value;
  if (!who) return html`<${SignIn} />`;
  const title = who.name ? `${strings.sign.role}: ${strings.roles[who.role]}` : strings.me.title;
  return html`<span class="person">
    <a href=${href("/me")} title=${title} aria-label=${who.name ?? title} aria-current=${place.value.path === "/me" ? "page" : undefined}>
      <${Icon} name="user" />${who.name && html`<span dir="auto">${who.name}</span>`}
    </a>
    ${!who.name && who.mode !== "open" && html`<${SignIn} />`}
    ${
      who.way === "session" &&
      html`<button class="plain" title=${strings.sign.out} aria-label=${strings.sign.out} onClick=${signOut}><${Icon} name="log-out" /></button>`
    }
  </span>`;
}

/**
 * What is shown at an address that is for others: for whom it is, and who one is oneself.
 * @param {{title: string, role: keyof typeof strings.roles}} props the least role that it takes
 */
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
