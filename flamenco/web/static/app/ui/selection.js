/** What is chosen of a list: some rows by their ids, or all that match its filters, seen or not. */

import { computed, signal } from "../core/lib.js";

/** Filters that have one value, and those that are true or false; all others have a list. */
const SINGLE = ["q", "worker"];
const FLAGS = ["approved", "stuck", "waiting_for_approval"];

/**
 * The filters of a query, as actions have them.
 * @param {import("../core/api.js").Query} query
 */
function filterOf({ sort: _sort, ...filters }) {
  const values = Object.entries(filters).map(
    ([name, value]) => /** @type {const} */ ([name, [value].flat().filter(Boolean)]),
  );
  const set = values.filter(([, value]) => value.length);
  return Object.fromEntries(set.map(([name, value]) => [name, meant(name, value)]));
}

/**
 * What was in the address, which is a text whatever it means.
 * @param {string} name
 * @param {unknown[]} values
 */
function meant(name, values) {
  if (FLAGS.includes(name)) return values[0] === "true";
  return SINGLE.includes(name) ? values[0] : values;
}

/** @template {{id: string}} Row */
export class Selection {
  /** @param {import("../core/list.js").List<Row>} list */
  constructor(list) {
    this.list = list;
    /** @type {import("../core/lib.js").Signal<ReadonlySet<string>>} */
    this.ids = signal(new Set());
    this.isAll = signal(false);
    this.anchor = 0;
    this.isPointedAt = false;
    this.count = computed(() => (this.isAll.value ? list.total.value : this.ids.value.size));
    this.count.subscribe(() => this.#hold());
  }

  /** @param {boolean} isPointedAt whether somebody points at the list: then nothing is to jump away under that */
  point(isPointedAt) {
    this.isPointedAt = isPointedAt;
    this.#hold();
  }

  #hold() {
    this.list.isHeld = this.isPointedAt || this.count.peek() > 0;
    if (!this.list.isHeld && this.list.changes.peek()) this.list.refreshSoon();
  }

  /** @param {string} id */
  has(id) {
    return this.isAll.value || this.ids.value.has(id);
  }

  /**
   * @param {string} id
   * @param {number} index
   */
  toggle(id, index) {
    const ids = new Set(this.isAll.peek() ? this.#shown() : this.ids.peek());
    if (!ids.delete(id)) ids.add(id);
    this.#set(ids, index);
  }

  /** @param {number} index choose all from the row that was chosen last up to this one */
  extend(index) {
    const ids = new Set(this.ids.peek());
    const [first, last] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
    for (let at = first; at <= last; at += 1) {
      const row = this.list.at(at);
      if (row) ids.add(row.id);
    }
    this.#set(ids, this.anchor);
  }

  /** @param {Iterable<string>} ids */
  choose(ids) {
    this.#set(new Set(ids), this.anchor);
  }

  /**
   * @param {ReadonlySet<string>} ids
   * @param {number} anchor
   */
  #set(ids, anchor) {
    this.anchor = anchor;
    this.isAll.value = false;
    this.ids.value = ids;
  }

  chooseAll() {
    this.ids.value = new Set();
    this.isAll.value = true;
  }

  clear() {
    this.#set(new Set(), this.anchor);
  }

  #shown() {
    return [...this.list.rows()].map((row) => row.id);
  }

  /** What an action is to be done to, as the manager wants it. */
  target() {
    return this.isAll.peek() ? { filter: filterOf(this.list.query) } : { ids: [...this.ids.peek()] };
  }

  /** @returns {Row[]} those chosen rows that are here */
  chosen() {
    return [...this.list.rows()].filter((row) => this.isAll.peek() || this.ids.peek().has(row.id));
  }
}
