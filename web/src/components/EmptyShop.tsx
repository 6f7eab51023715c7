// What a shop without events sees instead of empty charts: the two commands that change that.
import type { Store } from "../api/types";
import { CommandLine } from "./CommandLine";

/** Quotes a value for a POSIX shell. */
function shellWord(value: string): string {
  return /^[\w.-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

export function EmptyShop({ store }: { store: Store }) {
  // One line, so that it is the same event whether it is read as JSON or line by line.
  const event = JSON.stringify({
    type: "product_viewed",
    anonymous_id: "visitor-1",
    session_id: "session-1",
    product: { product_id: "p1", name: "First product", price: "19.99" },
    currency: store.currency,
  });
  const send = [
    `curl -X POST ${window.location.origin}/v1/events`,
    `  -H "Authorization: Bearer $WRITE_KEY"`,
    `  -H "Content-Type: application/json"`,
    `  -d '${event}'`,
  ].join(" \\\n");
  return (
    <section className="start-page" aria-labelledby="empty-shop">
      <h1 id="empty-shop">{store.name === "" ? store.store_id : store.name} has no events yet</h1>
      <p>Send the first one and this page fills by itself, within a second.</p>
      <ol className="start-steps">
        <li>
          <h2>Create a key that may write</h2>
          <p>
            On the server's machine, with the data folder that <code>tradewind serve</code> printed as <code>DATA_FOLDER</code>:
          </p>
          <CommandLine
            name="Create a write key"
            command={`tradewind key create --store ${shellWord(store.store_id)} --kind write --data-dir "$DATA_FOLDER"`}
          />
        </li>
        <li>
          <h2>Send an event</h2>
          <p>
            Put the key into <code>WRITE_KEY</code>, then:
          </p>
          <CommandLine name="Send the first event" command={send} />
        </li>
      </ol>
      <p className="waiting">
        <span className="connection-dot" aria-hidden="true" /> Waiting for the first event
      </p>
    </section>
  );
}
