// The parts of ECharts this page uses, registered once; the rest stays out of the bundle.
import { LineChart, PieChart, ScatterChart } from "echarts/charts";
import { GeoComponent, GridComponent, TooltipComponent } from "echarts/components";
import { init, registerMap, use as registerParts, type ComposeOption, type EChartsType } from "echarts/core";
import type { LineSeriesOption, PieSeriesOption, ScatterSeriesOption } from "echarts/charts";
import type { GeoComponentOption, GridComponentOption, TooltipComponentOption } from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

registerParts([LineChart, PieChart, ScatterChart, GeoComponent, GridComponent, TooltipComponent, LabelLayout, CanvasRenderer]);

export type ChartOption = ComposeOption<
  | LineSeriesOption
  | PieSeriesOption
  | ScatterSeriesOption
  | GeoComponentOption
  | GridComponentOption
  | TooltipComponentOption
>;

export { init, registerMap };
export type { EChartsType };
