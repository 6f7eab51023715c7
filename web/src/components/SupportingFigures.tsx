// The quiet line under the headline figures: orders, conversion, visitors and what came off the gross.
import type { Overview } from "../api/types";
import { useFormat } from "../format/FormatContext";

export function SupportingFigures({ data, refreshing }: { data: Overview | null; refreshing: boolean }) {
  const format = useFormat();
  const figures: readonly [label: string, value: string | null][] = [
    ["Orders", data && format.count(data.orders)],
    ["Conversion", data && format.rate(data.conversion_rate)],
    ["Visitors", data && format.count(data.visitors)],
    ["Sessions", data && format.count(data.sessions)],
    ["Units", data && format.quantity(data.units)],
    ["Discounts", data && format.money(data.discounts)],
    ["Refunds", data && format.money(data.refunds)],
  ];
  return (
    <dl className={`supporting ${refreshing ? "is-refreshing" : ""}`}>
      {figures.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value ?? "…"}</dd>
        </div>
      ))}
    </dl>
  );
}
