/** Who can sign in, and what each may do; and all tokens. */

import { change } from "../../core/api.js";
import { html } from "../../core/lib.js";
import { isKnown, mayAdminister, me } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { NotForYou } from "../../ui/account.js";
import { ask } from "../../ui/dialog.js";
import { complain, say } from "../../ui/notices.js";
import { Missing, never, useFetched } from "../../ui/object.js";
import { useTitle } from "../../ui/title.js";
import { Tokens } from "./tokens.js";

/** @typedef {{name: string, role: "viewer" | "artist" | "wrangler" | "admin", has_password: boolean, created: string}} User */

const words = strings.users;
const ROLES = /** @type {const} */ (["viewer", "artist", "wrangler", "admin"]);
const LONGEST_NAME = 64;
const LONGEST_PASSWORD = 1000;

export function Users() {
  useTitle(words.title);
  if (!isKnown.value) return null;
  return mayAdminister.value ? html`<${All} />` : html`<${NotForYou} title=${words.title} role="admin" />`;
}

function All() {
  const fetched = useFetched("x/users", never);
  const answer = /** @type {{users: User[]} | null} */ (fetched.value);
  if (!answer) return html`<${Missing} of=${fetched} gone="" />`;
  return html`<article class="object scroll" tabindex="0">
    <h1>${words.title}</h1>
    <p>${words.modes[me.value?.mode ?? "open"]}</p>
    <dl class="fields">${ROLES.map((role) => html`<div><dt>${strings.roles[role]}</dt><dd>${words.may[role]}</dd></div>`)}</dl>
    ${!answer.users.length && html`<p class="empty">${words.none}</p>`}
    ${answer.users.map((user) => html`<${Edited} key=${user.name} user=${user} again=${fetched.again} />`)}
    <h2>${words.addOne}</h2>
    <${Added} again=${fetched.again} />
    <${Tokens} all />
  </article>`;
}

/** @param {SubmitEvent} event */
function filledIn(event) {
  event.preventDefault();
  const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
  const password = `${form.get("password")}`;
  return { role: form.get("role"), ...(password && { password }) };
}

/** @param {{user: User, again: () => void}} props */
function Edited({ user, again }) {
  const path = `x/users/${encodeURIComponent(user.name)}`;
  /** @param {SubmitEvent} event */
  const save = async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    try {
      await change("PUT", path, filledIn(event));
      form.querySelectorAll("input").forEach((field) => {
        field.value = "";
      });
      say(`${words.saved} ${user.name}`);
      again();
    } catch (error) {
      complain(error);
    }
  };
  const remove = async () => {
    const title = `${words.remove}: ${user.name}`;
    const sure = await ask({ title, text: [words.sureRemove], yes: words.remove, isDangerous: true });
    if (sure) change("DELETE", path).then(again, complain);
  };
  return html`<form class="tag-form user" aria-label=${user.name} onSubmit=${save}>
    <strong dir="auto">${user.name}</strong>
    ${user.name === me.value?.name && html`<span class="tag">${words.you}</span>`}
    ${!user.has_password && html`<small>${words.noPassword}</small>`}
    <${RoleAndPassword} role=${user.role} isNew=${false} />
    <button aria-label=${`${words.save}: ${user.name}`}>${words.save}</button>
    <button type="button" class="danger" onClick=${remove} aria-label=${`${words.remove}: ${user.name}`}>${words.remove}</button>
  </form>`;
}

/** @param {{again: () => void}} props */
function Added({ again }) {
  /** @param {SubmitEvent} event */
  const add = async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const name = `${new FormData(form).get("name")}`.trim();
    try {
      await change("POST", "x/users", { name, ...filledIn(event) });
      form.reset();
      say(`${words.added} ${name}`);
      again();
    } catch (error) {
      complain(error);
    }
  };
  return html`<form class="tag-form user" aria-label=${words.addOne} onSubmit=${add}>
    <input name="name" required maxlength=${LONGEST_NAME} dir="auto" autocomplete="off" placeholder=${words.name} aria-label=${words.name} />
    <${RoleAndPassword} role="artist" isNew />
    <button class="primary">${words.add}</button>
  </form>`;
}

/** @param {{role: string, isNew: boolean}} props */
const RoleAndPassword = ({ role, isNew }) =>
  html`<label>${strings.sign.role}
      <select name="role">${ROLES.map((each) => html`<option value=${each} selected=${each === role}>${strings.roles[each]}</option>`)}</select>
    </label>
    <input name="password" type="password" autocomplete="new-password" maxlength=${LONGEST_PASSWORD} placeholder=${isNew ? words.password : words.newPassword} aria-label=${isNew ? words.password : words.newPassword} />`;
