/**
 * A table of any length, of which the rows in view are in the document. Rows are equally high, so that where each
 * is can be told without it.
 *
 * It is a grid for those who cannot see it: one row has the focus, arrows move it, and the counts are those of the
 * whole list.
 */

import { html, useEffect, useRef, useSignal } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";

const ROW_PX = 36;
const CARD_PX = 76;
const CARDS_BELOW_PX = 600;
const MARGIN_ROWS = 8;
const MOST_PX = 10_000_000;

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} name
 * @property {string} title
 * @property {(row: Row) => import("../core/lib.js").Children} cell
 * @property {string} [width] as CSS grid has it
 * @property {string} [sort] what the manager calls that order; without one, nobody can sort by it
 * @property {boolean} [isDescendingFirst]
 * @property {boolean} [isNumber]
 */

/**
 * @template {{id: string}} Row
 * @param {object} props
 * @param {string} props.label
 * @param {Column<Row>[]} props.columns
 * @param {import("../core/list.js").List<Row>} props.list
 * @param {string} props.sort
 * @param {(sort: string) => void} props.onSort
 * @param {(row: Row) => void} props.onOpen
 * @param {import("./selection.js").Selection<Row>} [props.selection]
 * @param {string} [props.open] the id of the row whose details are shown
 */
export function Table({ label, columns, list, sort, onSort, onOpen, selection, open }) {
  const frame = useRef(/** @type {HTMLElement | null} */ (null));
  const top = useSignal(0);
  const size = useSignal({ height: 600, width: 1200 });
  const focused = useSignal(0);
  useEffect(() => measure(frame.current, size), []);
  void list.version.value;
  const total = list.total.value;
  const rowPx = size.value.width < CARDS_BELOW_PX ? CARD_PX : ROW_PX;
  const from = Math.max(0, Math.floor(top.value / rowPx) - MARGIN_ROWS);
  const to = Math.min(total, Math.ceil((top.value + size.value.height) / rowPx) + MARGIN_ROWS);
  useEffect(() => list.look(from, to), [list, from, to, list.length, total]);
  const move = mover(frame, list, focused, rowPx);
  const template = `${selection ? "2.25rem " : ""}${columns.map((column) => column.width ?? "minmax(6rem, 1fr)").join(" ")}`;
  const known = { list, columns, selection, open, onOpen, focused, rowPx };
  return html`<div
    class=${rowPx === CARD_PX ? "table cards" : "table"}
    role="grid"
    aria-label=${label}
    aria-rowcount=${total + 1}
    aria-colcount=${columns.length}
    aria-multiselectable=${selection ? "true" : undefined}
    ref=${frame}
    style=${{ "--columns": template, "--row": `${rowPx}px` }}
    onScroll=${() => {
      top.value = frame.current?.scrollTop ?? 0;
    }}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => keys(event, move, known)}
    onPointerEnter=${() => selection?.point(true)}
    onPointerLeave=${() => selection?.point(false)}
  >
    <div class="head" role="row" aria-rowindex="1">
      ${selection && html`<span role="columnheader" class="choose"><${All} selection=${selection} /></span>`}
      ${columns.map((column) => html`<${Head} key=${column.name} column=${column} sort=${sort} onSort=${onSort} />`)}
    </div>
    <div class="body" role="rowgroup" style=${{ height: `${Math.min(total * rowPx, MOST_PX)}px` }}>
      ${range(from, to).map((index) => {
        const row = list.at(index);
        return html`<${Line} key=${row?.id ?? index} row=${row} index=${index} ...${known} />`;
      })}
    </div>
  </div>`;
}

/**
 * @param {HTMLElement | null} element
 * @param {import("../core/lib.js").Signal<{height: number, width: number}>} size
 */
