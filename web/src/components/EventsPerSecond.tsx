// How fast events arrive: the rate as a number and the last two minutes as a live line.
import { memo, useMemo } from "react";
import type { ViewState } from "../api/liveState";
import type { LiveStatus, ViewName, ViewResponse } from "../api/types";
import { EChart } from "../charts/EChart";
import { lineOption } from "../charts/lineOption";
import { usePalette } from "../charts/palette";
import { tooltipNode } from "../charts/tooltip";
import { useFormat } from "../format/FormatContext";
import { Card } from "./Card";

const LABEL_EVERY_S = 30;

interface Props {
  view: ViewState<"throughput">;
  status: LiveStatus | null;
  onRetry: (view: ViewName) => void;
}

export const EventsPerSecond = memo(function EventsPerSecond({ view, status, onRetry }: Props) {
  const format = useFormat();
  return (
    <Card
      name="throughput"
      area="throughput"
      title="Events per second"
      unit="Received events/s, last 2 minutes"
      view={view}
      isEmpty={({ data }) => data.points.length === 0}
      emptyMessage="No events have arrived in the last two minutes."
      onRetry={onRetry}
      table={({ data }) => ({
        caption: "Events per second",
        columns: [{ label: "Second" }, { label: "Events", numeric: true }],
        rows: data.points
          .map((point) => ({ key: point.time, cells: [format.clock(point.time), format.count(point.events)] }))
          .reverse(),
      })}
      picture={(response) => <ThroughputChart response={response} status={status} />}
    />
  );
});

function ThroughputChart({ response, status }: { response: ViewResponse<"throughput">; status: LiveStatus | null }) {
  const format = useFormat();
  const palette = usePalette();
  const option = useMemo(() => {
    const { points } = response.data;
    const last = points.length - 1;
    return lineOption({
      palette,
      labels: points.map((_, index) => (index === last ? "now" : `−${last - index} s`)),
      values: points.map((point) => point.events),
      tick: format.countTick,
      animation: false,
      splits: 3,
      showLabel: (index) => (last - index) % LABEL_EVERY_S === 0,
      tooltip: (index) => {
        const point = points[index];
        if (point === undefined) return tooltipNode("", []);
        return tooltipNode(format.clock(point.time), [{ label: "Events", value: format.count(point.events), mark: "mark-accent" }]);
      },
    });
  }, [response, palette, format]);

  return (
    <div className="throughput">
      <p className="big-number">
        <span data-figure="Events per second">{format.perSecond(status?.events_per_second ?? response.data.events_per_second)}</span>
        <span className="big-unit">events/s</span>
      </p>
      <EChart option={option} label="Events received per second over the last two minutes, line chart" className="chart-fill" />
    </div>
  );
}
