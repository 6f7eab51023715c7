/**
 * Types of Tradewind's HTTP API in the shape openapi-typescript gives.
 * Written by hand until crates/serve/openapi.json exists; then `npm run generate` replaces this file.
 */

export interface paths {
  "/v1/stores": {
    get: operations["list_stores"];
  };
  "/v1/views/{name}": {
    get: operations["read_view"];
  };
  "/v1/live": {
    get: operations["live"];
  };
}

export interface components {
  schemas: {
    ErrorBody: {
      error: components["schemas"]["ApiError"];
    };
    ApiError: {
      code: string;
      message: string;
      hint?: string | null;
    };
    StoreList: {
      stores: components["schemas"]["Store"][];
    };
    Store: {
      store_id: string;
      name: string;
      /** @description IANA name, e.g. Europe/Berlin */
      timezone: string;
      /** @description ISO 4217 code */
      currency: string;
      /** Format: date-time */
      first_event?: string | null;
      /** Format: date-time */
      newest_event?: string | null;
      events: number;
    };
    /** @description What every view answers around its `data` and `previous` */
    ViewEnvelope: {
      view: string;
      store: string;
      /** Format: date-time */
      from: string;
      /** Format: date-time */
      to: string;
      /** Format: date-time */
      previous_from?: string | null;
      /** Format: date-time */
      previous_to?: string | null;
      timezone: string;
      currency: string;
      /** Format: date-time */
      watermark?: string | null;
      stale: boolean;
    };
    /** @description A decimal in the store's currency, at most 4 fraction digits */
    Money: string;
    Overview: {
      events: number;
      views: number;
      visitors: number;
      active_visitors: number;
      sessions: number;
      orders: number;
      units: number;
      gross: components["schemas"]["Money"];
      discounts: components["schemas"]["Money"];
      refunds: components["schemas"]["Money"];
      net_revenue: components["schemas"]["Money"];
      cost: components["schemas"]["Money"];
      profit: components["schemas"]["Money"];
      margin?: number | null;
      average_order_value?: components["schemas"]["Money"] | null;
      conversion_rate?: number | null;
    };
    Sales: {
      interval_s: number;
      points: components["schemas"]["SalesPoint"][];
    };
    SalesPoint: {
      /** Format: date-time */
      time: string;
      orders: number;
      units: number;
      gross: components["schemas"]["Money"];
      discounts: components["schemas"]["Money"];
      refunds: components["schemas"]["Money"];
      net_revenue: components["schemas"]["Money"];
      cost: components["schemas"]["Money"];
      profit: components["schemas"]["Money"];
    };
    Throughput: {
      events_per_second: number;
      points: components["schemas"]["ThroughputPoint"][];
    };
    ThroughputPoint: {
      /** Format: date-time */
      time: string;
      events: number;
    };
    Funnel: {
      steps: components["schemas"]["FunnelStep"][];
    };
    FunnelStep: {
      /** @enum {string} */
      step: "view" | "cart" | "checkout" | "purchase";
      sessions: number;
      visitors: number;
      events: number;
      of_first?: number | null;
      of_previous?: number | null;
    };
    Ranking: {
      rows: components["schemas"]["RankingRow"][];
      total_rows: number;
    };
    RankingRow: {
      key: string;
      name?: string | null;
      category?: string | null;
      brand?: string | null;
      country?: string | null;
      lat?: number | null;
      lon?: number | null;
      views: number;
      carts: number;
      orders: number;
      units: number;
      revenue: components["schemas"]["Money"];
      cost: components["schemas"]["Money"];
      profit: components["schemas"]["Money"];
    };
    Orders: {
      rows: components["schemas"]["OrderRow"][];
    };
    OrderRow: {
      order_id: string;
      /** Format: date-time */
      time: string;
      user_id?: string | null;
      visitor?: string | null;
      city?: string | null;
      items: number;
      total: components["schemas"]["Money"];
      net: components["schemas"]["Money"];
      /** @enum {string} */
      status: "completed" | "fulfilled" | "cancelled" | "partially_refunded" | "refunded";
      payment_method?: string | null;
    };
    Carts: {
      open: number;
      abandoned: number;
      recovered: number;
      converted: number;
      abandoned_value: components["schemas"]["Money"];
      recovered_value: components["schemas"]["Money"];
      rows: components["schemas"]["CartRow"][];
    };
    CartRow: {
      cart_id: string;
      visitor?: string | null;
      /** Format: date-time */
      last_activity: string;
      items: number;
      value: components["schemas"]["Money"];
      last_step?: string | null;
      status: string;
    };
    LiveStatus: {
      events_per_second: number;
      lag_ms: number;
    };
  };
}

export interface operations {
  list_stores: {
    responses: {
      200: { content: { "application/json": components["schemas"]["StoreList"] } };
      401: { content: { "application/json": components["schemas"]["ErrorBody"] } };
    };
  };
  read_view: {
    parameters: {
      path: { name: string };
      query: {
        store: string;
        window?: "5m" | "1h" | "24h" | "7d" | "30d";
        from?: string;
        to?: string;
        interval?: "1m" | "5m" | "1h" | "1d";
        compare?: "previous";
        limit?: number;
      };
    };
    responses: {
      200: { content: { "application/json": components["schemas"]["ViewEnvelope"] } };
      401: { content: { "application/json": components["schemas"]["ErrorBody"] } };
      404: { content: { "application/json": components["schemas"]["ErrorBody"] } };
    };
  };
  live: {
    parameters: {
      query: {
        store: string;
        views: string;
        window?: "5m" | "1h" | "24h" | "7d" | "30d";
        compare?: "previous";
      };
    };
    responses: {
      200: { content: { "text/event-stream": string } };
      401: { content: { "application/json": components["schemas"]["ErrorBody"] } };
    };
  };
}
