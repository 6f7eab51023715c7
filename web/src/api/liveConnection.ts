// One live connection: server-sent events with reconnect, a heartbeat watch, and plain requests where the stream is silent.
import { ApiFailure, fetchStores, fetchView, isViewResponse, liveAddress } from "./client";
import type { LiveAction } from "./liveState";
import type { LiveStatus, Selection, ViewName } from "./types";
import { VIEW_NAMES } from "./types";

const FLUSH_MS = 200;
/** The server beats every second; this much silence means the connection is dead even if the socket is not. */
const SILENCE_MS = 10_000;
const SNAPSHOT_PATIENCE_MS = 5_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 15_000;

/** How long to wait before attempt number `attempt` (0 = first retry). */
export function retryDelay(attempt: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt);
}

function decode(event: MessageEvent): unknown {
  try {
    return JSON.parse(String(event.data)) as unknown;
  } catch {
    return null;
  }
}

function isStatus(value: unknown): value is LiveStatus {
  return typeof value === "object" && value !== null && "events_per_second" in value && "lag_ms" in value;
}

export interface LiveConnection {
  /** Ask for one view again by a plain request (the "Try again" of a card). */
  reload(view: ViewName): void;
  close(): void;
}

export function openLiveConnection(selection: Selection, dispatch: (action: LiveAction) => void): LiveConnection {
  const abort = new AbortController();
  let source: EventSource | null = null;
  let attempt = 0;
  let lastHeard = Date.now();
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let patienceTimer: ReturnType<typeof setTimeout> | undefined;
  let flushTimer: ReturnType<typeof setTimeout> | undefined;
  let queue: LiveAction[] = [];
  let missing = new Set<ViewName>(VIEW_NAMES);

  const flush = () => {
    flushTimer = undefined;
    const actions = queue;
    queue = [];
    if (actions.length > 0 && !abort.signal.aborted) dispatch({ type: "batch", actions });
  };
  const enqueue = (action: LiveAction) => {
    queue.push(action);
    flushTimer ??= setTimeout(flush, FLUSH_MS);
  };

  const load = async (view: ViewName) => {
    try {
      const response = await fetchView(view, selection, abort.signal);
      enqueue({ type: "view", response });
    } catch (failure) {
      if (abort.signal.aborted || !(failure instanceof ApiFailure)) return;
      if (failure.unauthorized) enqueue({ type: "unauthorized" });
      else enqueue({ type: "viewFailed", view, error: failure.error });
    }
  };
  const loadMissing = () => {
    for (const view of missing) void load(view);
  };

  const heardView = (event: MessageEvent) => {
    lastHeard = Date.now();
    const value = decode(event);
    if (!isViewResponse(value) || value.store !== selection.store) return;
    missing.delete(value.view);
    enqueue({ type: "view", response: value });
  };
  const heardStatus = (event: MessageEvent) => {
    lastHeard = Date.now();
    const value = decode(event);
    if (isStatus(value)) enqueue({ type: "status", status: value });
  };

  const retryLater = () => {
    clearTimeout(retryTimer);
    retryTimer = setTimeout(connect, retryDelay(attempt));
    attempt += 1;
  };

  /** A closed stream does not say why: a plain request does. */
  const explainLoss = async () => {
    try {
      await fetchStores(abort.signal);
      missing = new Set(VIEW_NAMES);
      loadMissing();
    } catch (failure) {
      if (abort.signal.aborted || !(failure instanceof ApiFailure)) return;
      if (failure.unauthorized) {
        enqueue({ type: "unauthorized" });
        return;
      }
      for (const view of VIEW_NAMES) enqueue({ type: "viewFailed", view, error: failure.error });
    }
    if (!abort.signal.aborted) retryLater();
  };

  const lost = () => {
    enqueue({ type: "lost" });
    clearTimeout(patienceTimer);
    source?.close();
    source = null;
    void explainLoss();
  };

  function connect() {
    missing = new Set(VIEW_NAMES);
    lastHeard = Date.now();
    const opened = new EventSource(liveAddress(selection));
    source = opened;
    opened.onopen = () => {
      attempt = 0;
      lastHeard = Date.now();
      enqueue({ type: "opened" });
      clearTimeout(patienceTimer);
      patienceTimer = setTimeout(loadMissing, SNAPSHOT_PATIENCE_MS);
    };
    opened.onerror = () => {
      if (source === opened) lost();
    };
    opened.addEventListener("snapshot", heardView);
    opened.addEventListener("change", heardView);
    opened.addEventListener("status", heardStatus);
  }

  const watch = setInterval(() => {
    if (source !== null && Date.now() - lastHeard > SILENCE_MS) lost();
  }, 1_000);

  connect();

  return {
    reload: (view) => void load(view),
    close: () => {
      abort.abort();
      source?.close();
      source = null;
      clearInterval(watch);
      clearTimeout(retryTimer);
      clearTimeout(patienceTimer);
      clearTimeout(flushTimer);
    },
  };
}
