/** Views that only some people open: each is loaded when somebody does, and says so where that fails. */

import { textOf } from "../core/api.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { strings } from "../core/strings.js";

/** @typedef {(props: any) => any} View */

/**
 * A view that stands for another one until that is here.
 * @param {() => Promise<View>} load
 * @returns {View}
 */
export function later(load) {
  /** @type {View | undefined} */
  let here;
  return function Later(props) {
    const found = useSignal(here ? { view: here } : null);
    const problem = useSignal("");
    const fetch = () =>
      load().then(
        (view) => {
          here = view;
          found.value = { view };
        },
        (error) => {
          problem.value = textOf(error);
        },
      );
    useEffect(() => {
      if (!here) fetch();
    }, []);
    if (found.value) return html`<${found.value.view} ...${props} />`;
    if (!problem.value) return html`<p class="empty" role="status">${strings.list.loading}</p>`;
    return html`<div class="empty" role="alert">
      <h1>${strings.list.failed}</h1>
      <p dir="auto">${problem.value}</p>
      <button onClick=${() => location.reload()}>${strings.connection.reload}</button>
    </div>`;
  };
}
