// The API's types by the names the page uses. The only module that knows how the generated schema spells them.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Store = Schemas["Store"];
export type ApiError = Schemas["ApiError"];
export type LiveStatus = Schemas["LiveStatus"];
export type Overview = Schemas["Overview"];
export type Sales = Schemas["Sales"];
export type SalesPoint = Schemas["SalesPoint"];
export type Throughput = Schemas["Throughput"];
export type Funnel = Schemas["Funnel"];
export type FunnelStep = Schemas["FunnelStep"];
export type Ranking = Schemas["Ranking"];
export type RankingRow = Schemas["RankingRow"];
export type Orders = Schemas["Orders"];
export type OrderRow = Schemas["OrderRow"];
export type Carts = Schemas["Carts"];
export type CartRow = Schemas["CartRow"];

/** The data of each view the page shows, by the view's name in the API. */
export interface ViewData {
  overview: Overview;
  sales: Sales;
  throughput: Throughput;
  funnel: Funnel;
  products: Ranking;
  categories: Ranking;
  cities: Ranking;
  orders: Orders;
  carts: Carts;
}

export type ViewName = keyof ViewData;

export const VIEW_NAMES: readonly ViewName[] = [
  "overview",
  "sales",
  "throughput",
  "funnel",
  "products",
  "categories",
  "cities",
  "orders",
  "carts",
];

/** What GET /v1/views/NAME answers, and what the live stream carries. */
export type ViewResponse<N extends ViewName> = Omit<Schemas["ViewEnvelope"], "view"> & {
  view: N;
  data: ViewData[N];
  previous?: ViewData[N] | null;
};

export type AnyViewResponse = { [N in ViewName]: ViewResponse<N> }[ViewName];

export type WindowName = "5m" | "1h" | "24h" | "7d" | "30d";

/** What the page is looking at: one store through one window. */
export interface Selection {
  store: string;
  window: WindowName;
}
