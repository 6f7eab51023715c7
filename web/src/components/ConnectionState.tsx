// Whether the figures are live, and how far behind the shop they are.
import type { Connection } from "../api/liveState";
import type { LiveStatus } from "../api/types";

const WORDS: Record<Connection, string> = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" };

export function ConnectionState({ connection, status }: { connection: Connection; status: LiveStatus | null }) {
  const lag = connection === "live" && status !== null ? `${Math.round(status.lag_ms)} ms behind the shop` : undefined;
  return (
    <span className={`connection connection-${connection}`} title={lag} data-connection={connection}>
      <span className="connection-dot" aria-hidden="true" />
      <span role="status">{WORDS[connection]}</span>
    </span>
  );
}
