/** The state of the farm in a word. */

import { get } from "../core/api.js";
import { html, signal, useEffect } from "../core/lib.js";
import { listen } from "../core/live.js";
import { Status } from "./status.js";

const state = signal("unknown");

async function look() {
  try {
    state.value = (await get("v3/status")).status;
  } catch {
    // The banner says that the manager is away.
  }
}

export function FarmWord() {
  useEffect(() => {
    look();
    return listen(({ events, missed }) => {
      for (const { topic, payload } of events) if (topic === "/status") state.value = payload.status;
      if (missed) look();
    });
  }, []);
  return html`<${Status} kind="farm" status=${state.value} />`;
}
