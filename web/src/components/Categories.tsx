// Revenue by category as a ring with its legend. Categories beyond the colours are drawn grey, one by one: nothing is added up here.
import { memo, useMemo } from "react";
import type { ViewState } from "../api/liveState";
import type { Ranking, ViewName } from "../api/types";
import { EChart } from "../charts/EChart";
import type { ChartOption } from "../charts/echarts";
import { SERIES_COUNT, usePalette } from "../charts/palette";
import { hoveredIndex, TOOLTIP_FRAME, tooltipNode } from "../charts/tooltip";
import { useFormat } from "../format/FormatContext";
import { Card } from "./Card";
import { rankingTable, rowName } from "./rankingTable";

const REDRAW_MS = 1_000;

interface Props {
  view: ViewState<"categories">;
  onRetry: (view: ViewName) => void;
}

export const Categories = memo(function Categories({ view, onRetry }: Props) {
  const format = useFormat();
  return (
    <Card
      name="categories"
      area="categories"
      title="Categories"
      unit={`Revenue in ${view.response?.currency ?? ""}`}
      view={view}
      isEmpty={({ data }) => data.rows.length === 0}
      emptyMessage="No category was viewed or bought in this window."
      onRetry={onRetry}
      table={({ data }) => rankingTable("Categories", "Category", data, format)}
      picture={({ data }) => <CategoryRing ranking={data} />}
    />
  );
});

function CategoryRing({ ranking }: { ranking: Ranking }) {
  const format = useFormat();
  const palette = usePalette();
  const { rows, total_rows: total } = ranking;
  // By name and not by rank, so that a category keeps its colour when it overtakes another.
  const coloured = useMemo(() => rows.slice(0, SERIES_COUNT).map((row) => row.key).sort(), [rows]);

  const option = useMemo<ChartOption>(
    () => ({
      animation: false,
      tooltip: {
        ...TOOLTIP_FRAME,
        trigger: "item",
        formatter: (params: unknown) => {
          const row = rows[hoveredIndex(params)];
          if (row === undefined) return tooltipNode("", []);
          return tooltipNode(rowName(row), [
            { label: "Revenue", value: format.money(row.revenue) },
            { label: "Profit", value: format.money(row.profit) },
            { label: "Orders", value: format.count(row.orders) },
            { label: "Views", value: format.count(row.views) },
          ]);
        },
      },
      series: [
        {
          type: "pie",
          radius: ["66%", "96%"],
          label: { show: false },
          emphasis: { scale: true, scaleSize: 3 },
          itemStyle: { borderColor: palette.surface, borderWidth: 2, borderRadius: 3 },
          data: rows.map((row, index) => ({
            name: rowName(row),
            value: Math.max(0, Number(row.revenue)),
            itemStyle: { color: index < SERIES_COUNT ? palette.series[coloured.indexOf(row.key)] ?? palette.rest : palette.rest },
          })),
        },
      ],
    }),
    [rows, coloured, palette, format],
  );

  const hidden = total - Math.min(rows.length, SERIES_COUNT);
  return (
    <div className="ring">
      <div className="ring-picture">
        <EChart option={option} label="Revenue by category, ring chart" className="chart-square" atMostEveryMs={REDRAW_MS} />
        <p className="ring-middle">
          <strong>{format.count(total)}</strong>
          {total === 1 ? "category" : "categories"}
        </p>
      </div>
      <ul className="ring-legend">
        {rows.slice(0, SERIES_COUNT).map((row) => (
          <li key={row.key}>
            <span className={`mark mark-series-${coloured.indexOf(row.key) + 1}`} />
            <span className="ring-name" title={rowName(row)}>
              {rowName(row)}
            </span>
            <span className="ring-value">{format.money(row.revenue)}</span>
          </li>
        ))}
        {hidden > 0 && (
          <li className="ring-more">
            <span className="mark mark-series-rest" />
            {format.count(hidden)} more
          </li>
        )}
      </ul>
    </div>
  );
}
