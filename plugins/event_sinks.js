/** Whether events get where they should, and what becomes of those that did not: a page that plugins with sinks share. */

import { Copy, Missing, ago, ask, change, complain, exact, html, mayManage, say, useFetched } from "../../ui.js";

/** The state of a sink changes with any event, and by failing, of which there is none: it is looked at again then. */
const always = () => true;

const events = (count) => `${count.toLocaleString()} ${count === 1 ? "event" : "events"}`;

export default function EventSinks() {
  const fetched = useFetched("x/sinks", always);
  if (!fetched.value) return html`<${Missing} of=${fetched} gone="" />`;
  const { sinks } = fetched.value;
  return html`<h1>Event sinks</h1>
    <p>Where events of the farm go. What a sink does not take is tried again, and given up after a while: a dead letter.</p>
    ${!sinks.length && html`<p class="empty">There is no event sink.</p>`}
    <ul class="plain-list">${sinks.map((sink) => html`<${Sink} key=${sink.name} sink=${sink} />`)}</ul>
    <p><button onClick=${fetched.again}>Look again</button></p>
    ${mayManage.value ? html`<${DeadLetters} again=${fetched.again} />` : html`<p>What was not delivered, wranglers see.</p>`}`;
}

const Sink = ({ sink }) => html`<li>
  <strong dir="auto">${sink.name}</strong>
  <span>${sink.waiting ? `${events(sink.waiting)} to be delivered` : "up to date"}</span>
  <span>${sink.dead > 0 && `${sink.dead.toLocaleString()} dead letters`}</span>
  ${
    sink.error &&
    html`<span class="problem" dir="auto">${sink.failures} failures: ${sink.error}; ${sink.retry_at && html`<span title=${exact(sink.retry_at)}>tried again ${ago(sink.retry_at)}</span>`}</span>`
  }
</li>`;

function DeadLetters({ again }) {
  const fetched = useFetched("x/dead-letters", always);
  if (!fetched.value) return html`<${Missing} of=${fetched} gone="" />`;
  const letters = fetched.value.dead_letters;
  const bySink = Map.groupBy(letters, ({ sink }) => sink);
  const looked = () => {
    fetched.again();
    again();
  };
  return html`<section>
    <h2>Dead letters</h2>
    ${!letters.length && html`<p class="empty">Every event was delivered.</p>`}
    ${[...bySink].map(([sink, dead]) => html`<${OfSink} key=${sink} sink=${sink} letters=${dead} again=${looked} />`)}
  </section>`;
}

function OfSink({ sink, letters, again }) {
  const retry = (keys) => act("retry", { sink, ...keys }, "Tried once more", again);
  const discard = async (keys) => {
    const text = ["They are gone for good; the sink never hears of them."];
    if (await ask({ title: `Discard what ${sink} did not take?`, text, yes: "Discard", isDangerous: true }))
      await act("discard", { sink, ...keys }, "Discarded", again);
  };
  return html`<h3 dir="auto">${sink}</h3>
    <p class="actions">
      <button onClick=${() => retry({})}>Try all again</button>
      <button class="danger" onClick=${() => discard({})}>Discard all …</button>
    </p>
    <div class="wide" tabindex="0"><table>
      <thead><tr>${["When", "Topic", "Why", "What", ""].map((title) => (title ? html`<th scope="col">${title}</th>` : html`<td></td>`))}</tr></thead>
      <tbody>
        ${letters.map(
          (letter) => html`<tr key=${letter.key}>
            <td title=${exact(letter.created)}>${ago(letter.created)}</td>
            <td dir="auto">${letter.topic}</td>
            <td dir="auto">${letter.error} (${letter.attempts} attempts)${letter.retry && html` <em>tried once more soon</em>`}</td>
            <td><details><summary>${letter.event_id}</summary><${Copy} text=${JSON.stringify(letter.payload, null, 2)} /></details></td>
            <td>
              <button aria-label=${`Try again: ${letter.event_id}`} onClick=${() => retry({ keys: [letter.key] })}>Try again</button>
              <button class="danger" aria-label=${`Discard …: ${letter.event_id}`} onClick=${() => discard({ keys: [letter.key] })}>Discard …</button>
            </td>
          </tr>`,
        )}
      </tbody>
    </table></div>`;
}

async function act(what, choice, said, again) {
  try {
    const { count } = await change("POST", `x/dead-letters/${what}`, choice);
    say(`${said}: ${count.toLocaleString()}`);
  } catch (error) {
    complain(error);
  }
  again();
}
