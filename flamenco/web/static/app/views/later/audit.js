/** Who changed what, the newest first. The filters, and how far back one looks, are in the address. */

import { exact } from "../../core/format.js";
import { html } from "../../core/lib.js";
import { href, place, setParams, withParams } from "../../core/place.js";
import { isKnown, mayManage } from "../../core/session.js";
import { strings } from "../../core/strings.js";
import { NotForYou } from "../../ui/account.js";
import { FilterField } from "../../ui/filters.js";
import { Missing, never, Rows, useFetched } from "../../ui/object.js";
import { useTitle } from "../../ui/title.js";
import { Difference } from "../../ui/values.js";

/** @typedef {Record<string, unknown> | null} Values */
/**
 * @typedef {{number: number, created: string, who: string, way: string, address: string, operation: string,
 *   kind: string, object_id: string, object_name: string, before: Values, after: Values}} Change
 */

const words = strings.audit;
const SHOWN = 100;
/** How the address has the filters, and how the manager has them. */
const FILTERS = /** @type {const} */ ([
  ["who", "who"],
  ["kind", "kind"],
  ["object", "object-id"],
]);
const LINKS = /** @type {Record<string, string>} */ ({ job: "/jobs/", worker: "/workers/" });

export function Audit() {
  useTitle(words.title);
  if (!isKnown.value) return null;
  return mayManage.value ? html`<${Changes} />` : html`<${NotForYou} title=${words.title} role="wrangler" />`;
}

function Changes() {
  const { params } = place.value;
  const query = new URLSearchParams({ limit: `${SHOWN}` });
  for (const [ours, theirs] of FILTERS) if (params.get(ours)) query.set(theirs, `${params.get(ours)}`);
  if (params.get("before")) query.set("before", `${params.get("before")}`);
  const fetched = useFetched(`x/audit?${query}`, never);
  const found = /** @type {{changes: Change[]} | null} */ (fetched.value);
  const last = found?.changes.at(-1);
  return html`<article class="object scroll audit" tabindex="0">
    <h1>${words.title}</h1>
    <div class="filters">
      ${FILTERS.map(([name]) => html`<${FilterField} key=${name} name=${name} label=${words.filters[name]} />`)}
      <button onClick=${fetched.again}>${words.again}</button>
    </div>
    ${!found || fetched.error ? html`<${Missing} of=${fetched} gone="" />` : html`<${List} changes=${found.changes} />`}
    <p class="actions">
      ${params.has("before") && html`<button onClick=${() => setParams({ before: null }, {})}>${words.newest}</button>`}
      ${
        found?.changes.length === SHOWN &&
        html`<button onClick=${() => setParams({ before: `${last?.number}` }, {})}>${words.earlier}</button>`
      }
    </p>
  </article>`;
}

/** @param {{changes: Change[]}} props */
function List({ changes }) {
  const isFiltered = FILTERS.some(([name]) => place.value.params.has(name));
  if (!changes.length)
    return html`<div class="empty">
      <p>${isFiltered || place.value.params.has("before") ? strings.list.nothing : words.none}</p>
      ${isFiltered && html`<button onClick=${() => setParams({ who: null, kind: null, object: null, before: null })}>${strings.list.clear}</button>`}
    </div>`;
  return html`<${Rows} columns=${words.columns}>${changes.map((change) => html`<${Line} key=${change.number} change=${change} />`)}<//>`;
}

/** A value by which one can look for the like. @param {{name: string, value: string, text?: string}} props */
const By = ({ name, value, text = value }) =>
  value
    ? html`<a href=${href(withParams({ [name]: value, before: null }))} title=${words.like} dir="auto">${text}</a>`
    : text;

/** @param {{change: Change}} props */
function Line({ change }) {
  const { created, who, way, address, operation, kind, object_id: id, object_name: name } = change;
  const to = LINKS[kind];
  return html`<tr>
    <td><time dateTime=${created}>${exact(created)}</time></td>
    <td><${By} name="who" value=${who} /><small dir="auto">${[way, address].filter(Boolean).join(", ")}</small></td>
    <td><code>${operation}</code></td>
    <td>
      <${By} name="kind" value=${kind} /> <bdi class="name">${name}</bdi>
      <small><${By} name="object" value=${id} /></small>
      ${to && id && html`<small><a href=${href(to + id)}>${words.open}</a></small>`}
    </td>
    <td><${Difference} before=${change.before ?? {}} after=${change.after ?? {}} /></td>
  </tr>`;
}
