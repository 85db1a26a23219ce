/** Which Blender workers run: one that the manager found, another one that it tries out, or whatever they have. */

import { checkBlender, chosen, findBlenders } from "../../core/later/setup.js";
import { html, useEffect, useSignal } from "../../core/lib.js";
import { setParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { complain } from "../../ui/notices.js";
import { Ahead } from "./setup_steps.js";
import { Finding } from "./setup_storage.js";

/** @typedef {import("../../core/later/setup.js").CheckedBlender} CheckedBlender */

const words = strings.setup.blender;

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
  return html`<p>${words.what}</p>
    ${!found.value && html`<p role="status">${words.looking}</p>`}
    ${found.value?.length === 0 && html`<p>${problem.value || words.none}</p>`}
    <div role="radiogroup" aria-label=${strings.setup.names.blender}>
      ${offered.map((each) => html`<${Choice} value=${each.source === "path_envvar" ? each.input : each.path} title=${`${each.path}: ${each.cause}`} />`)}
      <${Choice} value="" title=${words.skip} />
    </div>
    <form class="setting" onSubmit=${check}>
      <label for="blender">${words.own}</label>
      <input id="blender" name="blender" class="path" required maxlength="10000" dir="auto" defaultValue=${chosen("blender")} />
      <p class="buttons"><button>${words.check}</button></p>
    </form>
    ${own.value && html`<${Finding} found=${own.value} />`}
    <${Ahead} back="platforms" to="confirm" />`;
}

/** @param {{value: string, title: string}} props */
const Choice = ({ value, title }) =>
  html`<label class="check"><input type="radio" name="chosen" checked=${chosen("blender") === value} onChange=${() => setParams({ blender: value })} /><span dir="auto">${title}</span></label>`;
