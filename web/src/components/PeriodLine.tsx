// Which period the figures cover and which they are compared with.
import type { ViewResponse } from "../api/types";
import { useFormat } from "../format/FormatContext";

export function PeriodLine({ overview }: { overview: ViewResponse<"overview"> | null }) {
  const format = useFormat();
  if (overview === null) return <p className="period">&nbsp;</p>;
  const compared = overview.previous_from != null && overview.previous_to != null;
  return (
    <p className="period">
      <span>
        {format.dateTime(overview.from)} – {format.dateTime(overview.to)}
      </span>
      {compared && (
        <span className="period-compared">
          compared with {format.dateTime(overview.previous_from ?? "")} – {format.dateTime(overview.previous_to ?? "")}
        </span>
      )}
      <span className="period-zone">{overview.timezone}</span>
    </p>
  );
}
