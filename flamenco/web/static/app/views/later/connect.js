/** The address that Blender's add-on needs of somebody: with a key in its path, since it can send nothing else. */

import { change } from "../../core/api.js";
import { exact } from "../../core/format.js";
import { html, useSignal } from "../../core/lib.js";
import { BASE, href } from "../../core/place.js";
import { isKnown, maySubmit, me } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { NotForYou } from "../../ui/account.js";
import { complain } from "../../ui/notices.js";
import { useTitle } from "../../ui/title.js";
import { Copy } from "../../ui/values.js";

const words = strings.connect;
const USUAL_DAYS = 365;
const MOST_DAYS = 36_500;

export function Connect() {
  useTitle(words.title);
  if (!isKnown.value) return null;
  if (!maySubmit.value) return html`<${NotForYou} title=${words.title} role="artist" />`;
  const who = me.value;
  return html`<article class="object scroll" tabindex="0">
    <h1>${words.title}</h1>
    <p>${words.what}</p>
    ${who?.name ? html`<${Key} name=${who.name} />` : html`<${Plain} />`}
    <h2>${words.steps}</h2>
    <ol>
      <li>${words.install} <a data-outside download href=${`${BASE}flamenco3-addon.zip`}>flamenco3-addon.zip</a></li>
      ${words.further.map((step) => html`<li>${step}</li>`)}
    </ol>
  </article>`;
}

/** Where the manager does not ask who somebody is, there is no need of a key. */
const Plain = () => html`<p>${words.noKey}</p><p><${Copy} text=${document.baseURI} /></p>`;

/** @param {{name: string}} props */
function Key({ name }) {
  const made = useSignal(/** @type {{url: string, expires: string | undefined} | null} */ (null));
  /** @param {SubmitEvent} event */
  const make = async (event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const wanted = { name: `${form.get("name")}`.trim(), role: "submit", days: Number(form.get("days")) };
    try {
      /** @type {import("./tokens.js").MadeToken} */
      const { token, path } = await change("POST", "x/tokens", wanted);
      made.value = { url: new URL(path.slice(1), document.baseURI).href, expires: token.expires };
    } catch (error) {
      complain(error);
    }
  };
  if (made.value)
    return html`<div class="hold" role="status">
      <p>${words.once}</p>
      <p><${Copy} text=${made.value.url} /></p>
      <p>${words.until(exact(made.value.expires))} <a href=${href("/me")}>${strings.tokens.own}</a></p>
    </div>`;
  return html`<form class="tag-form" onSubmit=${make}>
    <label>${words.where} <input name="name" required maxlength="100" dir="auto" defaultValue=${words.usualName(name)} /></label>
    <label>${strings.tokens.days} <input name="days" type="number" required min="1" max=${MOST_DAYS} defaultValue=${USUAL_DAYS} /></label>
    <button class="primary">${words.make}</button>
  </form>`;
}
