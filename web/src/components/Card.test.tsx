// The four faces of a card, rendered to text.
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import type { ViewState } from "../api/liveState";
import { viewResponse } from "../api/testViews";
import { Card } from "./Card";

const nobody = { reload: () => undefined };

function rendered(view: ViewState<"carts"> | Partial<ViewState<"carts">>): string {
  return renderToStaticMarkup(
    <Card
      name="carts"
      area="carts"
      title="Abandoned carts"
      unit="EUR"
      view={{ response: null, error: null, refreshing: false, ...view }}
      isEmpty={({ data }) => data.rows.length === 0}
      emptyMessage="No cart was filled in this window."
      onRetry={nobody.reload}
      picture={({ data }) => <p>{data.rows.length} carts drawn</p>}
      table={() => ({ caption: "Carts", columns: [{ label: "Cart" }], rows: [] })}
    />,
  );
}

function carts(rows: number) {
  return viewResponse("carts", {
    open: 0,
    abandoned: rows,
    recovered: 0,
    converted: 0,
    abandoned_value: "0",
    recovered_value: "0",
    rows: Array.from({ length: rows }, (_, index) => ({
      cart_id: `c${index}`,
      last_activity: "2026-11-21T08:00:00Z",
      items: 1,
      value: "10.0000",
      status: "abandoned",
    })),
  });
}

describe("Card", () => {
  it("always has its title, its units and the table toggle", () => {
    for (const html of [rendered({}), rendered({ response: carts(0) }), rendered({ response: carts(2) })]) {
      expect(html).toContain("Abandoned carts</h2>");
      expect(html).toContain("EUR");
      expect(html).toContain("Show as table: Abandoned carts");
    }
  });

  it("says that it is loading", () => {
    const html = rendered({});
    expect(html).toContain('aria-busy="true"');
    expect(html).toContain("Loading Abandoned carts");
  });

  it("shows an error with its hint and a way to try again", () => {
    const html = rendered({ error: { code: "internal", message: "The view could not be read.", hint: "Look at the log." } });
    expect(html).toContain('role="alert"');
    expect(html).toContain("The view could not be read.");
    expect(html).toContain("Look at the log.");
    expect(html).toContain("Try again");
  });

  it("says why there is nothing to draw", () => {
    const html = rendered({ response: carts(0) });
    expect(html).toContain("No cart was filled in this window.");
    expect(html).not.toContain("carts drawn");
  });

  it("draws what there is, dimmed while a new window loads", () => {
    expect(rendered({ response: carts(2) })).toContain("2 carts drawn");
    expect(rendered({ response: carts(2), refreshing: true })).toContain("is-refreshing");
  });
});
