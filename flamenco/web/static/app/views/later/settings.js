/** What the manager is set to, by topics, where that comes from, and changing it. */

import { textOf } from "../../core/api.js";
import { all, edits, load, save, undo } from "../../core/later/settings.js";
import { html, useEffect, useSignal } from "../../core/lib.js";
import { href, place } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { say } from "../../ui/notices.js";
import { useTitle } from "../../ui/title.js";
import { SettingRow } from "./setting_row.js";
import { About, JobTypes, Plugins } from "./settings_facts.js";
import { Variables } from "./variables.js";

/** @typedef {import("../../core/later/settings.js").Setting} Setting */

const words = strings.settings;

const PARTS = /** @type {Record<string, () => any>} */ ({
  "job-types": JobTypes,
  "used-plugins": Plugins,
  about: About,
});

/** @param {{topic?: string}} props */
export function Settings({ topic }) {
  const problem = useSignal("");
  useTitle(words.title);
  useEffect(() => {
    load().catch((error) => {
      problem.value = error.message;
    });
    addEventListener("beforeunload", hold);
    return () => {
      removeEventListener("beforeunload", hold);
      const isLeft = !place.peek().path.startsWith("/settings");
      if (isLeft && edits.peek().size) say(words.left(edits.peek().size));
    };
  }, []);
  const known = all.value;
  if (!known)
    return problem.value
      ? html`<div class="empty" role="alert"><h1 dir="auto">${problem.value}</h1></div>`
      : html`<p class="empty" role="status">${strings.list.loading}</p>`;
  const topics = [...new Set(known.settings.map((each) => each.topic))];
  const chosen = topic ?? topics[0] ?? "";
  const Part = PARTS[chosen];
  return html`<article class="object settings" tabindex="0">
    <h1 class="hidden">${words.title}</h1>
    <nav class="topics" aria-label=${words.topics}>
      ${[...topics, ...Object.keys(PARTS)].map(
        (each) =>
          html`<a href=${href(`/settings/${encodeURIComponent(each)}`)} aria-current=${each === chosen ? "page" : undefined}>${titleOf(each)}<${Unsaved} topic=${each} /></a>`,
      )}
      <a href=${href("/setup")}>${strings.setup.title}</a>
    </nav>
    <section class="scroll" tabindex="0" aria-label=${titleOf(chosen)}>
      ${known.problem && html`<p class="problem" role="alert" dir="auto">${known.problem}</p>`}
      ${Part ? html`<${Part} />` : html`<${Topic} topic=${chosen} settings=${known.settings.filter((each) => each.topic === chosen)} file=${known.file} />`}
    </section>
    <${Saving} />
  </article>`;
}

/** @param {BeforeUnloadEvent} event */
function hold(event) {
  if (edits.peek().size) event.preventDefault();
}

/** @param {string} topic */
const titleOf = (topic) =>
  /** @type {Record<string, string>} */ (words.names)[topic] ?? topic.replace(/^./, (first) => first.toUpperCase());

/** @param {{topic: string}} props */
function Unsaved({ topic }) {
  const of = new Set(all.value?.settings.filter((each) => each.topic === topic).map((each) => each.key));
  const count = [...edits.value.keys()].filter((key) => of.has(key) || (topic === "variables" && isNewVariable(key)));
  return count.length ? html` <small class="unsaved">${words.unsaved(count.length)}</small>` : null;
}

/** @param {string} key */
const isNewVariable = (key) => key.startsWith("variables.") && !all.value?.settings.some((each) => each.key === key);

/** @param {{topic: string, settings: Setting[], file: string}} props */
function Topic({ topic, settings, file }) {
  if (topic === "variables") return html`<h2>${titleOf(topic)}</h2><${Variables} />`;
  return html`<h2>${titleOf(topic)}</h2>
    ${!settings.length && html`<p class="empty">${words.noTopic}</p>`}
    ${settings.map((each) => html`<${SettingRow} key=${each.key} setting=${each} />`)}
    <p><small>${words.file} <code dir="auto">${file}</code></small></p>`;
}

/** What is not saved yet, in sight wherever one is. */
function Saving() {
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const version = edits.value;
  useEffect(() => {
    problem.value = "";
  }, [version]);
  const keep = async () => {
    isBusy.value = true;
    problem.value = "";
    try {
      const isInUse = await save();
      say(isInUse ? words.saved : words.notInUse, { isError: !isInUse });
    } catch (error) {
      problem.value = textOf(error);
    }
    isBusy.value = false;
  };
  if (isBusy.value) return html`<p class="saving" role="status">${words.startsAnew}</p>`;
  if (!version.size) return null;
  return html`<div class="saving">
    <strong>${words.unsaved(version.size)}</strong>
    <span class="grow keys-changed" dir="auto">${[...version.keys()].join(", ")}</span>
    <button onClick=${() => undo()}>${words.undo}</button>
    <button class="primary" onClick=${keep}>${words.save}</button>
    ${problem.value && html`<p class="problem" role="alert" dir="auto">${problem.value}</p>`}
  </div>`;
}
