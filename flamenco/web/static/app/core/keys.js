/** Keys for those who do not reach for the mouse. They rest while somebody types. */

const SEQUENCE_MS = 1000;

/** @typedef {(event: KeyboardEvent) => unknown} Handler one that gives false has nothing to do: others are asked */

/** @type {Map<string, Handler[]>} the newest handler of each key is last, and is asked first */
const handlers = new Map();
let before = "";
let beforeAt = 0;

/**
 * Have `handler` called for a key, such as `c`, `g j` or `Ctrl k`, until the function that this gives is called.
 * @param {string} key
 * @param {Handler} handler
 */
export function onKey(key, handler) {
  handlers.set(key, [...(handlers.get(key) ?? []), handler]);
  return () => {
    handlers.set(
      key,
      (handlers.get(key) ?? []).filter((each) => each !== handler),
    );
  };
}

/**
 * The same for several keys.
 * @param {Record<string, Handler>} keys
 */
export function onKeys(keys) {
  const offs = Object.entries(keys).map(([key, handler]) => onKey(key, handler));
  return () => {
    for (const off of offs) off();
  };
}

/** Listen from now on. */
export function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    const name = nameOf(event);
    if (isTyping(event) && !name.startsWith("Ctrl ") && name !== "Escape") return;
    if (document.querySelector("dialog[open]") && name !== "Ctrl k") return;
    const sequence = event.timeStamp - beforeAt < SEQUENCE_MS ? `${before} ${name}` : "";
    before = name;
    beforeAt = event.timeStamp;
    const found = [...(handlers.get(name) ?? []), ...(handlers.get(sequence) ?? [])];
    if (found.toReversed().some((handler) => handler(event) !== false)) {
      event.preventDefault();
      before = "";
    }
  });
}

/** @param {KeyboardEvent} event */
const nameOf = (event) => (event.ctrlKey || event.metaKey ? `Ctrl ${event.key.toLowerCase()}` : event.key);

/** @param {KeyboardEvent} event */
function isTyping(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const isField = target.matches("input, textarea, select, [contenteditable]");
  return isField && !(target instanceof HTMLInputElement && target.type === "checkbox");
}
