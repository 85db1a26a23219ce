/** When something will be done, as short as a list has room for; more of it where one points. */

import { clock, exact } from "../core/format.js";
import { html } from "../core/lib.js";

/** @param {{eta?: import("../core/types.d.ts").Eta}} props */
export function When({ eta }) {
  if (!eta) return null;
  const [first, last] = [clock(eta.earliest), clock(eta.latest)];
  const title = `${exact(eta.earliest)} – ${exact(eta.latest)}: ${eta.ground}`;
  return html`<span title=${title}>${first === last ? last : `${first} – ${last}`}</span>`;
}
