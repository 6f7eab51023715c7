// Requests and their failures.
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiFailure, fetchStores, fetchView, isViewResponse } from "./client";
import { overview, viewResponse } from "./testViews";

function answering(make: () => Response | Promise<Response>) {
  const asked = vi.fn<(path: string) => Promise<Response>>(() => Promise.resolve().then(make));
  vi.stubGlobal("fetch", asked);
  return asked;
}

async function failureOf(promise: Promise<unknown>): Promise<ApiFailure> {
  const failure: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (failure instanceof ApiFailure) return failure;
  throw new Error("expected an ApiFailure");
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("fetchView", () => {
  it("asks for the view of a store and window, compared with the period before", async () => {
    const asked = answering(() => Response.json(viewResponse("overview", overview())));
    const response = await fetchView("overview", { store: "my shop", window: "7d" });
    expect(response.view).toBe("overview");
    expect(asked.mock.calls[0]?.[0]).toBe("/v1/views/overview?store=my+shop&window=7d&compare=previous");
  });

  it("tells the server's own message and hint, as sentences", async () => {
    answering(() => Response.json({ error: { code: "busy", message: "too many requests", hint: "wait a second" } }, { status: 429 }));
    const failure = await failureOf(fetchView("overview", { store: "s", window: "1h" }));
    expect(failure.status).toBe(429);
    expect(failure.error).toEqual({ code: "busy", message: "Too many requests", hint: "Wait a second" });
  });

  it("survives an error that is not JSON", async () => {
    answering(() => new Response("<html>", { status: 502 }));
    expect((await failureOf(fetchView("overview", { store: "s", window: "1h" }))).error.message).toContain("502");
  });
});

describe("fetchStores", () => {
  it("knows a missing session from a missing server", async () => {
    answering(() => Response.json({ error: { code: "unauthorized", message: "no session" } }, { status: 401 }));
    expect((await failureOf(fetchStores())).unauthorized).toBe(true);
    answering(() => Promise.reject(new TypeError("refused")));
    const failure = await failureOf(fetchStores());
    expect(failure.unauthorized).toBe(false);
    expect(failure.error.code).toBe("unreachable");
  });
});

describe("isViewResponse", () => {
  it("accepts the views of this page only", () => {
    expect(isViewResponse(viewResponse("overview", overview()))).toBe(true);
    expect(isViewResponse({ view: "weather", store: "s", data: {} })).toBe(false);
    expect(isViewResponse({ view: "overview", store: "s", data: null })).toBe(false);
    expect(isViewResponse(null)).toBe(false);
  });
});
