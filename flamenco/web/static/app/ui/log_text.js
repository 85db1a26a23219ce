/** The part of a log that is here, in pieces of whole lines, each with the byte that it begins at. */

import { get, send, textOf } from "../core/api.js";
import { signal } from "../core/lib.js";

const PIECE_BYTES = 64 * 1024;
const MOST_CHUNKS = 80;
const ENCODER = new TextEncoder();

/** @typedef {{offset: number, lines: string[], bytes: number, breaks: number}} Chunk `breaks`: lines that end in it */

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
    /** The number of the line that it begins with; 0 as long as nobody has counted. */
    this.first = signal(0);
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
    this.#count();
  }

  /** Begin with the line at a byte, as where an attempt at the task begins. @param {number} offset */
  async from(offset) {
    const chunk = await this.#fetch({ offset, limit: PIECE_BYTES });
    if (!chunk) return;
    this.begins.value = chunk.offset;
    this.chunks.value = chunk.bytes ? [chunk] : [];
    this.isLoaded.value = true;
    this.#count();
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
      const all = [...this.chunks.peek(), chunk];
      if (all.length > MOST_CHUNKS && this.first.peek()) this.first.value += all[0]?.breaks ?? 0;
      this.chunks.value = all.slice(-MOST_CHUNKS);
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
    if (this.first.peek()) this.first.value -= chunk.breaks;
  }

  /** Have the line here that begins at a byte. @param {number} offset */
  async around(offset) {
    if (offset >= this.begins.peek() && offset < this.ends) return;
    const chunk = await this.#fetch({ offset: Math.max(0, offset - PIECE_BYTES / 2), limit: PIECE_BYTES });
    if (!chunk) return;
    this.chunks.value = [chunk];
    this.begins.value = chunk.offset;
    this.isLoaded.value = true;
    this.#count();
    this.more();
  }

  /** Have a line here; gives the byte that it begins at. @param {number} number */
  async line(number) {
    const { offset } = await get(`${this.path}/place`, { line: number }, this.stop.signal);
    await this.around(offset);
    return offset;
  }

  /** Find out the number of the first line that is here. Without it, no line has one. */
  async #count() {
    const offset = this.begins.peek();
    this.first.value = offset ? 0 : 1;
    if (!offset) return;
    const place = await get(`${this.path}/place`, { offset }, this.stop.signal).catch(() => null);
    if (place && offset === this.begins.peek()) this.first.value = place.line;
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
      return {
        offset,
        bytes: bytes.length,
        lines: text.replace(/\n$/, "").split("\n"),
        breaks: text.split("\n").length - 1,
      };
    } catch (error) {
      if (!this.stop.signal.aborted) this.error.value = textOf(error);
      return null;
    }
  }
}
