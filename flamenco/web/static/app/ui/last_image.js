/** The image that was rendered last, in all of the farm or in one job, as it comes. */

import { get } from "../core/api.js";
import { html, useEffect, useSignal } from "../core/lib.js";
import { listen } from "../core/live.js";
import { BASE } from "../core/place.js";
import { strings } from "../core/strings.js";

/** @typedef {{base: string, suffixes: string[]}} Thumbnails */

/** @param {{jobId?: string, name?: string}} props */
export function LastImage({ jobId, name }) {
  const images = useSignal(/** @type {Thumbnails | null} */ (null));
  const count = useSignal(0);
  useEffect(() => {
    const path = jobId ? `v3/jobs/${jobId}/last-rendered` : "v3/jobs/last-rendered";
    const topic = jobId ? `/jobs/${jobId}/last-rendered` : "/last-rendered";
    const look = async () => {
      try {
        images.value = await get(path);
      } catch {
        images.value = null;
      }
      count.value += 1;
    };
    look();
    return listen(({ events, missed }) => {
      if (missed || events.some((event) => event.topic === topic)) look();
    });
  }, [jobId]);
  const found = images.value;
  const largest = found?.suffixes?.[0];
  if (!found || !largest) return html`<p class="empty">${strings.job.noImages}</p>`;
  const address = `${BASE}${found.base.replace(/^\//, "")}/${largest}?${count.value}`;
  return html`<p class="image large"><img src=${address} alt=${name ?? strings.farm.lastImage} /></p>`;
}
