/** Who one is for the manager, and what belongs to oneself: the password, and tokens. */

import { change } from "../../core/api.js";
import { html } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { findOut, isKnown, mayAdminister, mayManage, maySubmit, me, signOut } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { SignIn } from "../../ui/account.js";
import { complain, say } from "../../ui/notices.js";
import { Fields } from "../../ui/object.js";
import { useTitle } from "../../ui/title.js";
import { Tokens } from "./tokens.js";

const words = strings.me;
const LONGEST_PASSWORD = 1000;

export function Me() {
  useTitle(words.title);
  if (!isKnown.value) return null;
  const who = me.value;
  const links = [
    maySubmit.value && ["/connect", strings.connect.title],
    mayManage.value && ["/audit", strings.audit.title],
    mayAdminister.value && ["/users", strings.users.title],
  ];
  return html`<article class="object scroll" tabindex="0">
    <h1 dir="auto">${who?.name ?? words.title}</h1>
    <p>${strings.users.modes[who?.mode ?? "login"]}</p>
    <${Fields}
      fields=${[
        [
          strings.sign.role,
          who
            ? `${strings.roles[who.role]}: ${strings.users.may[/** @type {"viewer"} */ (who.role)] ?? ""}`
            : strings.sign.nobody,
        ],
        [words.way, who && (words.ways[/** @type {"session"} */ (who.way)] ?? who.way)],
      ]}
    />
    <ul class="plain-list">
      ${links.map((link) => link && html`<li><a href=${href(`${link[0]}`)}>${link[1]}</a></li>`)}
    </ul>
    ${who?.way === "session" && html`<p><button onClick=${signOut}>${strings.sign.out}</button></p>`}
    ${!who?.name && html`<p>${words.unnamed} <${SignIn} /></p>`}
    ${who?.name && who.way !== "token" && html`<${Password} />`} ${who?.name && maySubmit.value && html`<${Tokens} />`}
  </article>`;
}

/** @param {SubmitEvent} event */
async function changePassword(event) {
  event.preventDefault();
  const element = /** @type {HTMLFormElement} */ (event.currentTarget);
  const form = new FormData(element);
  if (form.get("new") !== form.get("again")) {
    complain(words.differ);
    return;
  }
  try {
    await change("PUT", "x/me/password", { old: form.get("old"), new: form.get("new") });
    element.reset();
    say(words.changed);
    await findOut();
  } catch (error) {
    complain(error);
  }
}

const Password = () =>
  html`<section>
    <h2>${words.password}</h2>
    <p>${words.passwordWhat}</p>
    <form class="tag-form" onSubmit=${changePassword}>
      <${Secret} name="old" label=${words.old} kind="current-password" />
      <${Secret} name="new" label=${words.new} kind="new-password" />
      <${Secret} name="again" label=${words.again} kind="new-password" />
      <button>${words.change}</button>
    </form>
  </section>`;

/** @param {{name: string, label: string, kind: string}} props */
const Secret = ({ name, label, kind }) =>
  html`<label>${label} <input name=${name} type="password" required autocomplete=${kind} maxlength=${LONGEST_PASSWORD} /></label>`;
