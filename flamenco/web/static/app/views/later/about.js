/** What this manager is, to be copied when one asks for help. */

import { html, useSignal } from "../../core/lib.js";
import { href } from "../../core/place.js";
import { strings } from "../../core/strings.js";
import { Fields, Missing, useFetched } from "../../ui/object.js";

const DOCUMENTS = ["/api/v3/openapi3.json", "/api/x/openapi.json"];
const words = strings.settings.about;

/** @typedef {Record<string, string | number | string[]>} Facts */

export function About() {
  const found = /** @type {import("../../ui/object.js").Fetched<Facts>} */ (useFetched("x/about", () => false));
  const isCopied = useSignal(false);
  if (!found.value) return html`<${Missing} of=${found} gone="" />`;
  const facts = Object.entries({ ...found.value, browser: navigator.userAgent }).map(
    ([name, value]) =>
      /** @type {[string, string]} */ ([name, `${Array.isArray(value) ? value.join(", ") || "–" : value}`]),
  );
  const copy = async () => {
    await navigator.clipboard?.writeText(facts.map(([name, value]) => `${name}: ${value}`).join("\n"));
    isCopied.value = true;
  };
  return html`<h2>${words.title}</h2>
    <p>${words.what}</p>
    <${Fields} fields=${facts.map(([name, value]) => [/** @type {Record<string, string>} */ (words.names)[name] ?? name, value])} />
    <p class="buttons"><button class="primary" onClick=${copy}>${isCopied.value ? strings.copied : words.copy}</button></p>
    <p>${words.api} ${DOCUMENTS.map((path) => html`<a data-outside href=${href(path)}><code>${path}</code></a> `)}</p>`;
}
