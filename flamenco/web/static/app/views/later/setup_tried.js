/** What the manager tries out before anything is written down: the folder of the files and frames, and Blender. */

import { checkBlender, checkStorage, chosen, findBlenders, goTo } from "../../core/later/setup.js";
import { html, useEffect, useSignal } from "../../core/lib.js";
import { setParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Icon } from "../../ui/icon.js";
import { complain } from "../../ui/notices.js";
import { Ahead } from "./setup_steps.js";

/** @typedef {import("../../core/later/setup.js").Checked} Checked */
/** @typedef {import("../../core/later/setup.js").CheckedBlender} CheckedBlender */

const words = strings.setup;

/** Where the files of jobs and the frames go. @param {{known: import("../../core/later/setup.js").State}} props */
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
  return html`<p>${words.storage.what}</p>
    <form class="setting" onSubmit=${check}>
      <label for="storage">${words.storage.label}</label>
      <input id="storage" name="storage" class="path" required maxlength="10000" dir="auto" defaultValue=${chosen("storage") || known.storage} autofocus />
      <p class="buttons"><button disabled=${isBusy.value}>${words.storage.check}</button></p>
    </form>
    ${found.value && html`<${Finding} found=${found.value} />`}
    ${
      chosen("storage")
        ? html`<p class="buttons"><button class="primary" onClick=${() => goTo("platforms")}>${words.next}</button></p>`
        : html`<small>${words.storage.first}</small>`
    }
    <${Ahead} back="address" />`;
}

/** What the manager found when it tried. @param {{found: Checked}} props */
const Finding = ({ found }) =>
  html`<p role="status" class=${found.is_usable ? "fine" : "problem"}><${Icon} name=${found.is_usable ? "circle-check" : "circle-x"} /> <span dir="auto">${found.cause}</span></p>`;

/** Which Blender workers run: one that was found, another one that is tried out, or whatever they have. */
export function BlenderStep() {
  const found = useSignal(/** @type {CheckedBlender[] | null} */ (null));
  const problem = useSignal("");
  const own = useSignal(/** @type {CheckedBlender | null} */ (null));
  useEffect(() => {
    findBlenders().then(
      (all) => {
        found.value = all;
      },
      (error) => {
        found.value = [];
        problem.value = error.message;
      },
    );
  }, []);
  /** @param {SubmitEvent} event */
  const check = async (event) => {
    event.preventDefault();
    const path = `${new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)).get("blender")}`.trim();
    try {
      own.value = await checkBlender(path);
      if (own.value.is_usable) setParams({ blender: path });
    } catch (error) {
      complain(error);
    }
  };
  const offered = [...(found.value ?? []), ...(own.value?.is_usable ? [own.value] : [])];
  return html`<p>${words.blender.what}</p>
    ${!found.value && html`<p role="status">${words.blender.looking}</p>`}
    ${found.value?.length === 0 && html`<p>${problem.value || words.blender.none}</p>`}
    <div role="radiogroup" aria-label=${words.names.blender}>
      ${offered.map((each) => html`<${Choice} value=${each.source === "path_envvar" ? each.input : each.path} title=${`${each.path}: ${each.cause}`} />`)}
      <${Choice} value="" title=${words.blender.skip} />
    </div>
    <form class="setting" onSubmit=${check}>
      <label for="blender">${words.blender.own}</label>
      <input id="blender" name="blender" class="path" required maxlength="10000" dir="auto" defaultValue=${chosen("blender")} />
      <p class="buttons"><button>${words.blender.check}</button></p>
    </form>
    ${own.value && html`<${Finding} found=${own.value} />`}
    <${Ahead} back="platforms" to="confirm" />`;
}

/** @param {{value: string, title: string}} props */
const Choice = ({ value, title }) =>
  html`<label class="check"><input type="radio" name="chosen" checked=${chosen("blender") === value} onChange=${() => setParams({ blender: value })} /><span dir="auto">${title}</span></label>`;
