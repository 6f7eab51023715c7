// How far shoppers get: view, cart, checkout, purchase; counted by sessions, visitors or events.
import { memo, useState } from "react";
import type { ViewState } from "../api/liveState";
import type { FunnelStep, ViewName } from "../api/types";
import { useFormat } from "../format/FormatContext";
import { Card } from "./Card";
import { FunnelPicture, type CountedBy } from "./FunnelPicture";
import { SegmentedControl } from "./SegmentedControl";
import { STEP_NAMES } from "./stepNames";

const COUNTED_BY = [
  { value: "visitors", label: "Visitors" },
  { value: "sessions", label: "Sessions" },
  { value: "events", label: "Events" },
] as const;

interface Props {
  view: ViewState<"funnel">;
  onRetry: (view: ViewName) => void;
}

function reached(step: FunnelStep): boolean {
  return step.events > 0 || step.sessions > 0;
}

export const ShopFunnel = memo(function ShopFunnel({ view, onRetry }: Props) {
  const format = useFormat();
  const [countedBy, setCountedBy] = useState<CountedBy>("visitors");
  return (
    <Card
      name="funnel"
      area="funnel"
      title="Funnel"
      unit={`From view to purchase, in ${countedBy}`}
      view={view}
      isEmpty={({ data }) => !data.steps.some(reached)}
      emptyMessage="Nobody has viewed a product in this window."
      onRetry={onRetry}
      controls={<SegmentedControl legend="Count by" segments={COUNTED_BY} value={countedBy} onChoose={setCountedBy} className="small" />}
      table={({ data }) => ({
        caption: "Funnel",
        columns: [
          { label: "Step" },
          { label: "Visitors", numeric: true },
          { label: "Sessions", numeric: true, wide: true },
          { label: "Events", numeric: true, wide: true },
          { label: "Of step before", numeric: true },
          { label: "Of all", numeric: true, wide: true },
        ],
        rows: data.steps.map((step) => ({
          key: step.step,
          cells: [
            STEP_NAMES[step.step],
            format.count(step.visitors),
            format.count(step.sessions),
            format.count(step.events),
            format.rate(step.of_previous),
            format.rate(step.of_first),
          ],
        })),
      })}
      picture={({ data }) => <FunnelPicture steps={data.steps} leftOut={data.left_out} countedBy={countedBy} />}
    />
  );
});
