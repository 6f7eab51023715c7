// What the page believes after each thing the live stream can tell it.
import { describe, expect, it } from "vitest";
import { initialLiveState, liveReducer, type LiveAction, type LiveState } from "./liveState";
import { overview, viewResponse } from "./testViews";

const after = (...actions: LiveAction[]): LiveState => actions.reduce(liveReducer, initialLiveState());
const seen: LiveAction = { type: "view", response: viewResponse("overview", overview()) };
const failed: LiveAction = { type: "viewFailed", view: "overview", error: { code: "internal", message: "no" } };

describe("liveReducer", () => {
  it("starts connecting, with every view loading", () => {
    const state = initialLiveState();
    expect(state.connection).toBe("connecting");
    expect(Object.values(state.views).every((view) => view.response === null && view.error === null)).toBe(true);
  });

  it("takes a snapshot and replaces it by a change", () => {
    const changed: LiveAction = { type: "view", response: viewResponse("overview", overview({ orders: 2 })) };
    expect(after(seen, changed).views.overview.response?.data.orders).toBe(2);
  });

  it("leaves the other views untouched, so their cards need no redraw", () => {
    const before = initialLiveState();
    expect(liveReducer(before, seen).views.funnel).toBe(before.views.funnel);
  });

  it("is live when opened, reconnecting when lost, and keeps the figures meanwhile", () => {
    const lost = after({ type: "opened" }, seen, { type: "status", status: { events_per_second: 3, lag_ms: 20 } }, { type: "lost" });
    expect(lost.connection).toBe("reconnecting");
    expect(lost.status).toBeNull();
    expect(lost.views.overview.response).not.toBeNull();
    expect(liveReducer(lost, { type: "opened" }).connection).toBe("live");
  });

  it("dims the figures of the window before until the new ones are in", () => {
    const switched = after(seen, { type: "selected", keep: true });
    expect(switched.views.overview).toMatchObject({ refreshing: true, error: null });
    expect(switched.views.funnel.refreshing).toBe(false);
    expect(liveReducer(switched, seen).views.overview.refreshing).toBe(false);
  });

  it("forgets everything when the store changes", () => {
    expect(after(seen, { type: "selected", keep: false }).views.overview.response).toBeNull();
  });

  it("shows a failure only where there is nothing better to show", () => {
    expect(after(failed).views.overview.error?.message).toBe("no");
    expect(after(seen, failed).views.overview.error).toBeNull();
    expect(after(seen, { type: "selected", keep: true }, failed).views.overview).toMatchObject({ response: null, refreshing: false });
  });

  it("heals a failed view with the next answer", () => {
    expect(after(failed, seen).views.overview).toMatchObject({ error: null, refreshing: false });
  });

  it("remembers that the session is not known until a connection opens", () => {
    const out = after({ type: "unauthorized" });
    expect(out.unauthorized).toBe(true);
    expect(liveReducer(out, { type: "opened" }).unauthorized).toBe(false);
  });

  it("applies a batch in order", () => {
    const state = after({ type: "batch", actions: [{ type: "opened" }, failed, seen, { type: "lost" }] });
    expect(state.connection).toBe("reconnecting");
    expect(state.views.overview.error).toBeNull();
  });
});
