/** Finding anything: jobs, workers, tags, people and projects by name, places, and what can be done here. */

import { get } from "../core/api.js";
import { html, signal, useEffect, useLayoutEffect, useRef, useSignal } from "../core/lib.js";
import { go } from "../core/place.js";
import { addressOf, pluginPages } from "../core/plugin_pages.js";
import { mayAdminister, mayManage, maySubmit } from "../core/session.js";
import { strings } from "../core/strings.js";
import { views } from "./columns_menu.js";
import { Icon } from "./icon.js";
import { Status } from "./status.js";

const PAUSE_MS = 120;

/**
 * @typedef {object} Hit
 * @property {string} icon
 * @property {string} name
 * @property {string} [detail]
 * @property {{kind: "job" | "worker", status: string}} [status]
 * @property {() => void} run
 */

const isOpen = signal(false);
/** @type {import("../core/lib.js").Signal<Hit[]>} what the present view offers besides */
export const offered = signal([]);

/** Open it. */
export const openPalette = () => {
  isOpen.value = true;
};

/** @type {Hit[]} */
const PLACES = [
  { icon: "gauge", name: strings.nav.farm, run: () => go("/") },
  { icon: "list", name: strings.nav.jobs, run: () => go("/jobs") },
  { icon: "server", name: strings.nav.workers, run: () => go("/workers") },
  { icon: "tag", name: strings.nav.tags, run: () => go("/tags") },
  { icon: "send", name: strings.submit.title, run: () => go("/submit") },
  { icon: "monitor", name: strings.nav.wall, run: () => go("/wall") },
  { icon: "trash-2", name: strings.trash.title, run: () => go("/trash") },
  { icon: "user", name: strings.me.title, run: () => go("/me") },
];

/** Those too that are for some people alone, and those of plugins. @returns {Hit[]} */
const places = () => [
  ...PLACES,
  ...(pluginPages.value ?? [])
    .filter((page) => page.listed)
    .map((page) => ({ icon: page.icon, name: page.title, detail: page.plugin, run: () => go(addressOf(page)) })),
  ...(maySubmit.value ? [{ icon: "plug", name: strings.connect.title, run: () => go("/connect") }] : []),
  ...(mayManage.value
    ? [
        { icon: "history", name: strings.audit.title, run: () => go("/audit") },
        { icon: "folder", name: strings.archives.title, run: () => go("/archives") },
      ]
    : []),
  ...(mayAdminister.value
    ? [
        { icon: "users", name: strings.users.title, run: () => go("/users") },
        { icon: "settings", name: strings.settings.title, run: () => go("/settings") },
        { icon: "plug", name: strings.setup.title, run: () => go("/setup") },
      ]
    : []),
];

export function Palette() {
  return isOpen.value ? html`<${Open} />` : null;
}

function Open() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const text = useSignal("");
  const found = useSignal(/** @type {Hit[]} */ ([]));
  const at = useSignal(0);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => look(text.value, found, stop.signal), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text.value]);
  const wanted = text.value.trim().toLowerCase();
  /** @type {Hit[]} */
  const kept = Object.entries(views.value).map(([name, address]) => ({ icon: "eye", name, run: () => go(address) }));
  const fixed = [...offered.value, ...kept, ...places()].filter((hit) => hit.name.toLowerCase().includes(wanted));
  const hits = wanted ? [...found.value, ...fixed] : fixed;
  const chosen = Math.min(at.value, Math.max(0, hits.length - 1));
  const close = () => {
    isOpen.value = false;
  };
  /** @param {Hit | undefined} hit */
  const run = (hit) => {
    if (!hit) return;
    close();
    hit.run();
  };
  return html`<dialog ref=${dialog} class="palette" aria-label=${strings.search.label} onClose=${close}>
    <form
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        run(hits[chosen]);
      }}
    >
      <input
        type="search"
        role="combobox"
        aria-expanded="true"
        aria-controls="hits"
        aria-activedescendant=${hits.length ? `hit-${chosen}` : undefined}
        aria-label=${strings.search.label}
        placeholder=${strings.search.placeholder}
        maxlength="200"
        autofocus
        dir="auto"
        value=${text.value}
        onInput=${(/** @type {any} */ event) => {
          text.value = event.currentTarget.value;
          at.value = 0;
        }}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
          const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (!step) return;
          event.preventDefault();
          at.value = (chosen + step + hits.length) % Math.max(1, hits.length);
        }}
      />
    </form>
    <ul id="hits" role="listbox" aria-label=${strings.search.label}>
      ${hits.map(
        (
          hit,
          index,
        ) => html`<li id=${`hit-${index}`} role="option" aria-selected=${`${index === chosen}`} onClick=${() => run(hit)}>
          <${Icon} name=${hit.icon} /><span dir="auto">${hit.name}</span>
          ${hit.status && html`<${Status} kind=${hit.status.kind} status=${hit.status.status} />`}
          ${hit.detail && html`<small dir="auto">${hit.detail}</small>`}
        </li>`,
      )}
    </ul>
    ${wanted && !hits.length && html`<p class="empty">${strings.search.none}</p>`}
  </dialog>`;
}

/**
 * @param {string} text
 * @param {import("../core/lib.js").Signal<Hit[]>} found
 * @param {AbortSignal} stop
 */
async function look(text, found, stop) {
  const wanted = text.trim();
  if (!wanted) {
    found.value = [];
    return;
  }
  try {
    const answer = await get("x/search", { q: wanted }, stop);
    found.value = hitsIn(answer);
  } catch (_error) {
    if (!stop.aborted) found.value = [];
  }
}

/**
 * @param {any} answer
 * @returns {Hit[]}
 */
function hitsIn(answer) {
  return [
    ...(answer.jobs ?? []).map((/** @type {any} */ job) => ({
      icon: "list",
      name: job.name,
      detail: job.type,
      status: { kind: "job", status: job.status },
      run: () => go(`/jobs/${job.id}`),
    })),
    ...(answer.workers ?? []).map((/** @type {any} */ worker) => ({
      icon: "server",
      name: worker.name,
      status: { kind: "worker", status: worker.status },
      run: () => go(`/workers/${worker.id}`),
    })),
    ...(answer.tags ?? []).map((/** @type {any} */ tag) => ({
      icon: "tag",
      name: tag.name,
      run: () => go(`/jobs?${new URLSearchParams({ tag: tag.id, "tag-name": tag.name })}`),
    })),
    ...named(answer.users, "user", "user"),
    ...named(answer.projects, "project", "folder"),
    ...named(answer.batches, "batch", "folder"),
  ];
}

/**
 * @param {any[] | undefined} found
 * @param {string} filter
 * @param {string} icon
 */
const named = (found, filter, icon) =>
  (found ?? []).map((each) => {
    const name = typeof each === "string" ? each : each.name;
    return { icon, name, run: () => go(`/jobs?${new URLSearchParams({ [filter]: name })}`) };
  });
