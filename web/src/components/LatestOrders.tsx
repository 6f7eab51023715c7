// The newest orders, as they come in.
import { memo } from "react";
import type { ViewState } from "../api/liveState";
import type { OrderRow, ViewName } from "../api/types";
import { useFormat } from "../format/FormatContext";
import { NOTHING } from "../format/format";
import { Card } from "./Card";
import { DataTable } from "./DataTable";
import { sentence } from "./stepNames";

const SHOWN = 10;

interface Props {
  view: ViewState<"orders">;
  onRetry: (view: ViewName) => void;
}

const TONE: Record<OrderRow["status"], string> = {
  completed: "good",
  fulfilled: "good",
  cancelled: "bad",
  partially_refunded: "warn",
  refunded: "bad",
};

export const LatestOrders = memo(function LatestOrders({ view, onRetry }: Props) {
  const format = useFormat();
  return (
    <Card
      name="orders"
      area="orders"
      title="Latest orders"
      unit={`Newest first, totals in ${view.response?.currency ?? ""}`}
      view={view}
      isEmpty={({ data }) => data.rows.length === 0}
      emptyMessage="No orders in this window."
      onRetry={onRetry}
      picture={({ data }) => (
        <DataTable
          live
          caption="Latest orders"
          columns={[
            { label: "Order" },
            { label: "Placed", wide: true },
            { label: "City", wide: true },
            { label: "Items", numeric: true, wide: true },
            { label: "Status" },
            { label: "Total", numeric: true },
          ]}
          rows={data.rows.slice(0, SHOWN).map((order) => ({
            key: order.order_id,
            cells: [
              <span className="cell-main" key="id">
                {order.order_id}
                <span className="narrow-only">{format.dateTime(order.time)}</span>
              </span>,
              format.dateTime(order.time),
              order.city ?? NOTHING,
              format.quantity(order.items),
              <span className={`badge badge-${TONE[order.status]}`} key="status">
                {sentence(order.status)}
              </span>,
              format.money(order.total, true),
            ],
          }))}
        />
      )}
    />
  );
});
