/** What a job was submitted with: its settings by the names that its type gives them, and all as it is. */

import { get } from "../core/api.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Fields } from "../ui/object.js";

/** @typedef {{key: string, label?: string, description?: string, visible?: string}} Setting */

/** @param {{job: import("../core/types.d.ts").Job}} props */
export function Settings({ job }) {
  const declared = useSignal(/** @type {Setting[]} */ ([]));
  useEffect(() => {
    // The type may be gone by now; then the names are those of the settings.
    get(`v3/jobs/type/${encodeURIComponent(job.type)}`).then(
      (type) => {
        declared.value = type.settings;
      },
      () => {},
    );
  }, [job.type]);
  const labels = new Map(declared.value.map((setting) => [setting.key, setting.label]));
  return html`<${Fields} fields=${Object.entries(job.settings).map(([key, value]) => [labels.get(key) ?? words(key), shown(value)])} />
    ${
      Object.keys(job.metadata).length > 0 &&
      html`<h2>${strings.job.metadata}</h2><${Fields} fields=${Object.entries(job.metadata)} />`
    }
    <details>
      <summary>${strings.job.raw}</summary>
      <pre dir="auto">${JSON.stringify({ settings: job.settings, metadata: job.metadata }, null, 2)}</pre>
    </details>`;
}

/** @param {string} key */
const words = (key) => key.replaceAll("_", " ").replace(/^./, (first) => first.toUpperCase());

/** @param {unknown} value */
const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
