/** Tokens, which programs show instead of a password: made, shown once, revoked. */

import { change } from "../../core/api.js";
import { ago, exact } from "../../core/format.js";
import { html, useSignal } from "../../core/lib.js";
import { mayAdminister, me } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { ask } from "../../ui/dialog.js";
import { complain, say } from "../../ui/notices.js";
import { Missing, never, Rows, useFetched } from "../../ui/object.js";
import { Copy } from "../../ui/values.js";

/** @typedef {import("../../core/types.d.ts").Token} Token */
/** @typedef {{token: Token, text: string, path: string}} MadeToken */

const words = strings.tokens;
const LONGEST_NAME = 100;
const MOST_DAYS = 36_500;
const USUAL_DAYS = 90;
/** @type {import("../../core/types.d.ts").Role[]} */
const PEOPLE = ["viewer", "artist", "wrangler", "admin"];
const PROGRAMS = /** @type {const} */ (["view", "submit", "register"]);
/** The least role of whoever makes one of these for a program. */
const NEEDS = /** @type {const} */ ({ view: "viewer", submit: "artist", register: "wrangler" });

/**
 * Roles that a token may have, of somebody with this one.
 * @param {import("../../core/types.d.ts").Role} role
 */
function rolesFor(role) {
  const highest = PEOPLE.indexOf(role);
  const programs = PROGRAMS.filter((each) => PEOPLE.indexOf(NEEDS[each]) <= highest);
  return [...programs, ...PEOPLE.slice(0, highest + 1)];
}

/**
 * A form for a new token, and the new one until somebody goes elsewhere: it is never shown again.
 * @param {{again: () => void, forOthers: boolean}} props
 */
function Added({ again, forOthers }) {
  const made = useSignal(/** @type {MadeToken | null} */ (null));
  /** @param {SubmitEvent} event */
  const add = async (event) => {
    event.preventDefault();
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    const form = new FormData(element);
    const user = `${form.get("user") ?? ""}`.trim();
    const days = Number(form.get("days"));
    const body = { name: `${form.get("name")}`.trim(), role: form.get("role") };
    try {
      made.value = await change("POST", "x/tokens", { ...body, ...(days && { days }), ...(user && { user }) });
      element.reset();
      again();
    } catch (error) {
      complain(error);
    }
  };
  return html`<form class="tag-form" onSubmit=${add}>
      <input name="name" required maxlength=${LONGEST_NAME} dir="auto" placeholder=${words.name} aria-label=${words.name} />
      <label>${words.role} <select name="role">${rolesFor(me.value?.role ?? "viewer").map((role) => html`<option value=${role}>${strings.roles[role]}</option>`)}</select></label>
      <label>${words.days} <input name="days" type="number" min="1" max=${MOST_DAYS} defaultValue=${USUAL_DAYS} /></label>
      ${forOthers && html`<input name="user" maxlength="64" dir="auto" placeholder=${words.user} aria-label=${words.user} />`}
      <button class="primary">${words.add}</button>
    </form>
    ${made.value && html`<${Once} made=${made.value} />`}`;
}

/** @param {{made: MadeToken}} props */
const Once = ({ made }) =>
  html`<div class="hold" role="status">
    <p>${words.once}</p>
    <p><${Copy} text=${made.text} /></p>
    <p>${words.asPath}</p>
    <p><${Copy} text=${new URL(made.path.slice(1), document.baseURI).href} /></p>
  </div>`;

/** @param {{token: Token, again: () => void}} props */
function Line({ token, again }) {
  const revoke = async () => {
    const title = `${words.revoke}: ${token.name}`;
    const sure = await ask({ title, text: [words.sureRevoke], yes: words.revoke, isDangerous: true });
    if (!sure) return;
    const done = () => {
      say(`${words.revoked} ${token.name}`);
      again();
    };
    change("DELETE", `x/tokens/${token.id}`).then(done, complain);
  };
  return html`<tr>
    <th scope="row" dir="auto">${token.name}</th>
    <td>${strings.roles[token.role]}</td>
    <td dir="auto">${token.user ?? words.ofTheFarm}</td>
    <td title=${exact(token.created)}>${ago(token.created)}</td>
    <td title=${exact(token.last_used)}>${ago(token.last_used)}</td>
    <td>${token.expires ? exact(token.expires) : strings.never}</td>
    <td><button class="danger" onClick=${revoke} aria-label=${`${words.revoke}: ${token.name}`}>${words.revoke}</button></td>
  </tr>`;
}

/** One's own tokens, or all of them. @param {{all?: boolean}} props */
export function Tokens({ all = false }) {
  const fetched = useFetched("x/tokens", never);
  const answer = /** @type {{tokens: Token[]} | null} */ (fetched.value);
  if (!answer) return html`<${Missing} of=${fetched} gone="" />`;
  const tokens = answer.tokens.filter((token) => all || token.user === me.value?.name);
  return html`<section>
    <h2>${all ? words.all : words.own}</h2>
    <p>${words.what}</p>
    ${!tokens.length && html`<p>${words.none}</p>`}
    ${
      tokens.length > 0 &&
      html`<${Rows} columns=${[...words.columns, ""]}>
        ${tokens.map((token) => html`<${Line} key=${token.id} token=${token} again=${fetched.again} />`)}
      <//>`
    }
    <${Added} again=${fetched.again} forOthers=${all && mayAdminister.value} />
  </section>`;
}
