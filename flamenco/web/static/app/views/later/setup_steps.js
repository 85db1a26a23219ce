/** The ways between the steps of the set-up assistant. */

import { addressOf } from "../../core/later/setup.js";
import { html } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { strings } from "../../core/strings.js";

/** @typedef {import("../../core/later/setup.js").Step} Step */

/** @param {{back?: Step, to?: Step, word?: string}} props */
export const Ahead = ({ back, to, word = strings.setup.next }) =>
  html`<p class="buttons">
    ${back && html`<a class="button" href=${href(addressOf(back))}>${strings.setup.back}</a>`}
    ${to && html`<a class="button" href=${href(addressOf(to))}>${word}</a>`}
  </p>`;
