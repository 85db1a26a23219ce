/** What a worker does, what is wanted of it, and what people should know about it. */

import { html } from "../core/lib.js";
import { strings } from "../core/strings.js";
import { Icon } from "./icon.js";
import { Status, statusWord } from "./status.js";

/** @param {{worker: import("../core/types.d.ts").WorkerRow}} props */
export const WorkerState = ({ worker }) =>
  html`<${Status} kind="worker" status=${worker.status} />
    ${
      worker.requested &&
      html` <small class="requested">→ ${strings.workers.requested(statusWord("worker", worker.requested.status), worker.requested.is_lazy)}</small>`
    }
    ${worker.warning && html`<span title=${worker.warning}><${Icon} name="triangle-alert" label=${worker.warning} /></span>`}`;
