/** What was chosen, and having it written down. */

import { chosen, confirm, goTo, PLATFORMS } from "../../core/later/setup.js";
import { html, useSignal } from "../../core/lib.js";
import { strings } from "../../core/strings.js";
import { say } from "../../ui/notices.js";
import { Fields } from "../../ui/object.js";
import { Ahead } from "./setup_steps.js";

const words = strings.setup.confirm;

/** @param {{known: import("../../core/later/setup.js").State}} props */
export function ConfirmStep({ known }) {
  const problem = useSignal("");
  const isBusy = useSignal(false);
  const keep = async () => {
    isBusy.value = true;
    problem.value = "";
    try {
      await confirm();
      say(words.done);
      goTo("worker");
    } catch (error) {
      problem.value = error instanceof Error ? error.message : `${error}`;
      isBusy.value = false;
    }
  };
  const storage = chosen("storage");
  if (!storage) return html`<p role="alert">${words.missing}</p><${Ahead} back="storage" />`;
  const { names, label } = strings.setup.platforms;
  const elsewhere = PLATFORMS.filter((each) => each !== known.platform).map((each) => [
    label(names[each]),
    chosen(each),
  ]);
  return html`<p>${words.what}</p>
    <${Fields} fields=${[[words.storage, storage], ...elsewhere, [words.blender, chosen("blender") || strings.setup.blender.skip]]} />
    <p><code dir="auto">${known.file}</code></p>
    ${problem.value && html`<p class="problem" role="alert" dir="auto">${problem.value}</p>`}
    ${isBusy.value && html`<p role="status">${words.startsAnew}</p>`}
    <p class="buttons"><button class="primary" disabled=${isBusy.value} onClick=${keep}>${words.confirm}</button></p>
    <${Ahead} back="blender" />`;
}
