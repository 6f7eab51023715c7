// Revenue, profit or orders over the window, with the period before as a dashed line.
import { memo, useMemo, useState } from "react";
import type { ViewState } from "../api/liveState";
import type { SalesPoint, ViewName, ViewResponse } from "../api/types";
import { EChart } from "../charts/EChart";
import { lineOption } from "../charts/lineOption";
import { usePalette } from "../charts/palette";
import { tooltipNode } from "../charts/tooltip";
import { useFormat } from "../format/FormatContext";
import { fillGaps } from "../format/series";
import { Card } from "./Card";
import type { TableSpec } from "./DataTable";
import { intervalName } from "./intervalName";
import { SegmentedControl } from "./SegmentedControl";

type Measure = "net_revenue" | "profit" | "orders";

const MEASURES = [
  { value: "net_revenue", label: "Revenue", title: "Net revenue" },
  { value: "profit", label: "Profit", title: "Profit" },
  { value: "orders", label: "Orders", title: "Orders" },
] as const;

const DAY_S = 86_400;

function silent(time: string): SalesPoint {
  const none = "0";
  return { time, orders: 0, units: 0, gross: none, discounts: none, refunds: none, net_revenue: none, cost: none, profit: none };
}

interface Props {
  view: ViewState<"sales">;
  onRetry: (view: ViewName) => void;
}

export const RevenueOverTime = memo(function RevenueOverTime({ view, onRetry }: Props) {
  const format = useFormat();
  const [measure, setMeasure] = useState<Measure>("net_revenue");
  const response = view.response;
  const interval = response === null ? "" : `, per ${intervalName(response.data.interval_s)}`;
  const unit = measure === "orders" ? `Orders${interval}` : `${response?.currency ?? ""}${interval}`;

  const table = ({ data, from, to }: ViewResponse<"sales">): TableSpec => ({
    caption: "Revenue over time",
    columns: [
      { label: "Time" },
      { label: "Net revenue", numeric: true },
      { label: "Profit", numeric: true },
      { label: "Orders", numeric: true },
      { label: "Refunds", numeric: true, wide: true },
    ],
    rows: fillGaps(data.points, data.interval_s, { from, to }, silent)
      .map((point) => ({
        key: point.time,
        cells: [
          data.interval_s >= DAY_S ? format.bucket(point.time, data.interval_s) : format.dateTime(point.time),
          format.money(point.net_revenue, true),
          format.money(point.profit, true),
          format.count(point.orders),
          format.money(point.refunds, true),
        ],
      }))
      .reverse(),
  });

  return (
    <Card
      name="sales"
      area="revenue"
      title="Revenue over time"
      unit={unit}
      view={view}
      isEmpty={({ data }) => data.points.length === 0}
      emptyMessage="No orders in this window."
      onRetry={onRetry}
      table={table}
      controls={<SegmentedControl legend="Measure" segments={MEASURES} value={measure} onChoose={setMeasure} className="small" />}
      picture={(ready) => <RevenueChart response={ready} measure={measure} />}
    />
  );
});

function RevenueChart({ response, measure }: { response: ViewResponse<"sales">; measure: Measure }) {
  const format = useFormat();
  const palette = usePalette();
  const measureName = MEASURES.find((each) => each.value === measure)?.title ?? "";

  const option = useMemo(() => {
    const { data, previous, from, to } = response;
    const points = fillGaps(data.points, data.interval_s, { from, to }, silent);
    const before =
      previous != null && response.previous_from != null && response.previous_to != null
        ? fillGaps(previous.points, previous.interval_s, { from: response.previous_from, to: response.previous_to }, silent)
        : [];
    const write = (point: SalesPoint) => (measure === "orders" ? format.count(point.orders) : format.money(point[measure], true));
    const span = Date.parse(to) - Date.parse(from);
    const several = span > 2 * DAY_S * 1_000;
    const byDay = several && data.interval_s < DAY_S;
    const labels = points.map((point) => format.bucket(point.time, several ? DAY_S : data.interval_s));
    const spec = {
      palette,
      labels,
      values: points.map((point) => Number(point[measure])),
      previous: points.map((_, index) => {
        const point = before[index];
        return point === undefined ? null : Number(point[measure]);
      }),
      tick: measure === "orders" ? format.countTick : format.moneyTick,
      animation: false,
      tooltip: (index: number) => {
        const point = points[index];
        if (point === undefined) return tooltipNode("", []);
        const then = before[index];
        const unfinished = Date.parse(point.time) + data.interval_s * 1_000 > Date.parse(to);
        const when = data.interval_s >= DAY_S ? format.bucket(point.time, DAY_S) : format.dateTime(point.time);
        return tooltipNode(unfinished ? `${when}, so far` : when, [
          { label: measureName, value: write(point), mark: "mark-accent" },
          ...(then === undefined ? [] : [{ label: "Period before", value: write(then), mark: "mark-previous" }]),
        ]);
      },
    };
    // Several days in finer steps: write the day where it begins, in the store's time zone.
    const startsDay = (index: number) => labels[index] !== labels[index - 1] && index > 0;
    return lineOption(byDay ? { ...spec, showLabel: startsDay } : spec);
  }, [response, measure, measureName, palette, format]);

  return (
    <div className="chart-with-legend">
      <EChart option={option} label={`${measureName} over time, line chart`} className="chart-tall" />
      <p className="legend" aria-hidden="true">
        <span>
          <span className="mark mark-accent" />
          This period
        </span>
        {response.previous != null && (
          <span>
            <span className="mark mark-previous" />
            Period before
          </span>
        )}
      </p>
    </div>
  );
}
