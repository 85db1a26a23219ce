/**
 * A list that the manager filters, sorts and counts, of which pages are here: as many as somebody has scrolled to.
 *
 * Rows are kept by page, so that what is in view can be fetched anew without the rest.
 */

import { get, textOf } from "./api.js";
import { signal } from "./lib.js";

const PAGE = 100;
const ALSO_SMALLER_MS = 3000;

/** @typedef {import("./api.js").Query} Query */
/** @typedef {import("./types.d.ts").Counts} Counts */

/**
 * @template {{id: string}} Row
 */
export class List {
  /**
   * @param {string} path of the operation, below `/api/`
   * @param {string} field of the answer in which the rows are
   * @param {Query} [always] what is asked for besides, whatever the filters
   */
  constructor(path, field, always = {}) {
    this.path = path;
    this.field = field;
    this.always = always;
    /** @type {Query} */
    this.query = {};
    /** @type {{after: string | undefined, rows: Row[]}[]} */
    this.pages = [];
    /** @type {string | undefined} */
    this.next = undefined;
    /** Changes with the rows; whoever shows them reads it. */
    this.version = signal(0);
    this.total = signal(0);
    /** @type {import("./lib.js").Signal<Counts>} */
    this.counts = signal({});
    /** @type {import("./lib.js").Signal<"loading" | "ready" | "failed">} */
    this.state = signal("loading");
    this.error = signal("");
    /** How much is otherwise than it is shown, since it was not to jump about. */
    this.changes = signal(0);
    /** Whether rows stay where they are for now: somebody points at one, or has chosen some. */
    this.isHeld = false;
    this.stop = new AbortController();
    /** @type {Promise<void> | undefined} */
    this.loading = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.planned = undefined;
    this.refreshed = 0;
    this.view = { from: 0, to: PAGE };
  }

  /** How many rows are here. */
  get length() {
    const last = this.pages.at(-1);
    return last ? (this.pages.length - 1) * PAGE + last.rows.length : 0;
  }

  /**
   * @param {number} index
   * @returns {Row | undefined}
   */
  at(index) {
    return this.pages[Math.floor(index / PAGE)]?.rows[index % PAGE];
  }

  /** @returns {Generator<Row>} */
  *rows() {
    for (const page of this.pages) yield* page.rows;
  }

  /**
   * Show another part of it: with other filters, or in another order.
   * @param {Query} query
   */
  async ask(query) {
    this.stop.abort();
    this.stop = new AbortController();
    this.query = query;
    this.loading = undefined;
    this.view = { from: 0, to: PAGE };
    if (!this.pages.length) this.state.value = "loading";
    await this.#first();
  }

  async #first() {
    const { signal: stop } = this.stop;
    try {
      const answer = await this.#fetch(undefined, stop);
      this.pages = [{ after: undefined, rows: answer.rows }];
      this.next = answer.next;
      this.changes.value = 0;
      this.state.value = "ready";
    } catch (error) {
      if (stop.aborted) return;
      this.error.value = textOf(error);
      if (!this.pages.length) this.state.value = "failed";
    }
    this.version.value += 1;
  }

  /**
   * @param {string | undefined} after
   * @param {AbortSignal} stop
   * @returns {Promise<{rows: Row[], next: string | undefined}>}
   */
  async #fetch(after, stop) {
    /** @type {any} */
    const answer = await get(this.path, { ...this.always, ...this.query, after, limit: PAGE }, stop);
    this.total.value = answer.total;
    this.counts.value = answer.counts;
    return { rows: answer[this.field], next: answer.next };
  }

  /**
   * What is in view; rows up to there are fetched, one page after the other.
   * @param {number} from
   * @param {number} to
   */
  look(from, to) {
    this.view = { from, to };
    if (!this.loading && this.next && to > this.length) {
      this.loading = this.#more().finally(() => {
        this.loading = undefined;
        if (this.state.peek() === "ready") this.look(this.view.from, this.view.to);
      });
    }
  }

  async #more() {
    const { signal: stop } = this.stop;
    const after = this.next;
    try {
      const answer = await this.#fetch(after, stop);
      this.pages.push({ after, rows: answer.rows });
      this.next = answer.next;
    } catch (error) {
      if (stop.aborted) return;
      this.next = undefined; // asked for again with the next refresh
      this.error.value = textOf(error);
    }
    this.version.value += 1;
  }

  /**
   * Change what is known of a row at once.
   * @param {string} id
   * @param {Partial<Row>} fields
   */
  patch(id, fields) {
    for (const page of this.pages) {
      const index = page.rows.findIndex((row) => row.id === id);
      if (index >= 0) page.rows[index] = { .../** @type {Row} */ (page.rows[index]), ...fields };
    }
    this.version.value += 1;
  }

  /** Have what is in view fetched anew: soon, and not all the time. */
  refreshSoon() {
    if (this.planned) return;
    const wait = Math.max(0, this.refreshed + ALSO_SMALLER_MS - Date.now());
    this.planned = setTimeout(() => {
      this.planned = undefined;
      this.refresh();
    }, wait);
  }

  /** Fetch what is in view anew, and put it in order unless the list is held. */
  async refresh() {
    this.refreshed = Date.now();
    if (this.state.peek() !== "ready") return this.#first();
    const { signal: stop } = this.stop;
    const first = Math.floor(this.view.from / PAGE);
    const last = Math.min(Math.floor(Math.max(this.view.to - 1, 0) / PAGE), this.pages.length - 1);
    let after = this.pages[first]?.after;
    try {
      for (let at = first; at <= last; at += 1) {
        const answer = await this.#fetch(after, stop);
        const changes = this.isHeld ? this.#keep(answer.rows, at) : this.#replace(answer, at, after);
        if (changes) this.changes.value = changes;
        after = answer.next;
        if (!after) break;
      }
    } catch (error) {
      if (!stop.aborted) this.error.value = textOf(error);
    }
    this.version.value += 1;
  }

  /**
   * @param {{rows: Row[], next: string | undefined}} answer
   * @param {number} at
   * @param {string | undefined} after
   */
  #replace(answer, at, after) {
    const isLast = at === this.pages.length - 1;
    const reaches = this.pages[at + 1]?.after === answer.next;
    this.pages[at] = { after, rows: answer.rows };
    if (isLast || !reaches) {
      // What comes after begins elsewhere now.
      this.pages.length = at + 1;
      this.next = answer.next;
    }
    this.changes.value = 0;
    return 0;
  }

  /**
   * Take over what rows say, and leave them where they are. How many would be elsewhere.
   * @param {Row[]} rows
   * @param {number} at
   */
  #keep(rows, at) {
    const fresh = new Map(rows.map((row) => [row.id, row]));
    const page = this.pages[at];
    if (!page) return 0;
    page.rows = page.rows.map((row) => fresh.get(row.id) ?? row);
    return rows.filter((row, index) => page.rows[index]?.id !== row.id).length;
  }
}
