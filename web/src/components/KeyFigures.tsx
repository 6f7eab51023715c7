// The row of headline figures with their change against the period before, and a quieter line of supporting ones.
import type { ViewState } from "../api/liveState";
import type { Overview, ViewName } from "../api/types";
import { percentChange, pointChange, type Change } from "../format/change";
import { useFormat } from "../format/FormatContext";
import { CardMessage } from "./CardMessage";
import { KeyFigure } from "./KeyFigure";
import { SupportingFigures } from "./SupportingFigures";

interface Props {
  view: ViewState<"overview">;
  onRetry: (view: ViewName) => void;
}

interface Figure {
  label: string;
  meaning: string;
  value: (data: Overview) => string;
  change: (data: Overview, previous: Overview) => Change | null;
}

export function KeyFigures({ view, onRetry }: Props) {
  const format = useFormat();
  const figures: Figure[] = [
    {
      label: "Net revenue",
      meaning: "Gross sales less discounts and refunds",
      value: (data) => format.money(data.net_revenue),
      change: (data, previous) => percentChange(data.net_revenue, previous.net_revenue),
    },
    {
      label: "Profit",
      meaning: "Net revenue less the cost of the goods sold",
      value: (data) => format.money(data.profit),
      change: (data, previous) => percentChange(data.profit, previous.profit),
    },
    {
      label: "Margin",
      meaning: "Profit as a share of net revenue; the change is in percentage points",
      value: (data) => format.rate(data.margin),
      change: (data, previous) => pointChange(data.margin, previous.margin),
    },
    {
      label: "Average order",
      meaning: "Average order value",
      value: (data) => format.money(data.average_order_value),
      change: (data, previous) => percentChange(data.average_order_value, previous.average_order_value),
    },
    {
      label: "Active visitors",
      meaning: "Different visitors in the last 5 minutes",
      value: (data) => format.count(data.active_visitors),
      change: (data, previous) => percentChange(data.active_visitors, previous.active_visitors),
    },
  ];

  if (view.error !== null) {
    return (
      <section className="card key-figures-error" aria-label="Key figures">
        <CardMessage icon="warning" message={view.error.message} hint={view.error.hint ?? undefined} alert>
          <button
            type="button"
            className="button"
            onClick={() => {
              onRetry("overview");
            }}
          >
            Try again
          </button>
        </CardMessage>
      </section>
    );
  }

  const data = view.response?.data ?? null;
  const previous = view.response?.previous ?? null;
  return (
    <section className="card key-figures" aria-label="Key figures" aria-busy={data === null || view.refreshing}>
      <dl className={`key-figure-row ${view.refreshing ? "is-refreshing" : ""}`}>
        {figures.map((figure) => (
          <KeyFigure
            key={figure.label}
            label={figure.label}
            meaning={figure.meaning}
            value={data === null ? null : figure.value(data)}
            before={previous === null ? null : figure.value(previous)}
            change={data === null || previous === null ? null : figure.change(data, previous)}
          />
        ))}
      </dl>
      <SupportingFigures data={data} refreshing={view.refreshing} />
    </section>
  );
}
