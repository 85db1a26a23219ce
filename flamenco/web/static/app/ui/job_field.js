/** A field for another job, which is found by a part of its name; what is chosen is its ID. */

import { get } from "../core/api.js";
import { html, useRef, useSignal } from "../core/lib.js";
import { strings } from "../core/strings.js";

/** @typedef {import("../core/types.d.ts").JobRow} JobRow */

const PAUSE_MS = 200;
const OFFERED = 10;

/**
 * The jobs of which a name or an ID has this in it, the newest first.
 * @param {string} text
 * @returns {Promise<JobRow[]>}
 */
const like = async (text) => (await get("x/jobs", { q: text, limit: OFFERED })).jobs;

/**
 * The ID of the one job that a text means: by its ID, the beginning of one, or its name. Throws for any other text.
 * @param {string} text
 */
export async function jobNamed(text) {
  const found = await like(text.trim());
  const called = found.filter(({ id, name }) => id === text.trim().toLowerCase() || name === text.trim());
  const [only, other] = called.length ? called : found;
  if (!only || other) throw new Error(strings.job.waits.which(text));
  return only.id;
}

/** @param {{name: string, label: string, isNeeded?: boolean}} props */
export function JobField({ name, label, isNeeded = false }) {
  const found = useSignal(/** @type {JobRow[]} */ ([]));
  const timer = useRef(0);
  const list = `${name.replaceAll(" ", "-")}-found`;
  /** @param {InputEvent} event */
  const look = (event) => {
    const text = /** @type {HTMLInputElement} */ (event.currentTarget).value.trim();
    clearTimeout(timer.current);
    timer.current = window.setTimeout(async () => {
      // Whoever types an ID needs no offers.
      found.value = text ? await like(text).catch(() => []) : [];
    }, PAUSE_MS);
  };
  return html`<input name=${name} list=${list} maxlength="1000" dir="auto" autocomplete="off" required=${isNeeded} placeholder=${strings.job.waits.other} aria-label=${label} onInput=${look} />
    <datalist id=${list}>${found.value.map((job) => html`<option value=${job.id}>${job.name}</option>`)}</datalist>`;
}
