// What a job type's script finds around it: author, path, process, require, frameChunker, shellSplit, print …
//
// Evaluated before the script, in a context of its own. Nothing of Python is reachable from here: JSON text comes in
// through __flamenco, JSON text goes out. A script may replace any of these globals and any built-in, so this file
// works with what it took hold of at the top, before the script ran.
(function () {
  "use strict";

  const { ArrayBuffer, Boolean, Date, Error, Function, Map, Number, Object, Promise, Proxy, RangeError, RegExp, Set, String, SyntaxError, TypeError, Uint8Array, WeakMap, WeakSet } = globalThis;
  const { parse, stringify } = JSON;
  const { assign, keys, freeze, hasOwn, preventExtensions, defineProperty, getPrototypeOf, setPrototypeOf } = Object;
  const { entries: entriesOf, values: valuesOf } = Object;
  const { apply, ownKeys, deleteProperty, getOwnPropertyDescriptor } = Reflect;
  const { isArray } = Array;
  const { prototype: objectPrototype } = Object;
  const { prototype: arrayPrototype } = Array;
  const { isFinite, isInteger } = Number;
  const { abs, floor, trunc, min, max } = Math;
  const { encodeURIComponent, eval: indirectEval } = globalThis;

  // A method as a function of its object, out of reach of changed prototypes.
  const method = (owner, name) => {
    const { call } = Function.prototype;
    return call.bind(owner.prototype[name]);
  };
  const push = method(Array, "push");
  const copyOfArray = method(Array, "toSpliced"); // with nothing to splice; unlike slice, it asks no constructor
  const sort = method(Array, "sort");
  const joinArray = method(Array, "join");
  const charAt = method(String, "charAt");
  const charCodeAt = method(String, "charCodeAt");
  const indexOf = method(String, "indexOf");
  const lastIndexOf = method(String, "lastIndexOf");
  const substring = method(String, "substring");
  const splitText = method(String, "split");
  const padStart = method(String, "padStart");
  const isWellFormed = method(String, "isWellFormed");
  const getTime = method(Date, "getTime");
  const toISOString = method(Date, "toISOString");
  const then = method(Promise, "then");
  const mapForEach = method(Map, "forEach");
  const setForEach = method(Set, "forEach");
  const setAdd = method(Set, "add");
  const setHas = method(Set, "has");
  const match = method(RegExp, "exec");
  const mapGet = method(Map, "get");
  const mapSet = method(Map, "set");
  const seenOf = method(WeakMap, "get");
  const setSeen = method(WeakMap, "set");
  const areSeen = method(WeakSet, "has");
  const addSeen = method(WeakSet, "add");

  const replaceAll = (text, from, to) => joinArray(splitText(text, from), to);

  // Errors of the functions below carry the name that scripts know from Flamenco.
  class GoError extends Error {}
  defineProperty(GoError.prototype, "name", { __proto__: null, value: "GoError", writable: true, configurable: true });

  const { isView } = ArrayBuffer;
  const typedArrays = getPrototypeOf(Uint8Array);
  const typedArrayName = Function.prototype.call.bind(getOwnPropertyDescriptor(typedArrays.prototype, Symbol.toStringTag).get);

  // ---------------------------------------------------------------- values

  const MAX_DEPTH = 32;
  Error.stackTraceLimit = 5 * MAX_DEPTH; // errors from that deep in here must still show the script's line
  let limits = { __proto__: null, tasks: 1000000, commands: 1000, string: 1048576 };

  // Arguments of our functions: what is missing becomes "" or 0, everything else is converted.
  const toText = (value) => (typeof value === "string" ? value : value === undefined || value === null ? "" : String(value));
  const toInt = (value) => {
    if (value === 1 || value === 0) return value + 0;
    const number = trunc(Number(value));
    return isFinite(number) ? number + 0 : 0;
  };

  // A copy of `value` as JSON knows it. Throws for what cannot be stored, but for texts: those `checkTexts` looks at.
  function plain(value, depth) {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        if (!isFinite(value)) throw new TypeError(`the number ${value} cannot be stored`);
        return value;
      case "undefined":
        return null;
      case "object":
        return value === null ? null : plainObject(value, depth + 1);
      default:
        throw new TypeError(`a ${typeof value} cannot be stored`);
    }
  }

  function plainObject(value, depth) {
    if (depth > MAX_DEPTH) throw new RangeError("a value that is nested too deeply, or contains itself, cannot be stored");
    if (isArray(value)) return plainArray(value, depth);
    if (getPrototypeOf(value) === objectPrototype) return plainFields({ ...value }, depth);
    if (value instanceof Date) return toISOString(value);
    if (value instanceof Set) {
      const items = [];
      setForEach(value, (item) => push(items, item));
      return plainArray(items, depth);
    }
    if (value instanceof Map) {
      const pairs = [];
      mapForEach(value, (item, key) => push(pairs, [key, item]));
      return plainArray(pairs, depth);
    }
    if (value instanceof String || value instanceof Number || value instanceof Boolean) return plain(value.valueOf(), depth);
    if (typedArrayName(value) !== undefined) return plainArray(value, depth);
    if (isView(value) || value instanceof ArrayBuffer) throw new TypeError("a DataView or ArrayBuffer cannot be stored, but an array of numbers can");
    return plainFields(fieldsOf(value), depth);
  }

  // `copy`, whose fields are its own and no getters, with plain values. V8 looks up what for-in names in half the time;
  // that also names what a script has added to all objects.
  function plainFields(copy, depth) {
    for (const name in copy) {
      const item = copy[name];
      if (typeof item === "string" || !hasOwn(copy, name)) continue;
      copy[name] = depth < MAX_DEPTH && isArray(item) ? plainArray(item, depth + 1) : plain(item, depth);
    }
    return copy;
  }

  const MOST_AT_ONCE = 1000; // a length need not be true

  function plainArray(value, depth) {
    if (value.length > MOST_AT_ONCE) return plainItems(value, depth);
    const copy = copyOfArray(value);
    const count = copy.length;
    for (let i = 0; i < count; i++) if (typeof copy[i] !== "string") copy[i] = plain(copy[i], depth);
    return copy;
  }

  function plainItems(value, depth) {
    const copy = [];
    for (let i = 0; i < value.length; i++) copy[i] = plain(value[i], depth);
    return copy;
  }

  // Texts in parameters are looked at when tasks are written, in hundreds of tasks at once. Where one cannot be stored,
  // the script runs once more, and they are looked at when they are given: so the error has the script's line.
  let checksAtOnce = false;
  let runAgain = null;
  let refusal = null;
  let complaint = null; // once the script is refused for a text

  function refuseText(error) {
    checksAtOnce = true;
    complaint = error;
    const withLine = (reason) => {
      if (reason === refusal) complaint = reason;
    };
    try {
      const returned = runAgain();
      if (returned instanceof Promise) then(returned, undefined, withLine);
    } catch (reason) {
      withLine(reason);
    }
  }

  function checkText(text, what) {
    if (text.length > limits.string) refusal = new RangeError(`a text of ${text.length} characters is too long, ${limits.string} are allowed`);
    else if (!isWellFormed(text)) refusal = new TypeError(`a ${what} with half a character in it (a lone surrogate) cannot be stored`);
    else return;
    throw refusal;
  }

  // Throws for texts in a plain value that cannot be stored.
  function checkTexts(value) {
    if (typeof value === "string") checkText(value, "text");
    else if (isArray(value)) for (let i = 0; i < value.length; i++) checkTexts(value[i]);
    else if (typeof value === "object" && value !== null) {
      const names = keys(value);
      for (let i = 0; i < names.length; i++) {
        checkTexts(value[names[i]]);
        if (!isWellFormed(names[i])) checkText(names[i], "name");
      }
    }
    return value;
  }

  const stored = (value) => checkTexts(plain(value, 0));

  // The built-in prototypes as they are now, so that changes which would spoil the result can be told from
  // harmless additions such as a missing array method.
  const untouched = [objectPrototype, arrayPrototype].map((prototype) => [prototype, new Set(ownKeys(prototype))]);

  function refuseTampering() {
    for (let i = 0; i < untouched.length; i++) {
      const prototype = untouched[i][0];
      const now = ownKeys(prototype);
      for (let j = 0; j < now.length; j++) {
        if (setHas(untouched[i][1], now[j])) continue;
        const { value } = getOwnPropertyDescriptor(prototype, now[j]);
        if (value !== undefined && now[j] !== "toJSON" && !isInteger(Number(String(now[j])))) continue;
        deleteProperty(prototype, now[j]);
        throw new TypeError(`${i === 0 ? "Object" : "Array"}.prototype.${String(now[j])} must not be defined by a script`);
      }
    }
  }

  // ---------------------------------------------------------------- print, alert

  const MAX_PRINTED_LINES = 500;
  const MAX_PRINTED_LENGTH = 2000;
  const printed = [];

  function asText(value) {
    if (typeof value === "object" && value !== null) {
      try {
        return toText(stringify(value));
      } catch {
        return "[object]";
      }
    }
    return String(value);
  }

  function printLine(warning, values) {
    if (checksAtOnce || printed.length >= MAX_PRINTED_LINES) return;
    let line = "";
    for (let i = 0; i < values.length && line.length < MAX_PRINTED_LENGTH; i++) line += (i ? " " : "") + asText(values[i]);
    push(printed, { __proto__: null, warning, text: substring(line, 0, MAX_PRINTED_LENGTH) });
  }

  // ---------------------------------------------------------------- frames; the same rules as domain/frames.py

  const WHITESPACE =
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";
  const MAX_CHUNKS = 1000000;
  const MAX_LISTED = 1000000;
  const MAX_FRAME = Number.MAX_SAFE_INTEGER;

  function trim(given) {
    const text = typeof given === "string" ? given : toText(given);
    const first = charCodeAt(text, 0);
    const last = charCodeAt(text, text.length - 1);
    if (first > 32 && first < 127 && last > 32 && last < 127) return text;
    let start = 0;
    let end = text.length;
    while (start < end && indexOf(WHITESPACE, charAt(text, start)) >= 0) start++;
    while (end > start && indexOf(WHITESPACE, charAt(text, end - 1)) >= 0) end--;
    return substring(text, start, end);
  }

  const invalid = (text, reason) => new GoError(`invalid range ${stringify(replaceAll(text, "..", "-"))}:${reason}`);

  const SPACE = `[${WHITESPACE}]*`;
  const NUMBER = new RegExp("^[+-]?[0-9]+$");
  const PART = new RegExp(
    `^${SPACE}([+-]?[0-9]+)${SPACE}(?:(?:-|\\.\\.)${SPACE}([+-]?[0-9]+)${SPACE}(?:[x:]${SPACE}([0-9]+)${SPACE})?)?$`,
  );

  // What is wrong with a part that cannot be read.
  function misread(part, range) {
    const ends = splitText(part, "-");
    for (let i = 0; i < ends.length; i++) {
      const number = trim(ends[i]);
      if (match(NUMBER, number) === null) return invalid(range, `  ${part} (${stringify(number)} is not a number)`);
    }
    return invalid(range, ` ${part}`);
  }

  function frameNumber(digits, part, range) {
    const number = Number(digits) + 0;
    if (max(number, -number) > MAX_FRAME) throw invalid(range, `  ${replaceAll(part, "..", "-")} (${stringify(digits)} is out of range)`);
    return number;
  }

  // What stands between two commas: frames from `first` to `last`, every `step`th, upwards or downwards.
  function framePart(part, range) {
    const found = match(PART, part);
    if (found === null) throw misread(replaceAll(part, "..", "-"), range);
    const first = frameNumber(found[1], part, range);
    const last = found[2] === undefined ? first : frameNumber(found[2], part, range);
    const step = found[3] === undefined ? 1 : frameNumber(found[3], part, range);
    if (step === 0) throw invalid(range, `  ${part} (the step must be 1 or more)`);
    return { __proto__: null, first, last, step };
  }

  const framesOfPart = ({ first, last, step }) => trunc((last < first ? first - last : last - first) / step) + 1;

  // The frames of a range as [first, last] pairs in the order in which they are rendered, each frame once, as few pairs
  // as possible. They are sorted, unless some go down. Negative frames are pairs of their own.
  function frameIntervals(range) {
    const parts = splitText(range, ",");
    let plain = true;
    let descends = false;
    let listed = 0;
    for (let i = 0; i < parts.length; i++) {
      const part = (parts[i] = framePart(parts[i], range));
      plain = plain && part.first >= 0 && part.first <= part.last && part.step === 1;
      descends = descends || part.last < part.first;
      listed += framesOfPart(part);
    }
    if (plain) return mergedIntervals(parts);
    if (listed > MAX_LISTED) throw invalid(range, ` more than ${MAX_LISTED} frames that do not simply go up from 0`);
    return listedIntervals(listedFrames(parts, descends));
  }

  function mergedIntervals(parts) {
    sort(parts, (a, b) => a.first - b.first || a.last - b.last);
    const merged = [];
    for (let i = 0; i < parts.length; i++) {
      const latest = merged[merged.length - 1];
      if (latest !== undefined && parts[i].first <= latest[1] + 1) latest[1] = max(latest[1], parts[i].last);
      else push(merged, [parts[i].first, parts[i].last]);
    }
    return merged;
  }

  function listedFrames(parts, descends) {
    const seen = new Set();
    for (let i = 0; i < parts.length; i++) {
      const { first, last, step } = parts[i];
      const count = framesOfPart(parts[i]);
      for (let j = 0; j < count; j++) setAdd(seen, last < first ? first - j * step : first + j * step);
    }
    const frames = [];
    setForEach(seen, (frame) => push(frames, frame));
    return descends ? frames : sort(frames, (a, b) => a - b);
  }

  // Scripts make Blender's 1..10 of 1-10 by replacing every "-", so that no interval may have a minus in it.
  function listedIntervals(frames) {
    const intervals = [];
    for (let i = 0; i < frames.length; i++) {
      const latest = intervals[intervals.length - 1];
      if (latest !== undefined && frames[i] === latest[1] + 1 && latest[0] >= 0) latest[1] = frames[i];
      else push(intervals, [frames[i], frames[i]]);
    }
    return intervals;
  }

  function countFrames(intervals) {
    let total = 0;
    for (let i = 0; i < intervals.length; i++) total += intervals[i][1] - intervals[i][0] + 1;
    return total;
  }

  // Whether a range is a frame, not before 0 and as one writes it: what most chunks are.
  function isFrame(text) {
    const number = +text;
    return number >= 0 && number <= MAX_FRAME && number % 1 === 0 && `${number}` === text;
  }

  function frameCount(range) {
    const text = toText(range);
    if (isFrame(text)) return 1;
    if (text === "") throw invalid("", " empty range");
    return countFrames(frameIntervals(text));
  }

  function frameChunker(range, chunkSize) {
    const text = trim(range);
    const size = toInt(chunkSize);
    if (text === "") throw invalid("", " empty range");
    if (size < 1) throw new GoError(`invalid chunk size, must be positive number: ${size}`);
    const intervals = frameIntervals(text);
    const total = countFrames(intervals);
    if (total > size * MAX_CHUNKS) throw invalid(text, ` more than ${MAX_CHUNKS} chunks`);
    const chunks = [];
    let parts = [];
    let free = size;
    for (let i = 0; i < intervals.length; i++) {
      const last = intervals[i][1];
      for (let start = intervals[i][0]; start <= last; ) {
        const end = min(last, start + free - 1);
        push(parts, start === end ? `${start}` : `${start}${end === start + 1 ? "," : "-"}${end}`);
        free -= end - start + 1;
        start = end + 1;
        if (free === 0) {
          push(chunks, parts.length === 1 ? parts[0] : joinArray(parts, ","));
          parts = [];
          free = size;
        }
      }
    }
    if (parts.length) push(chunks, joinArray(parts, ","));
    return chunks;
  }

  // ---------------------------------------------------------------- shellSplit; the same rules as domain/shell.py

  function shellSplit(line) {
    const text = toText(line);
    const words = [];
    const blank = (char) => char === " " || char === "\t" || char === "\r" || char === "\n";
    let word = null;
    let quote = "";
    for (let i = 0; i < text.length; i++) {
      const char = charAt(text, i);
      if (char === "\\" && quote !== "'") {
        if (++i === text.length) throw new GoError("EOF found after escape character");
        word = (word ?? "") + charAt(text, i);
      } else if (quote) {
        if (char === quote) quote = "";
        else word += char;
      } else if (char === "'" || char === '"') {
        quote = char;
        word ??= "";
      } else if (blank(char)) {
        if (word !== null) push(words, word);
        word = null;
      } else if (char === "#" && word === null) {
        const end = indexOf(text, "\n", i);
        i = end < 0 ? text.length : end;
      } else {
        word = (word ?? "") + char;
      }
    }
    if (quote) throw new GoError("EOF found when expecting closing quote");
    if (word !== null) push(words, word);
    return words;
  }

  // ---------------------------------------------------------------- times

  // The manager's time zone: [milliseconds since 1970 from which on it holds, offset in seconds, name], ascending.
  let zone = [[0, 0, "UTC"]];

  function timestamp(value) {
    let time = NaN;
    if (value instanceof Date) time = getTime(value);
    else if (typeof value === "string") time = getTime(new Date(value));
    if (!isFinite(time)) throw new TypeError(`could not convert ${asText(value)} to a time`);
    return time;
  }

  function zoneAt(time) {
    let found = zone[0];
    for (let i = 0; i < zone.length && zone[i][0] <= time; i++) found = zone[i];
    return found;
  }

  // What a clock of the manager shows, as a date whose UTC parts are those of local time.
  const local = (time) => new Date(time + zoneAt(time)[1] * 1000);

  function formatTimestampLocal(value) {
    const iso = toISOString(local(timestamp(value))); // …YYYY-MM-DDTHH:MM:SS.mmmZ
    const end = iso.length - 24;
    const clock = substring(iso, end + 11, end + 19);
    return `${substring(iso, 0, end + 10)}_${replaceAll(clock, ":", "")}`;
  }

  const MONTHS = "January February March April May June July August September October November December";
  const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday";
  const word = (words, number) => splitText(words, " ")[number];
  const two = (number) => padStart(String(number), 2, "0");

  // What stands for what in a layout of Go's time.Format, longer names before those that they begin with.
  const layoutTable = () => [
    ["2006", (at) => padStart(String(at.year), 4, "0")], ["January", (at) => word(MONTHS, at.month - 1)],
    ["Jan", (at) => substring(word(MONTHS, at.month - 1), 0, 3)], ["Monday", (at) => word(DAYS, at.weekday)],
    ["Mon", (at) => substring(word(DAYS, at.weekday), 0, 3)], ["MST", (at) => at.zone[2]],
    ["002", (at) => padStart(String(at.yearDay), 3, "0")], ["01", (at) => two(at.month)], ["02", (at) => two(at.day)],
    ["03", (at) => two(at.hour % 12 || 12)], ["04", (at) => two(at.minute)], ["05", (at) => two(at.second)],
    ["06", (at) => two(at.year % 100)], ["15", (at) => two(at.hour)], ["PM", (at) => (at.hour < 12 ? "AM" : "PM")],
    ["pm", (at) => (at.hour < 12 ? "am" : "pm")], ["-07:00", (at) => offsetText(at, ":")],
    ["-0700", (at) => offsetText(at, "")], ["Z07:00", (at) => (at.zone[1] ? offsetText(at, ":") : "Z")],
    ["Z0700", (at) => (at.zone[1] ? offsetText(at, "") : "Z")], ["_2", (at) => padStart(String(at.day), 2, " ")],
    [".000000", (at) => `.${at.fraction}000`], [".000", (at) => `.${at.fraction}`],
    [".999999999", (at) => trimmedFraction(at)], [".999999", (at) => trimmedFraction(at)], [".999", (at) => trimmedFraction(at)],
    ["1", (at) => String(at.month)], ["2", (at) => String(at.day)], ["3", (at) => String(at.hour % 12 || 12)],
    ["4", (at) => String(at.minute)], ["5", (at) => String(at.second)],
  ];

  function offsetText(at, colon) {
    const minutes = abs(trunc(at.zone[1] / 60));
    return `${at.zone[1] < 0 ? "-" : "+"}${two(trunc(minutes / 60))}${colon}${two(minutes % 60)}`;
  }

  function trimmedFraction(at) {
    let text = `.${at.fraction}`;
    while (charAt(text, text.length - 1) === "0") text = substring(text, 0, text.length - 1);
    return text === "." ? "" : text;
  }

  function layOut(at, layout) {
    const table = layoutTable();
    let text = "";
    for (let i = 0; i < layout.length; ) {
      let found = null;
      for (let j = 0; j < table.length && found === null; j++) {
        if (substring(layout, i, i + table[j][0].length) === table[j][0]) found = table[j];
      }
      text += found === null ? charAt(layout, i) : found[1](at);
      i += found === null ? 1 : found[0].length;
    }
    return text;
  }

  const parts = {};
  for (const name of ["FullYear", "Month", "Date", "Day", "Hours", "Minutes", "Seconds", "Milliseconds"]) {
    parts[name] = method(Date, `getUTC${name}`);
  }
  const utc = Date.UTC;

  // The parts of a time on the manager's clock.
  function clock(value) {
    const time = getTime(value);
    const shifted = local(time);
    const year = parts.FullYear(shifted);
    return {
      year, month: parts.Month(shifted) + 1, day: parts.Date(shifted), weekday: parts.Day(shifted), hour: parts.Hours(shifted),
      minute: parts.Minutes(shifted), second: parts.Seconds(shifted), zone: zoneAt(time),
      yearDay: floor((getTime(shifted) - utc(year, 0)) / 86400000) + 1, fraction: padStart(String(parts.Milliseconds(shifted)), 3, "0"),
    };
  }

  // job.created: a Date, and what scripts know from Flamenco, where it is Go's time.Time.
  class Moment extends Date {
    toString() { return this.format("2006-01-02 15:04:05.999 -0700 MST"); }
    string() { return this.toString(); }
    format(layout) { return layOut(clock(this), toText(layout)); }
    unix() { return floor(getTime(this) / 1000); }
    unixMilli() { return getTime(this); }
    unixMicro() { return getTime(this) * 1000; }
    unixNano() { return getTime(this) * 1000000; }
    year() { return clock(this).year; }
    month() { return clock(this).month; }
    day() { return clock(this).day; }
    weekday() { return clock(this).weekday; }
    yearDay() { return clock(this).yearDay; }
    hour() { return clock(this).hour; }
    minute() { return clock(this).minute; }
    second() { return clock(this).second; }
    nanosecond() { return Number(clock(this).fraction) * 1000000; }
  }

  // ---------------------------------------------------------------- path

  const toSlashes = (text) => replaceAll(text, "\\", "/");

  // Lexically shortest form of a path with forward slashes: no "." or "..", no double slashes.
  function clean(path) {
    const rooted = charAt(path, 0) === "/";
    const kept = [];
    const parts = splitText(path, "/");
    for (let i = 0; i < parts.length; i++) {
      if (parts[i] === "" || parts[i] === ".") continue;
      if (parts[i] !== "..") push(kept, parts[i]);
      else if (kept.length && kept[kept.length - 1] !== "..") kept.length--;
      else if (!rooted) push(kept, "..");
    }
    return (rooted ? "/" : "") + joinArray(kept, "/") || ".";
  }

  // Two slashes and no third: a share of Windows, or what lies beside the blend file. They are both kept.
  const isDoubled = (text) => substring(text, 0, 2) === "//" && charAt(text, 2) !== "/";

  const path = {
    basename(name) {
      let text = toSlashes(toText(name));
      if (text === "") return ".";
      while (text.length > 1 && charAt(text, text.length - 1) === "/") text = substring(text, 0, text.length - 1);
      return text === "/" ? "/" : substring(text, lastIndexOf(text, "/") + 1);
    },
    dirname(name) {
      const text = toSlashes(toText(name));
      const end = lastIndexOf(text, "/");
      if (end === 1 && isDoubled(text)) return "//";
      return end < 0 ? "." : substring(text, 0, end) || "/";
    },
    join(...parts) {
      const given = [];
      for (let i = 0; i < parts.length; i++) if (toText(parts[i]) !== "") push(given, toText(parts[i]));
      if (!given.length) return "";
      const joined = joinArray(given, "/");
      // Cleaned as what is below the two slashes; otherwise before backslashes become slashes, as ever.
      return isDoubled(toSlashes(given[0])) ? `//${clean(`./${substring(toSlashes(joined), 2)}`)}` : toSlashes(clean(joined));
    },
    stem(name) {
      const base = basename(name);
      const end = lastIndexOf(base, ".");
      return end < 0 ? base : substring(base, 0, end);
    },
  };
  const { basename, dirname, join } = path;

  // ---------------------------------------------------------------- job, task, command

  // The end of the prototype chain of job, task and command: an assignment that gets here names a field that
  // does not exist, and in most cases a typing error.
  const fieldless = new Proxy(Object.prototype, {
    __proto__: null,
    set(_target, name) {
      throw new TypeError(`Cannot assign to property ${String(name)} of a host object`);
    },
  });
  class HostObject {
    // In JSON they have the names that scripts use.
    toJSON() { return fieldsOf(this); }
    hasOwnProperty(name) { return isField(this, name) || hasOwn(this, name); }
  }
  setPrototypeOf(HostObject.prototype, fieldless);

  const fieldNames = new Map(); // the prototypes of the classes below -> the names of their fields
  const namesIn = (value) => mapGet(fieldNames, getPrototypeOf(value)) ?? keys(value);

  function isField(value, name) {
    const names = mapGet(fieldNames, getPrototypeOf(value)) ?? [];
    let found = false;
    for (let i = 0; i < names.length && !found; i++) found = names[i] === name;
    return found;
  }

  function fieldsOf(value) {
    const fields = {};
    const names = namesIn(value);
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== "__proto__") fields[names[i]] = value[names[i]];
      else defineProperty(fields, names[i], { __proto__: null, value: value[names[i]], writable: true, enumerable: true, configurable: true });
    }
    return fields;
  }

  const argumentError = (position, wanted) =>
    new TypeError(`could not convert function call parameter ${position}: this is not ${wanted}`);

  // A field that holds a list of host objects: undefined and null empty it, anything but a list of them is refused.
  function list(value, copy, wanted) {
    if (value === undefined || value === null) return [];
    if (!isArray(value)) throw new TypeError(`a list of ${wanted} is needed`);
    const items = [];
    for (let i = 0; i < value.length; i++) push(items, copy(value[i]));
    return items;
  }

  function object(value, what) {
    if (value === undefined || value === null) return null;
    if (typeof value !== "object") throw new TypeError(`${what} must be an object`);
    if (getPrototypeOf(value) === objectPrototype) return plainFields({ ...value }, 1);
    const copy = plain(value, 0);
    if (typeof copy !== "object" || isArray(copy)) throw new TypeError(`${what} must be an object`);
    return copy;
  }

  // A copy of an object that holds nothing but texts.
  function texts(value) {
    const copy = {};
    const names = keys(value);
    for (let i = 0; i < names.length; i++) copy[names[i]] = stored(String(value[names[i]]));
    return copy;
  }

  // Of what is as it is written. Scripts are kept from hearing of it.
  function lengthOf(value) {
    if (hasOwn(objectPrototype, "toJSON") || hasOwn(arrayPrototype, "toJSON")) refuseTampering();
    return stringify(value).length;
  }

  const SLICE = 524288; // so many characters of tasks leave at once
  const MOST_IN_SLICE = 2000; // tasks
  const LOOK_EVERY = 64; // tasks, at how long one of them is

  // What tasks and commands hold is in objects that scripts do not see, nearly as it is written; what scripts see is made
  // around those. What a script has looked at, it may change at any time, and is looked at again when it is written.
  let anySeen = false;

  // Parameters -> what a script sees of them. Copies of a command share them, as in Flamenco.
  const seenParameters = new WeakMap();

  function parametersToSee(parameters) {
    if (parameters === null) return null;
    const known = seenOf(seenParameters, parameters);
    if (known !== undefined) return known;
    const seen = plain(parameters, 0);
    setSeen(seenParameters, parameters, seen);
    anySeen = true;
    return seen;
  }

  const commandWritten = ({ name, parameters, total_step_count }) => {
    const seen = seenOf(seenParameters, parameters);
    return { name, parameters: seen === undefined ? parameters : object(seen, "parameters"), total_step_count };
  };

  const NO_COMMANDS = freeze([]); // of a task that has none yet
  const seenCommands = new WeakSet(); // lists of a task that scripts see, of commands and not of their fields

  function copyOfFields(given) {
    const { commands, dependencies } = given;
    const copy = { ...given, commands: copyOfArray(commands), dependencies: dependencies && copyOfArray(dependencies) };
    if (areSeen(seenCommands, commands)) addSeen(seenCommands, copy.commands);
    return copy;
  }

  const idOfTask = (task) => givenTask(task).id;

  function taskWritten(fields) {
    const { commands, dependencies } = fields;
    if (commands.length > limits.commands) throw new RangeError(`more than ${limits.commands} commands`);
    const given = areSeen(seenCommands, commands) ? mapped(commands, shownCommand) : commands;
    return {
      ...fields,
      commands: mapped(given, (command) => named("command", command, commandWritten)),
      dependencies: dependencies && mapped(dependencies, idOfTask),
    };
  }

  function mapped(items, call) {
    const made = [];
    for (let i = 0; i < items.length; i++) push(made, call(items[i]));
    return made;
  }

  // What `call` makes of a task or a command, whose name is in its errors.
  function named(what, fields, call) {
    try {
      return call(fields);
    } catch (error) {
      throw new TypeError(`${what} ${stringify(substring(fields.name, 0, 100))}: ${error.message}`);
    }
  }

  // Throws for texts of a task that cannot be stored, but for those in parameters.
  function checkNames({ id, name, type, frames, commands }) {
    checkTexts([id, name, type, frames]);
    for (let i = 0; i < commands.length; i++) named("command", commands[i], (command) => checkText(command.name, "text"));
  }

  function checkParameters({ commands }) {
    for (let i = 0; i < commands.length; i++) named("command", commands[i], (command) => checkTexts(command.parameters));
  }

  // The functions that see the private fields of the classes below.
  let givenCommand, shownCommand, givenTask, shownTask, sharedTask, taskOfJob, ownFields, seeCommands, checkoutOf, jobRecord, nextTasks;
  let tasksWritten = 0;

  class Command {
    #fields;

    constructor(fields) {
      this.#fields = fields;
    }

    get name() { return this.#fields.name; }
    set name(value) { this.#fields.name = toText(value); }
    get parameters() { return parametersToSee(this.#fields.parameters); }
    set parameters(value) {
      const parameters = object(value, "parameters");
      if (checksAtOnce) checkTexts(parameters);
      this.#fields.parameters = parameters;
    }
    get totalStepCount() { return this.#fields.total_step_count; }
    set totalStepCount(value) { this.#fields.total_step_count = toInt(value); }

    static {
      // A copy, for a task; they share the parameters.
      givenCommand = (value) => {
        try {
          return { ...value.#fields };
        } catch {
          throw argumentError(0, "a command");
        }
      };
      shownCommand = (value) => {
        try {
          return value.#fields;
        } catch {
          throw new TypeError("something in commands is not a command");
        }
      };
    }
  }

  class Task {
    #fields;
    #isShared = false; // the fields, with others: this task makes a copy before it changes something

    constructor(fields) {
      this.#fields = fields;
    }

    get uUID() { return this.#fields.id; }
    set uUID(value) { ownFields(this).id = toText(value); }
    get name() { return this.#fields.name; }
    set name(value) { ownFields(this).name = toText(value); }
    get type() { return this.#fields.type; }
    set type(value) { ownFields(this).type = toText(value); }
    get priority() { return this.#fields.priority; }
    set priority(value) { ownFields(this).priority = toInt(value); }
    get optional() { return this.#fields.optional === true; }
    set optional(value) {
      if (typeof value !== "boolean") throw new TypeError("a task is optional or not: true or false is needed");
      ownFields(this).optional = value || undefined;
    }
    get frames() { return this.#fields.frames ?? ""; }
    set frames(value) { ownFields(this).frames = trim(value) || undefined; }
    get commands() {
      const { commands } = ownFields(this);
      return areSeen(seenCommands, commands) ? commands : seeCommands(this, list(commands, (fields) => new Command(fields), "commands"));
    }
    set commands(value) { seeCommands(this, list(value, (command) => new Command(givenCommand(command)), "commands")); }
    get dependencies() { return (ownFields(this).dependencies ??= []); }
    set dependencies(value) {
      const tasks = list(value, (task) => givenTask(task) && task, "tasks");
      ownFields(this).dependencies = tasks;
    }
    addCommand(command) {
      const fields = this.#isShared ? ownFields(this) : this.#fields;
      const { commands } = fields;
      if (commands.length >= limits.commands) throw new RangeError(`a task with more than ${limits.commands} commands`);
      const given = givenCommand(command);
      if (commands === NO_COMMANDS) fields.commands = [given]; // V8 would have room for 17 in a list that grows
      else push(commands, anySeen && areSeen(seenCommands, commands) ? new Command(given) : given);
    }
    addDependency(task) {
      givenTask(task);
      const fields = this.#isShared ? ownFields(this) : this.#fields;
      if (fields.dependencies === undefined) fields.dependencies = [task];
      else push(fields.dependencies, task);
    }
    // Not the tasks themselves: in those are others, and so on.
    toJSON() { return assign(fieldsOf(this), { dependencies: mapped(this.#fields.dependencies ?? [], idOfTask) }); }

    static {
      givenTask = (value) => {
        try {
          return value.#fields;
        } catch {
          throw argumentError(0, "a task");
        }
      };
      shownTask = (value) => {
        try {
          return value.#fields;
        } catch {
          throw new TypeError("something in job.tasks is not a task");
        }
      };
      // The fields, to be changed.
      ownFields = (task) => {
        if (task.#isShared) task.#fields = copyOfFields(task.#fields);
        task.#isShared = false;
        return task.#fields;
      };
      seeCommands = (task, commands) => {
        addSeen(seenCommands, commands);
        anySeen = true;
        return (ownFields(task).commands = commands);
      };
      taskOfJob = (fields) => {
        const task = new Task(fields);
        task.#isShared = true;
        return task;
      };
      // The fields, for one more task: whichever of them is changed first gets its own.
      sharedTask = (value) => {
        const fields = givenTask(value);
        value.#isShared = true;
        return fields;
      };
    }
  }

  class Storage {
    #checkout;

    constructor(checkout) {
      this.#checkout = checkout;
      showFields(this);
    }

    get shamanCheckoutID() { return this.#checkout; }
    set shamanCheckoutID(value) { this.#checkout = toText(value); }

    static {
      checkoutOf = (storage) => storage.#checkout;
    }
  }

  const MAX_WAITS = 100;
  const MAX_OFFSET = 1000000;

  // One of `names`; the first where nothing is said.
  function oneOf(value, names, what) {
    if (value === undefined || value === null) return names[0];
    for (let i = 0; i < names.length; i++) if (names[i] === value) return value;
    throw new TypeError(`job.dependsOn: ${what} is ${joinArray(names, " or ")}`);
  }

  function offsetOf(value) {
    const ends = isArray(value) ? value : [value ?? 0, value ?? 0];
    let isOffset = ends.length === 2 && ends[0] <= ends[1];
    for (let i = 0; i < ends.length; i++) isOffset = isOffset && isInteger(ends[i]) && abs(ends[i]) <= MAX_OFFSET;
    if (!isOffset) throw new TypeError("job.dependsOn: offset is a whole number, or a list of two, the smaller one first");
    return [ends[0], ends[1]];
  }

  function waitOf(id, how) {
    const names = keys(how);
    for (let i = 0; i < names.length; i++) oneOf(names[i], ["kind", "when", "offset"], "what the second argument has");
    return {
      job: stored(trim(id)),
      kind: oneOf(how.kind, ["all", "frames"], "kind"),
      when: oneOf(how.when, ["completed", "ended"], "when"),
      offset: offsetOf(how.offset),
    };
  }

  function previewOf(frames, how) {
    const names = keys(how);
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== "then" && names[i] !== "continueAfter") {
        throw new TypeError("job.previewFrames: what the second argument has is then or continueAfter");
      }
    }
    return {
      frames: stored(frames),
      then: stored(toText(how.then ?? "")),
      continue_after: stored(toText(how.continueAfter ?? "")),
    };
  }

  const MAX_WORKERS_NAMED = 200;

  // The texts `given`, each of a worker or tag, are added to those that are there.
  function nameWorkers(there, given, what) {
    for (let i = 0; i < given.length; i++) {
      if (there.length >= MAX_WORKERS_NAMED) throw new RangeError(`a job that names more than ${MAX_WORKERS_NAMED} workers`);
      const text = trim(given[i]);
      if (text === "") throw new TypeError(`job.${what}: the name or ID of a worker is needed, or "tag:" and a name`);
      push(there, stored(text));
    }
  }

  class Job {
    #id;
    #name;
    #type;
    #priority;
    #tag;
    #status = "under-construction";
    #created;
    #settings;
    #metadata;
    #variables = {};
    #waits = []; // for which jobs it waits, and how
    #order = ""; // in which its frames come
    #preview = null; // what is looked at first
    #allowed = []; // the workers that it is for alone
    #denied = [];
    #storage;
    #added = []; // of each task its fields
    #shown = null; // the tasks as a script has seen them, in place of `#added`

    constructor(given) {
      this.#id = given.id;
      this.#name = given.name;
      this.#type = given.type;
      this.#priority = given.priority;
      this.#tag = given.worker_tag;
      this.#created = new Moment(given.created_ms);
      this.#settings = given.settings;
      this.#metadata = given.metadata;
      this.#storage = new Storage(given.shaman_checkout_id);
      showFields(this);
    }

    get jobID() { return this.#id; }
    set jobID(value) { this.#id = toText(value); }
    get name() { return this.#name; }
    set name(value) { this.#name = toText(value); }
    get jobType() { return this.#type; }
    set jobType(value) { this.#type = toText(value); }
    get priority() { return this.#priority; }
    set priority(value) { this.#priority = toInt(value); }
    get workerTagUUID() { return this.#tag; }
    set workerTagUUID(value) { this.#tag = toText(value); }
    get status() { return this.#status; }
    set status(value) { this.#status = toText(value); }
    get created() { return this.#created; }
    set created(value) { this.#created = new Moment(timestamp(value)); }
    get settings() { return this.#settings; }
    set settings(value) { this.#settings = object(value, "settings") ?? {}; }
    get metadata() { return this.#metadata; }
    set metadata(value) { this.#metadata = object(value, "metadata") ?? {}; }
    get variables() { return this.#variables; }
    set variables(value) { this.#variables = object(value, "variables") ?? {}; }
    get storage() { return this.#storage; }
    get tasks() { return (this.#shown ??= list(this.#added, taskOfJob, "tasks")); }
    set tasks(value) { this.#shown = list(value, (task) => taskOfJob(sharedTask(task)), "tasks"); }
    dependsOn(id, how) {
      if (this.#waits.length >= MAX_WAITS) throw new RangeError(`a job that waits for more than ${MAX_WAITS} others`);
      push(this.#waits, waitOf(toText(id), object(how, "how a job depends on another") ?? {}));
    }
    orderFrames(order) {
      this.#order = toText(order);
    }
    previewFrames(frames, how) {
      this.#preview = previewOf(toText(frames), object(how, "how a preview goes on") ?? {});
    }
    allowWorkers(...workers) { nameWorkers(this.#allowed, workers, "allowWorkers"); }
    denyWorkers(...workers) { nameWorkers(this.#denied, workers, "denyWorkers"); }
    addTask(task) {
      const tasks = this.#shown ?? this.#added;
      if (tasks.length >= limits.tasks) throw new RangeError(`a job with more than ${limits.tasks} tasks`);
      const fields = sharedTask(task);
      push(tasks, this.#shown === null ? fields : taskOfJob(fields));
    }

    static {
      jobRecord = (job) => {
        let settings;
        try {
          settings = stored(job.#settings);
        } catch (error) {
          throw new TypeError(`job.settings: ${error.message}`);
        }
        const metadata = texts(job.#metadata);
        const variables = texts(job.#variables);
        const task_count = (job.#shown ?? job.#added).length;
        if (task_count > limits.tasks) throw new RangeError(`a job with more than ${limits.tasks} tasks`);
        return {
          id: stored(job.#id),
          name: stored(job.#name),
          type: stored(job.#type),
          priority: job.#priority,
          created_ms: getTime(job.#created),
          worker_tag: stored(job.#tag),
          shaman_checkout_id: stored(checkoutOf(job.#storage)),
          settings,
          metadata,
          variables,
          depends_on: job.#waits,
          frame_order: stored(job.#order),
          preview: job.#preview,
          workers: { allowed: job.#allowed, denied: job.#denied },
          task_count,
        };
      };
      const recordAt = (job, at) => {
        const fields = job.#shown === null ? job.#added[at] : shownTask(job.#shown[at]);
        return anySeen || fields.dependencies !== undefined ? named("task", fields, taskWritten) : fields;
      };
      // How many of the next tasks, up to `end`, are together as long as a list may be, if those that nobody looks at are
      // as long as the last one somebody did. At least one is.
      const howMany = (job, end) => {
        const most = min(MOST_IN_SLICE, end - tasksWritten);
        let room = SLICE;
        for (let i = 0; i < most; i += LOOK_EVERY) {
          const length = lengthOf(recordAt(job, tasksWritten + i));
          if (length * LOOK_EVERY >= room) return min(most, i + max(i === 0 ? 1 : 0, trunc(room / length)));
          room -= length * LOOK_EVERY;
        }
        return most;
      };
      // The JSON text of a list of the next tasks, up to `end`; an empty one where a text in them cannot be stored.
      nextTasks = (job, end) => {
        const records = [];
        for (let left = howMany(job, end); left > 0; left--) push(records, recordAt(job, tasksWritten++));
        refuseTampering(); // getters of the script may have run
        const text = stringify(records);
        // Where it is short, and has no half characters, which are written as \\ud…, so are all texts in it: one look at
        // it instead of one at each of them.
        if (text.length <= limits.string && indexOf(text, "\\ud") < 0) return text;
        for (let i = 0; i < records.length; i++) named("task", records[i], checkNames);
        try {
          for (let i = 0; i < records.length; i++) named("task", records[i], checkParameters);
        } catch (error) {
          refuseText(error);
          return "[]";
        }
        return text;
      };
    }
  }

  // The fields are on the prototypes: visible to for-in, if Flamenco has them, and not to be replaced by scripts.
  for (const { prototype } of [Command, Task, Storage, Job]) {
    const names = [];
    for (const name of ownKeys(prototype)) {
      const descriptor = getOwnPropertyDescriptor(prototype, name);
      if (!descriptor.get || name === "optional" || name === "frames" || name === "variables") continue;
      defineProperty(prototype, name, { __proto__: null, enumerable: true });
      push(names, name);
    }
    deleteProperty(prototype, "constructor"); // which makes of anything what is written
    mapSet(fieldNames, prototype, names);
    setPrototypeOf(prototype, HostObject.prototype); // quicker to make than what extends a class
    freeze(prototype);
  }
  deleteProperty(HostObject.prototype, "constructor");
  freeze(HostObject.prototype);

  // What there is one of per job has its fields itself. Thousands of tasks would take half as long again.
  function showFields(object) {
    const names = namesIn(object);
    for (let i = 0; i < names.length; i++) {
      const descriptor = getOwnPropertyDescriptor(getPrototypeOf(object), names[i]);
      defineProperty(object, names[i], setPrototypeOf(descriptor, null)); // a script may have changed what it inherits
    }
    preventExtensions(object);
  }

  // So the functions that list what an object has are told of the fields of tasks and commands.
  const isHost = (value) => value instanceof HostObject;
  const listing = {
    keys: (value) => (isHost(value) ? copyOfArray(namesIn(value)) : keys(value)),
    values: (value) => valuesOf(isHost(value) ? fieldsOf(value) : value),
    entries: (value) => entriesOf(isHost(value) ? fieldsOf(value) : value),
    hasOwn: (value, name) => hasOwn(value, name) || (isHost(value) && isField(value, name)),
    assign(target, ...sources) {
      for (let i = 0; i < sources.length; i++) assign(target, isHost(sources[i]) ? fieldsOf(sources[i]) : sources[i]);
      return assign(target);
    },
  };
  for (const name of keys(listing)) defineProperty(Object, name, { __proto__: null, value: listing[name] });

  // Identifiers of tasks: random bits from Python, the same for one compilation, and a counter. They are read from JSON,
  // where V8 makes one piece of each, and not two that are joined when they are written, for which it has slower ways.
  const IDS_AT_ONCE = 256;
  let idPrefix = "00000000-0000-4000-8000-";
  let idCount = 0;
  let ids = [];
  const hexDigits = method(Number, "toString");
  const lastDigits = [];
  for (let i = 0; i < IDS_AT_ONCE; i++) push(lastDigits, padStart(hexDigits(i, 16), 2, "0"));
  function newId() {
    const at = idCount % IDS_AT_ONCE;
    if (at === 0) {
      const before = idPrefix + padStart(hexDigits(idCount / IDS_AT_ONCE, 16), 10, "0");
      ids = parse(`["${before}${joinArray(lastDigits, `","${before}`)}"]`);
      lengthOf(latestParameters); // so texts that many commands have are in one piece when tasks are written
    }
    idCount++;
    return ids[at];
  }

  // Most tasks of a job have the type that another one had before.
  let typeGiven = "";
  let typeThen = "";
  let latestParameters = null;

  const author = {
    Task(name, type) {
      const taskName = trim(name);
      if (type !== typeGiven) {
        typeThen = trim(type);
        typeGiven = typeof type === "string" ? type : NaN; // which nothing equals: an object may be another text next time
      }
      if (!taskName) throw new GoError("author.Task(name, type): name is required");
      if (!typeThen) throw new GoError("author.Task(name, type): type is required");
      // Dependencies are tasks, until they are written; what is undefined is not.
      const fields = {
        id: newId(), name: taskName, type: typeThen, priority: 50, commands: NO_COMMANDS,
        dependencies: undefined, frames: undefined, optional: undefined,
      };
      return new Task(fields);
    },
    // Parameters are a plain value, which is never changed, or null.
    Command(name, parameters, totalStepCount) {
      latestParameters = object(parameters, "parameters");
      if (checksAtOnce) checkTexts(latestParameters);
      const steps = totalStepCount === 1 ? 1 : toInt(totalStepCount);
      return new Command({ name: typeof name === "string" ? name : toText(name), parameters: latestParameters, total_step_count: steps });
    },
  };

  // ---------------------------------------------------------------- process, require

  const process = { cwd: () => "", platform: "" };
  const builtin = { __proto__: null, author, path, process };
  let moduleFiles = { __proto__: null }; // path below the job type folders -> text
  const modules = new Map();

  // The file that `target` (a path without leading "./") stands for, by Node's rules, or undefined.
  function moduleFile(target) {
    for (const candidate of [target, `${target}.js`, `${target}.json`]) if (moduleFiles[candidate] !== undefined) return candidate;
    const manifest = moduleFiles[join(target, "package.json")];
    const main = manifest === undefined ? undefined : parse(manifest).main;
    for (const name of main ? [main, `${main}.js`, join(main, "index.js"), "index.js"] : ["index.js"]) {
      if (moduleFiles[join(target, name)] !== undefined) return join(target, name);
    }
    return undefined;
  }

  function resolve(name, folder) {
    if (substring(name, 0, 2) === "./" || substring(name, 0, 3) === "../") return moduleFile(join(folder, name));
    for (;;) {
      const found = moduleFile(join(folder, "node_modules", name));
      if (found !== undefined || folder === ".") return found;
      folder = dirname(folder);
    }
  }

  const requireFrom = (folder) => (given) => {
    const name = toText(given);
    if (builtin[name] !== undefined) return builtin[name];
    const file = resolve(name, folder);
    if (file === undefined) throw new GoError(`require: there is no module ${stringify(name)} in the job type folders`);
    if (mapGet(modules, file) === undefined) load(file);
    return mapGet(modules, file).exports;
  };

  // A first line for Unix shells is none for JavaScript, where it does not come first.
  const withoutHashbang = (text) => (substring(text, 0, 2) === "#!" ? `//${substring(text, 2)}` : text);

  function load(file) {
    const module = { exports: {} };
    mapSet(modules, file, module); // before it runs: modules may require each other
    const text = moduleFiles[file];
    const isJSON = substring(file, file.length - 5) === ".json";
    const program = `(function (exports, require, module) {${withoutHashbang(text)}\n})\n//# sourceURL=${encodeURIComponent(file)}`;
    let value;
    try {
      value = isJSON ? parse(text) : indirectEval(program);
    } catch (error) {
      throw new SyntaxError(`${file}: ${error.message}`); // V8 does not say which text it could not read
    }
    if (isJSON) module.exports = value;
    else apply(value, module.exports, [module.exports, requireFrom(dirname(file)), module]);
  }

  // ---------------------------------------------------------------- the ways in

  function start(input) {
    const given = parse(input);
    limits = given.limits;
    bytes?.limit(limits.memory_mb);
    zone = given.zone;
    idPrefix = given.id_prefix;
    for (const file of keys(given.modules)) moduleFiles[file] = given.modules[file];
    process.platform = given.platform;
    process.cwd = () => given.cwd;
  }

  // What makes the value that comes out of a run. Called in an evaluation of its own, and so after the promises' jobs.
  let outcome;
  let made;
  let job = null; // that of which tasks are to be written

  // What the script declares: {"job_type": …} or {"job_type": null} where it does not; "compiles" says whether it has
  // a compileJob function.
  function describe() {
    refuseTampering();
    const declared = typeof JOB_TYPE === "object" && JOB_TYPE !== null && !isArray(JOB_TYPE) ? stored(JOB_TYPE) : null;
    outcome = () => ({ job_type: declared, compiles: typeof compileJob === "function" });
  }

  // Runs compileJob; what comes out is the job, or null where the script has no such function.
  function compile(input) {
    outcome = () => null;
    if (typeof compileJob !== "function") return;
    runAgain = () => compileJob(new Job(parse(input)));
    const given = new Job(parse(input));
    const returned = compileJob(given);
    outcome = () => {
      job = given;
      return jobRecord(given);
    };
    if (!(returned instanceof Promise)) return;
    const whole = outcome;
    outcome = () => {
      throw new GoError("compileJob waits for a promise that never settles; a job type has nothing but itself to wait for");
    };
    const fail = (reason) => {
      outcome = () => {
        throw reason;
      };
    };
    then(returned, () => { outcome = whole; }, fail);
  }

  // What came out, as JSON text: first lists of tasks, called for each, and last an object with all else.
  function result() {
    if (complaint !== null) throw complaint;
    refuseTampering();
    made ??= outcome();
    if (job !== null && tasksWritten < made.task_count) return nextTasks(job, made.task_count);
    refuseTampering(); // getters of the script ran, and all is written now
    return stringify({ printed, result: made });
  }

  // What lets native code grow without V8's heap limit noticing, runs later, or does nothing here, is not there; typed
  // arrays are where bytes.js has bounded them.
  const bytes = globalThis.__flamenco;
  for (const name of ownKeys(globalThis)) {
    if (!bytes && /^(Big)?(Int|Uint|Float)\d+(Clamped)?Array$|^(ArrayBuffer|DataView)$/.test(String(name))) deleteProperty(globalThis, name);
    if (/^(SharedArrayBuffer|Atomics|WebAssembly|WeakRef|FinalizationRegistry|console)$/.test(String(name))) {
      deleteProperty(globalThis, name);
    }
  }
  globalThis.setTimeout = globalThis.clearTimeout = globalThis.__timer_manager = undefined;

  const globals = {
    alert: (...values) => printLine(true, values),
    author,
    formatTimestampLocal,
    frameChunker,
    frameCount,
    path,
    print: (...values) => printLine(false, values),
    process,
    require: requireFrom("."),
    shellSplit,
  };
  for (const name of keys(globals)) {
    defineProperty(globalThis, name, { __proto__: null, value: globals[name], writable: true, configurable: true });
  }
  // Once through all that most scripts use, while nobody waits for it: V8 compiles functions when they are first called.
  // Nothing of it can be seen afterwards.
  function rehearse() {
    const rehearsed = new Job(parse(stringify({ id: "", name: "", type: "", priority: 50, created_ms: 0, worker_tag: "", shaman_checkout_id: "", settings: {}, metadata: {} })));
    const last = author.Task("last", "type");
    for (let i = 0; i < 2; i++) {
      const task = author.Task("task", "type");
      const [chunk] = frameChunker("1-4, 8", 4);
      task.addCommand(author.Command("name", { text: path.join("a", path.basename("b")), chunk, list: ["c", i, true, null, [{}]] }, frameCount(chunk)));
      rehearsed.addTask(task);
      last.addDependency(task);
    }
    rehearsed.addTask(last);
    rehearsed.settings.time = formatTimestampLocal(rehearsed.created) + path.dirname("a/b") + path.stem("a.b");
    stringify({ printed, result: jobRecord(rehearsed) });
    nextTasks(rehearsed, 3);
    refuseTampering();
    tasksWritten = idCount = 0;
  }
  if (!bytes) rehearse(); // somebody waits for a context with typed arrays

  const entries = freeze({ __proto__: null, start, describe, compile, result, printed: () => stringify(printed) });
  defineProperty(globalThis, "__flamenco", { __proto__: null, value: entries });
})();
