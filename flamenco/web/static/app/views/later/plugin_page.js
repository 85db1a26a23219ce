/** A page that a plugin has brought: its module is loaded here, and what goes wrong in it stays here. */

import { textOf } from "../../core/api.js";
import { html, useEffect, useErrorBoundary, useSignal } from "../../core/lib.js";
import { isOld } from "../../core/live.js";
import { pluginPages } from "../../core/plugin_pages.js";
import { strings } from "../../core/strings.js";
import { useTitle } from "../../ui/title.js";

/** @typedef {import("../../core/plugin_pages.js").PluginPage} Page */

const words = strings.plugins;

/** @param {{plugin: string, path: string}} props */
export function PluginPageView({ plugin, path }) {
  const pages = pluginPages.value;
  if (!pages) return html`<p class="empty" role="status">${strings.list.loading}</p>`;
  const page = pages.find((each) => each.plugin === plugin && each.path === path);
  if (!page) return html`<div class="empty" role="alert"><h1>${words.none}</h1></div>`;
  return html`<${Guarded} key=${page.module} page=${page} />`;
}

/** @param {{page: Page}} props */
function Guarded({ page }) {
  useTitle(page.title);
  const [error] = useErrorBoundary((/** @type {unknown} */ failure) => console.error(failure));
  const found = useSignal(/** @type {{view: (props: any) => any} | null} */ (null));
  const problem = useSignal("");
  useEffect(() => {
    load(page).then(
      (view) => {
        found.value = { view };
      },
      (failure) => {
        problem.value = textOf(failure);
      },
    );
  }, []);
  if (error || problem.value) return html`<${Broken} page=${page} problem=${problem.value || textOf(error)} />`;
  if (!found.value) return html`<p class="empty" role="status">${strings.list.loading}</p>`;
  return html`<article class="object scroll" tabindex="0"><${found.value.view} page=${page} /></article>`;
}

/** @param {Page} page */
async function load(page) {
  // It would get the parts of the newer page, which know nothing of this one.
  if (isOld.peek()) throw new Error(strings.connection.newer);
  const module = await import(new URL(page.module, document.baseURI).href);
  if (typeof module.default !== "function") throw new Error(words.noComponent);
  return module.default;
}

/** @param {{page: Page, problem: string}} props */
const Broken = ({ page, problem }) =>
  html`<div class="empty" role="alert">
    <h1 dir="auto">${page.title}</h1>
    <p>${words.broken(page.plugin)}</p>
    <p class="problem" dir="auto">${problem}</p>
    <button onClick=${() => location.reload()}>${strings.connection.reload}</button>
  </div>`;
