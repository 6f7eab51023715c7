// The look of a line over time, shared by revenue and events per second.
import type { LineSeriesOption } from "echarts/charts";
import { labelEvery } from "../format/series";
import type { ChartOption } from "./echarts";
import { fade, type Palette } from "./palette";
import { hoveredIndex, TOOLTIP_FRAME } from "./tooltip";

interface LineChartSpec {
  palette: Palette;
  labels: readonly string[];
  /** Numbers to draw with; text for people is written by `tooltip` and `tick`. */
  values: readonly number[];
  previous?: readonly (number | null)[];
  tick: (value: number) => string;
  tooltip: (index: number) => HTMLElement;
  /** Which labels of the time axis are written; by default about six, evenly. */
  showLabel?: (index: number) => boolean;
  animation: boolean;
  splits?: number;
}

export function lineOption(spec: LineChartSpec): ChartOption {
  const { palette } = spec;
  const every = labelEvery(spec.labels.length, 6);
  const showLabel = spec.showLabel ?? ((index: number) => index % every === 0);
  const shared = { type: "line", symbol: "circle", showSymbol: false, smooth: 0.18, smoothMonotone: "x" } as const;
  const current: LineSeriesOption = {
    ...shared,
    id: "current",
    data: [...spec.values],
    symbolSize: 7,
    z: 3,
    lineStyle: { color: palette.accent, width: 2, cap: "round", join: "round" },
    itemStyle: { color: palette.accent, borderColor: palette.surface, borderWidth: 2 },
    emphasis: { lineStyle: { width: 2 }, scale: false },
    areaStyle: {
      color: {
        type: "linear",
        x: 0,
        y: 0,
        x2: 0,
        y2: 1,
        colorStops: [
          { offset: 0, color: fade(palette.accent, 0.2) },
          { offset: 1, color: fade(palette.accent, 0) },
        ],
      },
    },
  };
  const before: LineSeriesOption = {
    ...shared,
    id: "previous",
    data: [...(spec.previous ?? [])],
    silent: true,
    z: 2,
    lineStyle: { color: palette.faint, width: 1.5, type: [4, 4] },
    itemStyle: { opacity: 0 },
    emphasis: { disabled: true },
  };
  return {
    animation: spec.animation,
    animationDuration: 300,
    animationDurationUpdate: 300,
    grid: { left: 4, right: 12, top: 12, bottom: 2, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: {
      type: "category",
      data: [...spec.labels],
      boundaryGap: false,
      axisLine: { lineStyle: { color: palette.line } },
      axisTick: { show: false },
      axisLabel: {
        color: palette.muted,
        fontSize: 11,
        margin: 10,
        hideOverlap: true,
        alignMinLabel: "left",
        alignMaxLabel: "right",
        interval: (index: number) => showLabel(index),
      },
    },
    yAxis: {
      type: "value",
      splitNumber: spec.splits ?? 4,
      axisLabel: { color: palette.muted, fontSize: 11, margin: 10, formatter: spec.tick },
      splitLine: { lineStyle: { color: palette.line } },
    },
    tooltip: {
      ...TOOLTIP_FRAME,
      trigger: "axis",
      axisPointer: { type: "line", lineStyle: { color: palette.faint, type: "solid", width: 1 } },
      formatter: (params: unknown) => spec.tooltip(hoveredIndex(params)),
    },
    series: [before, current],
  };
}
