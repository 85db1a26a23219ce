/** What is around every view: where one can go, search, who one is, and whether the manager is there. */

import { get, isConnected } from "../core/api.js";
import { onKeys } from "../core/keys.js";
import { html, signal, useEffect } from "../core/lib.js";
import { isOld, listen } from "../core/live.js";
import { go, href, place } from "../core/place.js";
import { addressOf, pluginPages } from "../core/plugin_pages.js";
import { viewAt } from "../core/routes.js";
import { theme, turnTheme } from "../core/screen.js";
import { isKnown, mayAdminister, me } from "../core/session.js";
import { strings } from "../core/strings.js";
import { AccountLink, SignIn } from "./account.js";
import { Dialog, KeyList, showKeys } from "./dialog.js";
import { Icon } from "./icon.js";
import { Notices, NoticesButton } from "./notices.js";
import { openPalette, Palette } from "./palette.js";
import { Status } from "./status.js";

const FARM = document.querySelector('meta[name="farm"]')?.getAttribute("content") ?? "Flamenco";

const PLACES = /** @type {const} */ ([
  ["/", strings.nav.farm, "gauge"],
  ["/jobs", strings.nav.jobs, "list"],
  ["/workers", strings.nav.workers, "server"],
  ["/tags", strings.nav.tags, "tag"],
  ["/submit", strings.nav.submit, "send"],
  ["/settings", strings.nav.settings, "settings"],
]);

const GLOBAL_KEYS = {
  "/": () => openPalette(),
  "Ctrl k": () => openPalette(),
  "g j": () => go("/jobs"),
  "g w": () => go("/workers"),
  "g f": () => go("/"),
  "?": () => showKeys(),
};

const farm = signal("unknown");

/** A view for a screen that nobody works at. */
const BARE = "/wall";

/** @param {MouseEvent} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** The whole page. */
export function Shell() {
  useEffect(() => onKeys(GLOBAL_KEYS), []);
  const found = viewAt(place.value.path);
  return html`<div class="shell">
    <a class="skip" href="#main" onClick=${skip}>${strings.nav.skip}</a>
    ${place.value.path !== BARE && html`<${Header} />`}
    ${!isConnected.value && html`<p class="banner" role="alert"><${Icon} name="triangle-alert" />${strings.connection.lost}</p>`}
    ${isOld.value && html`<${Newer} />`}
    ${isKnown.value && !me.value && html`<section class="banner" aria-label=${strings.sign.nobody}>${strings.sign.nobody} <${SignIn} /></section>`}
    <main id="main" tabindex="-1">
      ${found ? html`<${found.view} key=${place.value.path} ...${found.props} />` : html`<h1 class="empty">${strings.notFound}</h1>`}
    </main>
    <${Notices} /><${Dialog} /><${Palette} /><${KeyList} />
  </div>`;
}

/** An old page goes on as it is for as long as one likes: something may be half typed. */
const Newer = () =>
  html`<p class="banner" role="status">
    ${strings.connection.newer} <button onClick=${() => location.reload()}>${strings.connection.reload}</button>
  </p>`;

function Header() {
  const path = place.value.path;
  const listed = (pluginPages.value ?? []).filter((page) => page.listed);
  const ours = PLACES.filter(([to]) => to !== "/settings" || mayAdminister.value);
  const places = [...ours, ...listed.map((page) => [addressOf(page), page.title, page.icon])];
  return html`<header class="top">
    <a class="farm" href=${href("/")} dir="auto">${FARM}</a>
    <nav>
      ${places.map(
        ([to, word, icon]) =>
          html`<a href=${href(to)} aria-current=${(to === "/" ? path === "/" : path.startsWith(to)) ? "page" : undefined}><${Icon} name=${icon} /><span>${word}</span></a>`,
      )}
    </nav>
    <button class="search" onClick=${() => openPalette()}>
      <${Icon} name="search" /><span>${strings.search.label}</span><kbd>/</kbd>
    </button>
    <${FarmWord} />
    <${NoticesButton} />
    <button class="plain" title=${strings.theme[theme.value]} aria-label=${strings.theme[theme.value]} onClick=${turnTheme}>
      <${Icon} name=${{ auto: "monitor", light: "sun", dark: "moon" }[theme.value]} />
    </button>
    <${AccountLink} />
  </header>`;
}

async function look() {
  try {
    farm.value = (await get("v3/status")).status;
  } catch {
    // The banner says that the manager is away.
  }
}

/** The state of the farm in a word. */
function FarmWord() {
  useEffect(() => {
    look();
    return listen(({ events, missed }) => {
      for (const { topic, payload } of events) if (topic === "/status") farm.value = payload.status;
      if (missed) look();
    });
  }, []);
  return html`<${Status} kind="farm" status=${farm.value} />`;
}
