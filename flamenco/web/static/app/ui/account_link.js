/** Who one is, and the way to all that is about oneself. */

import { html } from "../core/lib.js";
import { href, place } from "../core/place.js";
import { me, signOut } from "../core/session.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";
import { SignIn } from "./sign_in.js";

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
