/** Where the files of jobs and the frames go: a folder that the manager tries out. */

import { checkStorage, chosen, goTo } from "../../core/later/setup.js";
import { html, useSignal } from "../../core/lib.js";
import { setParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Icon } from "../../ui/icon.js";
import { complain } from "../../ui/notices.js";
import { Ahead } from "./setup_steps.js";

/** @typedef {import("../../core/later/setup.js").Checked} Checked */

const words = strings.setup.storage;

/** @param {{known: import("../../core/later/setup.js").State}} props */
export function StorageStep({ known }) {
  const found = useSignal(/** @type {Checked | null} */ (null));
  const isBusy = useSignal(false);
  /** @param {SubmitEvent} event */
  const check = async (event) => {
    event.preventDefault();
    const path = `${new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get("storage")}`.trim();
    isBusy.value = true;
    try {
      found.value = await checkStorage(path);
      setParams({ storage: found.value.is_usable ? path : null });
    } catch (error) {
      complain(error);
    }
    isBusy.value = false;
  };
  return html`<p>${words.what}</p>
    <form class="setting" onSubmit=${check}>
      <label for="storage">${words.label}</label>
      <input id="storage" name="storage" class="path" required maxlength="10000" dir="auto" defaultValue=${chosen("storage") || known.storage} autofocus />
      <p class="buttons"><button disabled=${isBusy.value}>${words.check}</button></p>
    </form>
    ${found.value && html`<${Finding} found=${found.value} />`}
    ${
      chosen("storage")
        ? html`<p class="buttons"><button class="primary" onClick=${() => goTo("platforms")}>${strings.setup.next}</button></p>`
        : html`<small>${words.first}</small>`
    }
    <${Ahead} back="address" />`;
}

/** What the manager found when it tried. @param {{found: Checked}} props */
export const Finding = ({ found }) =>
  html`<p role="status" class=${found.is_usable ? "fine" : "problem"}><${Icon} name=${found.is_usable ? "circle-check" : "circle-x"} /> <span dir="auto">${found.cause}</span></p>`;
