// The products that sell best in the window, as bars by revenue.
import { memo } from "react";
import type { ViewState } from "../api/liveState";
import type { RankingRow, ViewName } from "../api/types";
import { useFormat } from "../format/FormatContext";
import { Card } from "./Card";
import { HoverTip } from "./HoverTip";
import { howMany, rankingTable, rowName } from "./rankingTable";

const SHOWN = 8;

interface Props {
  view: ViewState<"products">;
  onRetry: (view: ViewName) => void;
}

export const TopProducts = memo(function TopProducts({ view, onRetry }: Props) {
  const format = useFormat();
  const data = view.response?.data;
  const extent = data === undefined ? "" : `, ${howMany(Math.min(SHOWN, data.rows.length), data.total_rows, "products", format)}`;
  return (
    <Card
      name="products"
      area="products"
      title="Top products"
      unit={`Revenue in ${view.response?.currency ?? ""}${extent}`}
      view={view}
      isEmpty={(response) => response.data.rows.length === 0}
      emptyMessage="No products were viewed or bought in this window."
      onRetry={onRetry}
      table={(response) => rankingTable("Top products", "Product", response.data, format)}
      picture={(response) => <ProductBars rows={response.data.rows.slice(0, SHOWN)} />}
    />
  );
});

function ProductBars({ rows }: { rows: readonly RankingRow[] }) {
  const format = useFormat();
  const widest = Math.max(1, ...rows.map((row) => Number(row.revenue)));
  return (
    <ol className="bar-list">
      {rows.map((row) => (
        <li key={row.key} className="has-tip">
          <span className="bar" style={{ width: `${Math.max(0, (Number(row.revenue) / widest) * 100)}%` }} />
          <span className="bar-name">{rowName(row)}</span>
          <span className="bar-extra">{format.quantity(row.units)} sold</span>
          <span className="bar-value">{format.money(row.revenue)}</span>
          <HoverTip
            title={rowName(row)}
            rows={[
              { label: "Views", value: format.count(row.views) },
              { label: "Added to carts", value: format.count(row.carts) },
              { label: "Orders", value: format.count(row.orders) },
              { label: "Profit", value: format.money(row.profit) },
            ]}
          />
        </li>
      ))}
    </ol>
  );
}
