/** Workers that have registered and are given nothing until somebody has said that they are the studio's own. */

import { ACTIONS, act } from "../core/actions.js";
import { ago } from "../core/format.js";
import { html } from "../core/lib.js";
import { href } from "../core/place.js";
import { mayManage } from "../core/session.js";
import { strings } from "../core/strings.js";
import { ofWorkers, useFetched } from "../ui/object.js";

/** @typedef {import("../core/types.d.ts").WorkerRow} WorkerRow */

const SHOWN = 20;
const words = strings.approvals;

/** Nothing while none waits. */
export function Approvals() {
  const fetched = useFetched(`x/workers?approved=false&sort=-created&limit=${SHOWN}`, ofWorkers);
  const found = /** @type {{workers: WorkerRow[], total: number} | null} */ (fetched.value);
  if (!found?.workers.length) return null;
  const more = found.total - found.workers.length;
  return html`<section class="tile approvals" aria-label=${words.title}>
    <h2>${words.title}</h2>
    <p>${mayManage.value ? words.what : words.others}</p>
    <ul class="plain-list">
      ${found.workers.map((worker) => html`<${Waiting} key=${worker.id} worker=${worker} again=${fetched.again} />`)}
    </ul>
    ${more > 0 && html`<p><a href=${href("/workers?approved=false")}>${words.more(more)}</a></p>`}
  </section>`;
}

/** @param {{worker: WorkerRow, again: () => void}} props */
function Waiting({ worker, again }) {
  const offered = ACTIONS.filter(({ kind, name }) => kind === "workers" && ["approve", "remove"].includes(name));
  /** @param {import("../core/actions.js").Action} action */
  const run = async (action) => {
    await act(action, { ids: [worker.id] }, [worker]);
    again();
  };
  return html`<li>
    <a href=${href(`/workers/${worker.id}`)} dir="auto">${worker.name}</a>
    <span>${worker.address}</span>
    <span dir="auto">${worker.warning}</span>
    <small>${ago(worker.created)}</small>
    ${
      mayManage.value &&
      offered.map(
        (
          action,
        ) => html`<button class=${action.isDangerous ? "danger" : "primary"} aria-label=${`${action.label}: ${worker.name}`} onClick=${() => run(action)}>
          ${action.label}
        </button>`,
      )
    }
  </li>`;
}