function measure(element, size) {
  if (!element) return undefined;
  const observer = new ResizeObserver(() => {
    size.value = { height: element.clientHeight, width: element.clientWidth };
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** @param {{column: Column<any>, sort: string, onSort: (sort: string) => void}} props */
function Head({ column, sort, onSort }) {
  const by = column.sort;
  const side = column.isNumber ? "right" : "";
  if (!by) return html`<span role="columnheader" class=${side}>${column.title}</span>`;
  const direction = sort === by ? "ascending" : sort === `-${by}` ? "descending" : "none";
  const first = column.isDescendingFirst ? `-${by}` : by;
  const other = column.isDescendingFirst ? by : `-${by}`;
  return html`<span role="columnheader" aria-sort=${direction} class=${side}>
    <button class="plain" tabindex="-1" onClick=${() => onSort(sort === first ? other : first)}>
      ${column.title}
      ${direction !== "none" && html`<${Icon} name=${direction === "ascending" ? "arrow-up" : "arrow-down"} />`}
    </button>
  </span>`;
}

/** @param {{selection: import("./selection.js").Selection<any>}} props */
const All = ({ selection }) =>
  html`<input
    type="checkbox"
    tabindex="-1"
    aria-label=${strings.selection.allThatMatch(selection.list.total.value)}
    checked=${selection.isAll.value}
    onChange=${() => (selection.isAll.peek() ? selection.clear() : selection.chooseAll())}
  />`;

/**
 * A row. It is drawn anew when what it is given is another: a list that changes gives a new object for a changed row.
 * @param {any} props what the table knows, and the row with its index
 */
function Line({ row, index, columns, selection, open, onOpen, focused, rowPx }) {
  const isFocused = focused.value === index;
  const isChosen = row && selection?.has(row.id);
  const place = { transform: `translateY(${index * rowPx}px)` };
  if (!row) return html`<div class="row" role="row" aria-rowindex=${index + 2} aria-busy="true" style=${place}></div>`;
  return html`<div
    class="row"
    role="row"
    id=${`row-${row.id}`}
    aria-rowindex=${index + 2}
    aria-selected=${selection ? `${Boolean(isChosen)}` : undefined}
    aria-current=${open === row.id ? "true" : undefined}
    tabindex=${isFocused ? 0 : -1}
    style=${place}
    onFocus=${() => {
      focused.value = index;
    }}
    onClick=${(/** @type {MouseEvent} */ event) => clicked(event, row, index, selection, onOpen)}
  >
    ${
      selection &&
      html`<span role="gridcell" class="choose">
        <input type="checkbox" tabindex="-1" checked=${isChosen} aria-label=${strings.selection.row} readonly />
      </span>`
    }
    ${columns.map(
      (/** @type {Column<any>} */ column) =>
        html`<span role="gridcell" key=${column.name} class=${column.isNumber ? "cell right" : "cell"} data-column=${column.name}>
          ${column.cell(row)}
        </span>`,
    )}
  </div>`;
}

/**
 * @param {MouseEvent} event
 * @param {any} row
 * @param {number} index
 * @param {import("./selection.js").Selection<any> | undefined} selection
 * @param {(row: any) => void} onOpen
 */
function clicked(event, row, index, selection, onOpen) {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("a, button")) return;
  if (selection && (target.closest(".choose") || event.shiftKey || event.ctrlKey || event.metaKey)) {
    if (event.shiftKey) selection.extend(index);
    else selection.toggle(row.id, index);
  } else onOpen(row);
}

/**
 * @param {KeyboardEvent} event
 * @param {(index: number) => void} move
 * @param {any} known
 */
function keys(event, move, { list, selection, onOpen, focused, rowPx }) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = focused.peek();
  const page = Math.max(1, Math.floor(/** @type {HTMLElement} */ (event.currentTarget).clientHeight / rowPx) - 2);
  /** @type {Record<string, number>} */
  const steps = {
    ArrowDown: 1,
    j: 1,
    ArrowUp: -1,
    k: -1,
    PageDown: page,
    PageUp: -page,
    Home: -at,
    End: list.total.peek(),
  };
  const step = steps[event.key];
  if (step !== undefined) {
    move(at + step);
    if (event.shiftKey && selection) selection.extend(Math.max(0, Math.min(at + step, list.total.peek() - 1)));
  } else if (event.key === "Enter") {
    const row = list.at(at);
    if (!row || /** @type {Element} */ (event.target).closest("a, button")) return;
    onOpen(row);
  } else if (selection && (event.key === "x" || event.key === " ")) {
    if (list.at(at)) selection.toggle(list.at(at).id, at);
  } else if (selection && event.key === "X") selection.extend(at);
  else if (selection && event.key === "a") selection.chooseAll();
  else if (selection && event.key === "Escape" && selection.count.peek()) selection.clear();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/**
 * @param {{current: HTMLElement | null}} frame
 * @param {import("../core/list.js").List<any>} list
 * @param {import("../core/lib.js").Signal<number>} focused
 * @param {number} rowPx
 */
function mover(frame, list, focused, rowPx) {
  return (/** @type {number} */ wanted) => {
    const element = frame.current;
    const index = Math.max(0, Math.min(wanted, list.total.peek() - 1));
    focused.value = index;
    if (!element) return;
    const head = ROW_PX;
    const above = index * rowPx;
    if (above < element.scrollTop) element.scrollTop = above;
    else if (above + rowPx + head > element.scrollTop + element.clientHeight)
      element.scrollTop = above + rowPx + head - element.clientHeight;
    requestAnimationFrame(() => {
      /** @type {HTMLElement | null} */ (element.querySelector('[role="row"][tabindex="0"]'))?.focus({
        preventScroll: true,
      });
    });
  };
}

/**
 * @param {number} from
 * @param {number} to
 */
const range = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
