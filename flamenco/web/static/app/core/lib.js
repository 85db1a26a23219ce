/** What everything here is written with: elements as templates, state as signals. */

import htm from "../../vendor/htm.js";
import { h } from "../../vendor/preact.js";

export { useEffect, useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/hooks.js";
export { Fragment, render } from "../../vendor/preact.js";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from "../../vendor/signals.js";

/** @typedef {import("../../vendor/preact.js").ComponentChildren} Children */
/** @typedef {import("../../vendor/preact.js").VNode<any>} Element */
/**
 * @template T
 * @typedef {import("../../vendor/signals.js").Signal<T>} Signal
 */

/** @type {(strings: TemplateStringsArray, ...values: any[]) => Element} */
export const html = /** @type {any} */ (htm.bind(/** @type {any} */ (h)));
