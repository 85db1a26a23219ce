/** The tags of the farm. */

import { html, useEffect, useSignal } from "../core/lib.js";
import { listen } from "../core/live.js";
import { href } from "../core/place.js";
import { mayManage } from "../core/session.js";
import { strings } from "../core/strings.js";
import { addTag, allTags, changeTag, removeTag } from "../core/tags.js";
import { ask } from "../ui/dialog.js";
import { later } from "../ui/later.js";
import { complain, say } from "../ui/notices.js";
import { useTitle } from "../ui/title.js";

/** @typedef {import("../core/tags.js").Tag} Tag */

const Limits = later(async () => (await import("./later/limits.js")).Limits);
const LONGEST_NAME = 255;
const LONGEST_DESCRIPTION = 10_000;

export function Tags() {
  useTitle(strings.tags.title);
  const tags = useSignal(/** @type {Tag[] | null} */ (null));
  const look = () =>
    allTags().then((found) => {
      tags.value = found;
    }, complain);
  useEffect(() => {
    look();
    return listen(({ events, missed }) => {
      if (missed || events.some(({ topic }) => topic === "/workertags")) look();
    });
  }, []);
  return html`<article class="object scroll" tabindex="0">
    <h1>${strings.tags.title}</h1>
    <p>${strings.tags.what}</p>
    ${tags.value === null && html`<p class="empty" role="status">${strings.list.loading}</p>`}
    ${tags.value?.length === 0 && html`<p class="empty">${strings.tags.none}</p>`}
    ${tags.value?.map((tag) => html`<${Edited} key=${tag.id} tag=${tag} again=${look} />`)}
    ${mayManage.value && html`<${Added} again=${look} />`}
    <${Limits} />
  </article>`;
}

/**
 * @param {SubmitEvent} event
 * @returns {{name: string, description: string}}
 */
function filledIn(event) {
  event.preventDefault();
  const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
  return { name: `${form.get("name")}`.trim(), description: `${form.get("description")}`.trim() };
}

/** @param {{tag: Tag, again: () => void}} props */
function Edited({ tag, again }) {
  const remove = async () => {
    const sure = await ask({
      title: `${strings.tags.remove}: ${tag.name}`,
      text: [strings.tags.sureRemove],
      yes: strings.tags.remove,
      isDangerous: true,
    });
    if (sure) removeTag(tag.id).then(again, complain);
  };
  const saved = () => {
    say(`${strings.tags.saved} ${tag.name}`);
    again();
  };
  const query = new URLSearchParams({ tag: tag.id, "tag-name": tag.name });
  return html`<form class="tag-form" onSubmit=${(/** @type {SubmitEvent} */ event) => changeTag({ ...tag, ...filledIn(event) }).then(saved, complain)}>
    <${TagFields} tag=${tag} />
    <a href=${href(`/workers?${query}`)}>${strings.nav.workers}</a>
    <a href=${href(`/jobs?${query}`)}>${strings.nav.jobs}</a>
    ${mayManage.value && html`<button>${strings.tags.save}</button><button type="button" class="danger" onClick=${remove}>${strings.tags.remove}</button>`}
  </form>`;
}

/** @param {{again: () => void}} props */
const Added = ({ again }) =>
  html`<form
    class="tag-form"
    onSubmit=${(/** @type {SubmitEvent} */ event) => {
      const form = /** @type {HTMLFormElement} */ (event.currentTarget);
      addTag(filledIn(event)).then(() => {
        form.reset();
        again();
      }, complain);
    }}
  >
    <${TagFields} tag=${{ name: "", description: "" }} />
    <button class="primary">${strings.tags.add}</button>
  </form>`;

/** @param {{tag: {name: string, description?: string}}} props */
const TagFields = ({ tag }) =>
  html`<input name="name" required maxlength=${LONGEST_NAME} defaultValue=${tag.name} dir="auto" placeholder=${strings.tags.name} aria-label=${strings.tags.name} readonly=${!mayManage.value} />
    <input name="description" maxlength=${LONGEST_DESCRIPTION} defaultValue=${tag.description ?? ""} dir="auto" placeholder=${strings.tags.description} aria-label=${strings.tags.description} readonly=${!mayManage.value} />`;
