/**
 * A list, and one thing of it beside, where there is room; that which, is in the address (`open`). Where there is none,
 * it has the whole screen, so that an address is good on any.
 */

import { onKey } from "../core/keys.js";
import { html, useEffect } from "../core/lib.js";
import { go, place, setParams } from "../core/place.js";
import { isWide } from "../core/screen.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

/**
 * @param {object} props
 * @param {(open: string | null, onOpen: (row: {id: string}) => void) => import("../core/lib.js").Children} props.list
 * @param {(id: string) => import("../core/lib.js").Children} props.detail
 * @param {string} props.base where things have a view of their own: `/jobs/`
 */
export function Beside({ list, detail, base }) {
  const open = place.value.params.get("open");
  useEffect(() => (open ? onKey("Escape", close) : undefined), [open]);
  /** @param {{id: string}} row */
  const onOpen = ({ id }) => {
    if (isWide.peek()) setParams({ open: id, tab: null }, { replace: Boolean(open) });
    else go(base + id);
  };
  if (open && !isWide.value) return detail(open);
  return html`<div class=${open ? "beside" : "alone"}>
    ${list(open, onOpen)}
    ${
      open &&
      html`<aside>
        <button class="plain close" title=${strings.close} aria-label=${strings.close} onClick=${close}><${Icon} name="x" /></button>
        ${detail(open)}
      </aside>`
    }
  </div>`;
}

/** All that the thing beside has put into the address goes with it. */
function close() {
  const own = [...place.peek().params.keys()].filter((name) => name.startsWith("t."));
  setParams(Object.fromEntries(["open", "tab", ...own].map((name) => [name, null])));
}
