/**
 * A list as people work with it: filters above, the table, and what can be done to what is chosen. Filters and order
 * are in the address; `prefix` keeps those of two lists in one view apart.
 */

import { actionsFor } from "../core/actions.js";
import { onKeys } from "../core/keys.js";
import { html, useEffect, useMemo } from "../core/lib.js";
import { List } from "../core/list.js";
import { listen } from "../core/live.js";
import { place, setParams } from "../core/place.js";
import { strings } from "../core/strings.js";
import { ActionBar, run } from "./action_bar.js";
import { ColumnsMenu, shownColumns } from "./columns_menu.js";
import { Chips, FilterField, Flag } from "./filters.js";
import { Selection } from "./selection.js";
import { Table } from "./table.js";

/**
 * @template {{id: string}} Row
 * @param {object} props
 * @param {string} props.path of the operation
 * @param {"jobs" | "tasks" | "workers"} props.kind
 * @param {import("./table.js").Column<Row>[]} props.columns
 * @param {readonly string[]} props.statuses those that have a chip, in their order
 * @param {"job" | "task" | "worker"} props.of whose statuses they are
 * @param {readonly string[]} props.filters names of further filters in the address
 * @param {Record<string, string>} [props.flags] filters that are on or off, by name, with what they are called
 * @param {string} props.sort the usual order
 * @param {(row: Row) => void} props.onOpen
 * @param {(list: List<Row>, news: import("../core/live.js").News) => void} props.onNews what events change
 * @param {import("../core/lib.js").Children} props.empty what is said when there is nothing at all
 * @param {import("../core/api.js").Query} [props.always] what is asked for besides
 * @param {Record<string, string>} [props.fixed] what every action on a filter is limited to
 * @param {string} [props.prefix]
 * @param {string | undefined} [props.open]
 * @param {import("../core/lib.js").Children} [props.extra] further controls
 */
export function ListView(props) {
  const { path, kind, filters, sort: usual, onNews, prefix = "", fixed, flags = {} } = props;
  const { params } = place.value;
  const list = useMemo(() => /** @type {List<Row>} */ (new List(path, kind, props.always)), [path]);
  const selection = useMemo(() => new Selection(list), [list]);
  const names = ["status", "q", ...filters, ...Object.keys(flags)];
  const query = /** @type {import("../core/api.js").Query} */ (
    Object.fromEntries(names.map((name) => [name, params.getAll(prefix + name)]))
  );
  const sort = params.get(`${prefix}sort`) ?? usual;
  useEffect(() => {
    selection.clear();
    list.ask({ ...query, sort });
  }, [list, JSON.stringify(query), sort]);
  useEffect(() => listen((news) => (news.missed ? list.refresh() : onNews(list, news))), [list]);
  useEffect(() => () => list.stop.abort(), [list]);
  useEffect(() => onKeys(actionKeys(kind, selection, fixed)), [selection]);
  const isFiltered = names.some((name) => params.has(prefix + name));
  return html`<section class="list">
    <div class="filters">
      <${Chips} list=${list} statuses=${props.statuses} of=${props.of} name=${`${prefix}status`} />
      ${Object.entries(flags).map(([name, label]) => html`<${Flag} key=${name} name=${prefix + name} label=${label} />`)}
      <${FilterField} name=${`${prefix}q`} />
      ${filters.map((name) => html`<${Narrowed} key=${name} name=${prefix + name} />`)}
      <span class="grow"></span>
      ${props.extra}
      <${ColumnsMenu} columns=${props.columns} prefix=${prefix} />
      <span class="count" aria-live="polite">${strings.list.total(list.total.value)}</span>
    </div>
    ${
      list.changes.value > 0 &&
      html`<button class="changes" onClick=${() => anew(list, selection)}>${strings.list.changes(list.changes.value)}</button>`
    }
    <${State} list=${list} empty=${props.empty} isFiltered=${isFiltered} names=${names.map((name) => prefix + name)} />
    <${Table}
      label=${strings.nav[/** @type {"jobs"} */ (kind)] ?? kind}
      columns=${shownColumns(props.columns, prefix)}
      list=${list}
      sort=${sort}
      onSort=${(/** @type {string} */ wanted) => setParams({ [`${prefix}sort`]: wanted === usual ? null : wanted })}
      onOpen=${props.onOpen}
      selection=${selection}
      open=${props.open}
    />
    <${ActionBar} kind=${kind} selection=${selection} fixed=${fixed} />
  </section>`;
}

/** @param {{list: List<any>, empty: any, isFiltered: boolean, names: string[]}} props */
function State({ list, empty, isFiltered, names }) {
  const state = list.state.value;
  if (state === "loading") return html`<p class="empty" role="status">${strings.list.loading}</p>`;
  if (state === "failed")
    return html`<div class="empty" role="alert">
      <p>${strings.list.failed} ${list.error.value}</p>
      <button onClick=${() => list.ask(list.query)}>${strings.list.again}</button>
    </div>`;
  if (list.total.value) return null;
  if (!isFiltered) return html`<div class="empty">${empty}</div>`;
  return html`<div class="empty">
    <p>${strings.list.nothing}</p>
    <button onClick=${() => setParams(Object.fromEntries(names.map((name) => [name, null])))}>${strings.list.clear}</button>
  </div>`;
}

/** A filter that was set elsewhere, and can be taken off here. @param {{name: string}} props */
function Narrowed({ name }) {
  const values = place.value.params.getAll(name);
  const label = place.value.params.get(`${name}-name`);
  return values.map(
    (
      value,
    ) => html`<button class="chip" aria-pressed="true" title=${strings.list.clear} onClick=${() => setParams({ [name]: null, [`${name}-name`]: null })}>
      ${name}: <bdi>${label ?? value}</bdi> ×
    </button>`,
  );
}

/**
 * @param {List<any>} list
 * @param {Selection<any>} selection
 */
function anew(list, selection) {
  selection.point(false);
  list.isHeld = false;
  list.refresh();
}

/**
 * @param {"jobs" | "tasks" | "workers"} kind
 * @param {Selection<any>} selection
 * @param {Record<string, string> | undefined} fixed
 */
function actionKeys(kind, selection, fixed) {
  /** @param {string} key */
  const handler = (key) => () => {
    const rows = selection.count.peek() ? selection.chosen() : focusedRow(selection);
    const action = actionsFor(kind, rows).find((each) => each.key === key);
    if (!action) return false;
    run(action, selection, rows, fixed);
    return true;
  };
  return Object.fromEntries(["p", "r", "c"].map((key) => [key, handler(key)]));
}

/** @param {Selection<any>} selection */
function focusedRow(selection) {
  const id = document.activeElement?.closest('[role="row"]')?.id.replace(/^row-/, "");
  return [...selection.list.rows()].filter((row) => row.id === id);
}
