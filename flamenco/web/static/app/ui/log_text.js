/** The part of a log that is here, in pieces of whole lines, each with the byte that it begins at. */

import { send } from "../core/api.js";
import { signal } from "../core/lib.js";

const PIECE_BYTES = 64 * 1024;
const MOST_CHUNKS = 80;
const ENCODER = new TextEncoder();

/** @typedef {{offset: number, lines: string[], bytes: number}} Chunk */

export class LogText {
  /** @param {string} taskId */
  constructor(taskId) {
    this.path = `x/tasks/${taskId}/log`;
    this.stop = new AbortController();
    /** @type {import("../core/lib.js").Signal<Chunk[]>} */
    this.chunks = signal([]);
    this.version = signal(0);
    /** The byte that the first chunk begins at. */
    this.begins = signal(0);
    this.isLoaded = signal(false);
    this.error = signal("");
    this.isBusy = false;
    this.isMore = false;
  }

  get ends() {
    const last = this.chunks.peek().at(-1);
    return last ? last.offset + last.bytes : this.begins.peek();
  }

  /** Begin with the end. */
  async end() {
    const chunk = await this.#fetch({ offset: -PIECE_BYTES, limit: PIECE_BYTES });
    if (!chunk) return;
    this.begins.value = chunk.offset;
    this.chunks.value = chunk.bytes ? [chunk] : [];
    this.isLoaded.value = true;
    this.version.value += 1;
  }

  /** Begin with the line at a byte, as where an attempt at the task begins. @param {number} offset */
  async from(offset) {
    const chunk = await this.#fetch({ offset, limit: PIECE_BYTES });
    if (!chunk) return;
    this.begins.value = chunk.offset;
    this.chunks.value = chunk.bytes ? [chunk] : [];
    this.isLoaded.value = true;
    this.more();
  }

  /** Fetch what was added since. */
  async more() {
    this.isMore = true;
    if (this.isBusy || !this.isLoaded.peek()) return;
    this.isBusy = true;
    while (this.isMore) {
      this.isMore = false;
      const chunk = await this.#fetch({ offset: this.ends, limit: PIECE_BYTES });
      if (!chunk?.bytes) break;
      this.chunks.value = [...this.chunks.peek(), chunk].slice(-MOST_CHUNKS);
      this.begins.value = this.chunks.peek()[0]?.offset ?? 0;
      this.version.value += 1;
    }
    this.isBusy = false;
  }

  /** Fetch what is before. */
  async before() {
    const ends = this.begins.peek();
    const offset = Math.max(0, ends - PIECE_BYTES);
    const chunk = await this.#fetch({ offset, limit: ends - offset });
    if (!chunk?.bytes) return;
    this.chunks.value = [chunk, ...this.chunks.peek()].slice(0, MOST_CHUNKS);
    this.begins.value = chunk.offset;
  }

  /** Have the line here that begins at a byte. @param {number} offset */
  async around(offset) {
    if (offset >= this.begins.peek() && offset < this.ends) return;
    const chunk = await this.#fetch({ offset: Math.max(0, offset - PIECE_BYTES / 2), limit: PIECE_BYTES });
    if (!chunk) return;
    this.chunks.value = [chunk];
    this.begins.value = chunk.offset;
    this.more();
  }

  /** Where that line is. @param {number} offset */
  placeOf(offset) {
    const chunk = this.chunks.peek().findLast((each) => each.offset <= offset);
    if (!chunk) return null;
    let at = chunk.offset;
    let line = 0;
    while (line < chunk.lines.length - 1 && at < offset) {
      at += ENCODER.encode(chunk.lines[line]).length + 1;
      if (at > offset) break;
      line += 1;
    }
    return { chunk: chunk.offset, line };
  }

  /**
   * @param {{offset: number, limit: number}} query
   * @returns {Promise<Chunk | null>}
   */
  async #fetch(query) {
    try {
      const answer = await send("GET", this.path, { query, signal: this.stop.signal });
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const offset = Number(answer.headers.get("Flamenco-Log-Offset") ?? 0);
      const text = new TextDecoder().decode(bytes);
      this.error.value = "";
      return { offset, bytes: bytes.length, lines: text.replace(/\n$/, "").split("\n") };
    } catch (error) {
      if (!this.stop.signal.aborted) this.error.value = error instanceof Error ? error.message : `${error}`;
      return null;
    }
  }
}
