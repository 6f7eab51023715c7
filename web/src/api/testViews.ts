// Answers of the API for tests: small, complete, with what matters to a test given by it.
import type { Overview, ViewData, ViewName, ViewResponse } from "./types";

export function viewResponse<N extends ViewName>(view: N, data: ViewData[N], rest: Partial<ViewResponse<N>> = {}): ViewResponse<N> {
  return {
    view,
    store: "demo",
    from: "2026-11-20T08:00:00Z",
    to: "2026-11-21T08:00:00Z",
    previous_from: null,
    previous_to: null,
    timezone: "Europe/Berlin",
    currency: "EUR",
    watermark: "2026-11-21T08:00:00Z",
    stale: false,
    data,
    previous: null,
    ...rest,
  };
}

export function overview(figures: Partial<Overview> = {}): Overview {
  return {
    events: 10,
    views: 5,
    visitors: 3,
    active_visitors: 1,
    sessions: 3,
    orders: 1,
    units: 2,
    gross: "100.0000",
    discounts: "0.0000",
    refunds: "0.0000",
    net_revenue: "100.0000",
    cost: "60.0000",
    profit: "40.0000",
    margin: 0.4,
    average_order_value: "100.0000",
    conversion_rate: 0.33,
    ...figures,
  };
}
