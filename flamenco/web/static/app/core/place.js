/**
 * Where in the page one is: all of it is in the address, so that it can be kept, sent, and come back to.
 *
 * Paths are those below the manager's own address, which may itself be below one of a proxy.
 */

import { signal } from "./lib.js";

/** The path of the manager itself, with a slash at its end. */
export const BASE = new URL(document.baseURI).pathname;

/** @typedef {{path: string, params: URLSearchParams}} Place */

/** @returns {Place} */
function here() {
  return { path: `/${location.pathname.slice(BASE.length)}`, params: new URLSearchParams(location.search) };
}

/** The present place. Read it, and go elsewhere by `go` or `setParams`. */
export const place = signal(here());

/**
 * Go to another place of the page.
 * @param {string} to a path that begins with `/`, maybe with a query
 * @param {{replace?: boolean}} [how] `replace`: going back does not lead here
 */
export function go(to, { replace = false } = {}) {
  const url = BASE + to.replace(/^\//, "");
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  place.value = here();
}

/**
 * The present address with some parameters changed.
 * @param {Record<string, string | string[] | null>} changes null, an empty text or list takes one away
 */
export function withParams(changes) {
  const { path, params } = place.peek();
  const changed = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    changed.delete(name);
    for (const each of [value].flat()) if (each) changed.append(name, each);
  }
  const query = changed.toString();
  return query ? `${path}?${query}` : path;
}

/**
 * Change parameters of the present address.
 * @param {Record<string, string | string[] | null>} changes
 * @param {{replace?: boolean}} [how]
 */
export function setParams(changes, how = { replace: true }) {
  go(withParams(changes), how);
}

/**
 * The address of a place, for a link.
 * @param {string} to
 */
export const href = (to) => BASE + to.replace(/^\//, "");

/** Have links within the page, and the browser's back and forward, lead there without loading it anew. */
export function followLinks() {
  // Once and for all: it was relative to the address that the page was opened with.
  const base = document.querySelector("base");
  if (base) base.href = BASE;
  addEventListener("popstate", () => {
    place.value = here();
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || event.defaultPrevented || event.button || isSpecial(event) || isElsewhere(link)) return;
    event.preventDefault();
    go(link.pathname.slice(BASE.length - 1) + link.search);
  });
}

/** @param {MouseEvent} event */
const isSpecial = (event) => event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;

/** @param {HTMLAnchorElement} link */
const isElsewhere = (link) =>
  link.origin !== location.origin ||
  !link.pathname.startsWith(BASE) ||
  link.hasAttribute("download") ||
  Boolean(link.target) ||
  "outside" in link.dataset;
