/** The set-up assistant: from a manager that was just started to a frame that it had rendered, step by step. */

import { addressOf, PLATFORMS, STEPS, state } from "../../core/later/setup.js";
import { html, useEffect, useSignal } from "../../core/lib.js";
import { href, setParams } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { useTitle } from "../../ui/title.js";
import { Copy } from "../../ui/values.js";
import { ConfirmStep, RenderStep, WorkerStep } from "./setup_first.js";
import { Ahead } from "./setup_steps.js";
import { BlenderStep, StorageStep } from "./setup_tried.js";

/** @typedef {import("../../core/later/setup.js").State} State */
/** @typedef {import("../../core/later/setup.js").Step} Step */

const words = strings.setup;

const PARTS = /** @type {Record<Step, (props: {known: State}) => any>} */ ({
  address: AddressStep,
  storage: StorageStep,
  platforms: PlatformsStep,
  blender: BlenderStep,
  confirm: ConfirmStep,
  worker: WorkerStep,
  render: RenderStep,
});

/** @param {{step?: string}} props */
export function SetUp({ step = STEPS[0] }) {
  useTitle(words.title);
  const known = useSignal(/** @type {State | null} */ (null));
  const problem = useSignal("");
  useEffect(() => {
    state().then(
      (found) => {
        known.value = found;
      },
      (error) => {
        problem.value = error.message;
      },
    );
  }, []);
  if (problem.value) return html`<div class="empty" role="alert"><h1 dir="auto">${problem.value}</h1></div>`;
  if (!known.value) return html`<p class="empty" role="status">${strings.list.loading}</p>`;
  const here = STEPS.find((each) => each === step) ?? STEPS[0];
  const Part = PARTS[here];
  return html`<article class="object scroll" tabindex="0">
    <div class="setup">
      <h1>${words.title}</h1>
      <p>${words.what}</p>
      <nav class="steps" aria-label=${words.title}>
        ${STEPS.map((each, at) => html`<a href=${href(addressOf(each))} aria-current=${each === here ? "step" : undefined}>${at + 1}. ${words.names[each]}</a>`)}
      </nav>
      <section class="tile" aria-label=${words.names[here]}><h2>${words.names[here]}</h2><${Part} known=${known.value} /></section>
    </div>
  </article>`;
}

/** @param {{known: State}} props */
function AddressStep({ known }) {
  return html`<p>${words.address.what}</p>
    <ul class="plain-list">
      ${known.addresses.map((each) => html`<li><${Copy} text=${each} /></li>`)}
    </ul>
    ${known.is_alone && html`<p class="hold">${words.address.alone}</p><${Copy} text=${`flamenco config set listen=:8080 --config ${known.file}`} />`}
    <p>${words.address.open}</p>
    <${Ahead} to="storage" />`;
}

/** @param {{known: State}} props */
function PlatformsStep({ known }) {
  return html`<p>${words.platforms.what}</p>
    ${PLATFORMS.filter((each) => each !== known.platform).map(
      (each) => html`<label class="setting"><span>${words.platforms.label(words.platforms.names[each])}</span>
        <input class="path" name=${each} maxlength="10000" dir="auto" defaultValue=${new URLSearchParams(location.search).get(each) ?? ""} onInput=${(/** @type {Event} */ event) => setParams({ [each]: /** @type {HTMLInputElement} */ (event.currentTarget).value })} />
      </label>`,
    )}
    <p><small>${words.platforms.none}</small></p>
    <${Ahead} back="storage" to="blender" />`;
}
