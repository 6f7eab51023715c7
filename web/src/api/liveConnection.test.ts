// The live connection against a pretend server: snapshots, loss, reconnect, 401.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openLiveConnection, retryDelay } from "./liveConnection";
import { initialLiveState, liveReducer, type LiveState } from "./liveState";
import { overview, viewResponse } from "./testViews";

class PretendSource extends EventTarget {
  static opened: PretendSource[] = [];
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
    PretendSource.opened.push(this);
  }
  close() {
    this.closed = true;
  }
  say(type: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

let state: LiveState;
let close: () => void;
let answer: () => Response;

function source(): PretendSource {
  const last = PretendSource.opened.at(-1);
  if (last === undefined) throw new Error("no connection was opened");
  return last;
}

beforeEach(() => {
  vi.useFakeTimers();
  PretendSource.opened = [];
  state = initialLiveState();
  answer = () => Response.json({ stores: [] });
  vi.stubGlobal("EventSource", PretendSource);
  vi.stubGlobal("fetch", () => Promise.resolve(answer()));
  const connection = openLiveConnection({ store: "demo", window: "24h" }, (action) => {
    state = liveReducer(state, action);
  });
  close = () => {
    connection.close();
  };
});

afterEach(() => {
  close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("openLiveConnection", () => {
  it("asks for the store, the window and every view", () => {
    expect(source().url).toContain("/v1/live?store=demo&views=overview,sales,");
    expect(source().url).toContain("window=24h&compare=previous");
  });

  it("takes snapshots, and ignores nonsense and other stores", async () => {
    source().onopen?.();
    source().say("snapshot", viewResponse("overview", overview({ orders: 7 })));
    source().say("change", viewResponse("overview", overview({ orders: 9 }), { store: "other" }));
    source().say("change", { view: "something new" });
    await vi.advanceTimersByTimeAsync(300);
    expect(state.connection).toBe("live");
    expect(state.views.overview.response?.data.orders).toBe(7);
  });

  it("reconnects after a loss, and is live again", async () => {
    source().onopen?.();
    const first = source();
    first.onerror?.();
    await vi.advanceTimersByTimeAsync(500);
    expect(state.connection).toBe("reconnecting");
    expect(first.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(PretendSource.opened).toHaveLength(2);
    source().onopen?.();
    await vi.advanceTimersByTimeAsync(300);
    expect(state.connection).toBe("live");
  });

  it("takes silence for a loss", async () => {
    source().onopen?.();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(PretendSource.opened.length).toBeGreaterThan(1);
  });

  it("says so when the session is not known, and stops trying", async () => {
    answer = () => Response.json({ error: { code: "unauthorized", message: "no session" } }, { status: 401 });
    source().onerror?.();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(state.unauthorized).toBe(true);
    expect(PretendSource.opened).toHaveLength(1);
  });

  it("gives a card its error when the server is gone", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
    source().onerror?.();
    await vi.advanceTimersByTimeAsync(500);
    expect(state.views.funnel.error?.code).toBe("unreachable");
  });
});

describe("retryDelay", () => {
  it("doubles up to a bound", () => {
    expect([0, 1, 2, 10].map(retryDelay)).toEqual([1_000, 2_000, 4_000, 15_000]);
  });
});
