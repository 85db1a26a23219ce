/** Which columns a table has, and views that people have given a name: addresses, kept in this browser. */

import { html, signal, useRef } from "../core/lib.js";
import { go, place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

const KEPT_AS = "flamenco-views";
const LONGEST = 60;

/** @typedef {Record<string, string>} Views addresses by name */

/** @returns {Views} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT_AS) ?? "{}");
  } catch {
    return {};
  }
}

/** @type {import("../core/lib.js").Signal<Views>} */
export const views = signal(kept());

/** @param {Views} changed */
function keep(changed) {
  views.value = changed;
  localStorage.setItem(KEPT_AS, JSON.stringify(changed));
}

/**
 * The columns that are shown: all of them unless the address says otherwise.
 * @template Row
 * @param {import("./table.js").Column<Row>[]} columns
 * @param {string} prefix
 */
export function shownColumns(columns, prefix) {
  const wanted = place.value.params.get(`${prefix}cols`)?.split(",");
  return wanted ? columns.filter(({ name }) => wanted.includes(name)) : columns;
}

/** @param {{columns: import("./table.js").Column<any>[], prefix: string}} props */
export function ColumnsMenu({ columns, prefix }) {
  const name = useRef(/** @type {HTMLInputElement | null} */ (null));
  const id = `columns-${prefix || "list"}`;
  const shown = shownColumns(columns, prefix).map((column) => column.name);
  /** @param {string} column */
  const toggle = (column) => {
    const left = columns.map((each) => each.name).filter((each) => shown.includes(each) !== (each === column));
    setParams({ [`${prefix}cols`]: left.length === columns.length || !left.length ? null : left.join(",") });
  };
  /** @param {SubmitEvent} event */
  const save = (event) => {
    event.preventDefault();
    const called = name.current?.value.trim();
    if (!called) return;
    const { path, params } = place.peek();
    keep({ ...views.peek(), [called]: params.size ? `${path}?${params}` : path });
    if (name.current) name.current.value = "";
  };
  return html`<button popovertarget=${id} title=${strings.list.columns}><${Icon} name="ellipsis" label=${strings.list.columns} /></button>
    <div popover id=${id} class="menu">
      <fieldset>
        <legend>${strings.list.columns}</legend>
        ${columns.map(
          (column) =>
            html`<label class="check"><input type="checkbox" checked=${shown.includes(column.name)} onChange=${() => toggle(column.name)} />${column.title}</label>`,
        )}
      </fieldset>
      <fieldset>
        <legend>${strings.list.views}</legend>
        ${Object.entries(views.value).map(
          ([called, address]) => html`<p class="view">
            <button onClick=${() => go(address)} dir="auto">${called}</button>
            <button class="plain" title=${strings.list.forget} aria-label=${`${strings.list.forget} ${called}`} onClick=${() => forget(called)}><${Icon} name="x" /></button>
          </p>`,
        )}
        <form onSubmit=${save}>
          <input ref=${name} maxlength=${LONGEST} dir="auto" placeholder=${strings.list.viewName} aria-label=${strings.list.viewName} />
          <button>${strings.list.saveView}</button>
        </form>
      </fieldset>
    </div>`;
}

/** @param {string} called */
function forget(called) {
  const { [called]: _gone, ...others } = views.peek();
  keep(others);
}
