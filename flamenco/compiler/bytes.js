// Typed arrays within the limit of memory; and beside them TextEncoder, TextDecoder, btoa and atob, which are not part of
// the language.
//
// Evaluated before prelude.js, for scripts that name one of them: for the others, none of it is there. Works with what
// it took hold of at the top, before the script ran.
(function () {
  "use strict";

  const { Array, Error, Function, Number, Object, Proxy, RangeError, Reflect, String, TypeError } = globalThis;
  const { apply, construct, deleteProperty, ownKeys } = Reflect;
  const { defineProperty } = Object;
  const { fromCodePoint } = String;
  const { min } = Math;

  const method = (owner, name) => {
    const { call } = Function.prototype;
    return call.bind(owner.prototype[name]);
  };
  const push = method(Array, "push");
  const join = method(Array, "join");
  const codeAt = method(String, "charCodeAt");
  const codePointAt = method(String, "codePointAt");
  const toLowerCase = method(String, "toLowerCase");
  const toWellFormed = method(String, "toWellFormed");
  const trim = method(String, "trim");

  // ---------------------------------------------------------------- typed arrays

  // V8's limit of memory does not see what typed arrays hold, and the system gives them memory only where something is
  // written. So none may be larger than the limit by itself, and larger ones are written to at once: what adds up is
  // then seen by who watches this process from outside.
  const Bytes = globalThis.Uint8Array; // not bounded
  const fill = method(Object.getPrototypeOf(Bytes), "fill");
  const LARGE = 65536;
  let memory_mb = 0;

  // A typed array, or a buffer, of that length.
  function allocate(original, length, size, newTarget) {
    const wanted = length * size;
    if (wanted > memory_mb * 1048576) throw new RangeError(`${wanted} bytes at once are too many; a script may use ${memory_mb} MiB`);
    const made = construct(original, [length], newTarget);
    if (wanted >= LARGE) fill(isView(made) ? made : new Bytes(made), 0);
    return made;
  }

  // The constructor in place of `original`, whose elements have `size` bytes. Scripts get at the other one nowhere.
  function bounded(original, size, isBuffer) {
    const constructor = new Proxy(original, {
      __proto__: null,
      construct(_target, given, newTarget) {
        const first = given[0];
        // A buffer is there already, and the elements of others are all written.
        const isLength = isBuffer || (typeof first !== "function" && (typeof first !== "object" || first === null));
        return isLength ? allocate(original, Number(first), size, newTarget) : construct(original, given, newTarget);
      },
    });
    defineProperty(original.prototype, "constructor", { __proto__: null, value: constructor });
    defineProperty(globalThis, original.name, { __proto__: null, value: constructor });
  }

  // By their names, as some globals take their time to be made when they are first looked at.
  for (const name of ownKeys(globalThis)) {
    if (/^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$/.test(String(name))) bounded(globalThis[name], globalThis[name].BYTES_PER_ELEMENT, false);
  }
  const { isView } = globalThis.ArrayBuffer;
  bounded(globalThis.ArrayBuffer, 1, true);
  for (const name of ["resize", "transfer", "transferToFixedLength", "maxByteLength", "resizable", "detached"]) {
    deleteProperty(globalThis.ArrayBuffer.prototype, name);
  }

  // ---------------------------------------------------------------- texts, bytes, base64

  const { ArrayBuffer, Uint8Array } = globalThis; // bounded
  const { fromBase64 } = Uint8Array;
  const slice = method(Uint8Array, "slice");
  const toBase64 = method(Uint8Array, "toBase64");

  const STEP = 8192; // how many arguments a function gets at once
  const REPLACEMENT = 0xfffd;
  const BYTE_ORDER_MARK = 0xfeff;

  function invalid(message) {
    const error = new Error(message);
    error.name = "InvalidCharacterError";
    return error;
  }

  // The text of `length` numbers from `start` on, which are bytes or code points.
  function textOf(codes, start, length) {
    const pieces = [];
    for (let i = start; i < length; i += STEP) {
      const piece = [];
      for (let j = i; j < min(i + STEP, length); j++) push(piece, codes[j]);
      push(pieces, apply(fromCodePoint, String, piece));
    }
    return join(pieces, "");
  }

  function btoa(data) {
    const text = String(data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = codeAt(text, i);
      if (code > 255) throw invalid("btoa: the text has characters beyond U+00FF; encode it with TextEncoder before");
      bytes[i] = code;
    }
    return toBase64(bytes);
  }

  function atob(data) {
    let bytes;
    try {
      bytes = apply(fromBase64, Uint8Array, [String(data)]);
    } catch {
      throw invalid("atob: the text is no base64");
    }
    return textOf(bytes, 0, bytes.length);
  }

  // Writes `text` into `bytes` as far as whole characters fit; how far it got in both.
  function encodeInto(text, bytes) {
    let read = 0;
    let written = 0;
    while (read < text.length) {
      const code = codePointAt(text, read);
      const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (written + size > bytes.length) break;
      if (size === 1) bytes[written] = code;
      else {
        bytes[written] = (size === 2 ? 0xc0 : size === 3 ? 0xe0 : 0xf0) | (code >> (6 * (size - 1)));
        for (let i = 1; i < size; i++) bytes[written + i] = 0x80 | ((code >> (6 * (size - 1 - i))) & 0x3f);
      }
      written += size;
      read += size === 4 ? 2 : 1;
    }
    return { read, written };
  }

  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") {
      const given = toWellFormed(String(text));
      const bytes = new Uint8Array(given.length * 3);
      return slice(bytes, 0, encodeInto(given, bytes).written);
    }
    encodeInto(text, bytes) { return encodeInto(toWellFormed(String(text)), bytes); }
  }

  // How many bytes follow a first byte, and between which the second one has to be; undefined for no first byte.
  function sequence(first) {
    if (first >= 0xc2 && first <= 0xdf) return [1, 0x80, 0xbf];
    if (first >= 0xe0 && first <= 0xef) return [2, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf];
    if (first >= 0xf0 && first <= 0xf4) return [3, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf];
    return undefined;
  }

  // The character at `at`: its code point, or -1 where the bytes are no UTF-8, and how many bytes that are.
  function decodeOne(bytes, at) {
    const first = bytes[at];
    if (first < 0x80) return [first, 1];
    const expected = sequence(first);
    if (expected === undefined) return [-1, 1];
    let code = first & (0x3f >> expected[0]);
    for (let i = 1; i <= expected[0]; i++) {
      const next = bytes[at + i];
      if (!(next >= (i === 1 ? expected[1] : 0x80) && next <= (i === 1 ? expected[2] : 0xbf))) return [-1, i];
      code = (code << 6) | (next & 0x3f);
    }
    return [code, expected[0] + 1];
  }

  function bytesOf(data) {
    if (data === undefined) return new Uint8Array(0);
    if (isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    throw new TypeError("TextDecoder.decode needs a typed array or an ArrayBuffer");
  }

  class TextDecoder {
    #fatal;
    #keepsMark;

    constructor(label = "utf-8", options = {}) {
      const name = toLowerCase(trim(String(label)));
      if (name !== "utf-8" && name !== "utf8") throw new RangeError(`TextDecoder knows utf-8 alone, and not ${name}`);
      this.#fatal = !!options?.fatal;
      this.#keepsMark = !!options?.ignoreBOM;
    }

    get encoding() { return "utf-8"; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#keepsMark; }

    decode(data, options = {}) {
      if (options?.stream) throw new TypeError("TextDecoder decodes whole texts only");
      const bytes = bytesOf(data);
      const codes = [];
      for (let at = 0; at < bytes.length; ) {
        const [code, size] = decodeOne(bytes, at);
        if (code < 0 && this.#fatal) throw new TypeError("TextDecoder: the bytes are no UTF-8");
        if (at > 0 || code !== BYTE_ORDER_MARK || this.#keepsMark) push(codes, code < 0 ? REPLACEMENT : code);
        at += size;
      }
      return textOf(codes, 0, codes.length);
    }
  }

  const globals = { TextEncoder, TextDecoder, atob, btoa };
  for (const name of ownKeys(globals)) {
    defineProperty(globalThis, name, { __proto__: null, value: globals[name], writable: true, configurable: true });
  }
  // For the prelude, which puts its own in this place.
  globalThis.__flamenco = { __proto__: null, limit(given_mb) { memory_mb = given_mb; } };
})();
