// Says that the shop has gone quiet and which period is therefore shown.
import type { Store, ViewResponse } from "../api/types";
import { useFormat } from "../format/FormatContext";
import { Icon } from "./Icon";

interface Props {
  overview: ViewResponse<"overview"> | null;
  store: Store;
}

export function StaleNotice({ overview, store }: Props) {
  const format = useFormat();
  if (overview?.stale !== true) return null;
  const newest = store.newest_event ?? overview.to;
  return (
    <p className="notice" role="status">
      <Icon name="clock" />
      <span>
        <strong>Newest event is from {format.dateTime(newest)};</strong> showing {format.dateTime(overview.from)} – {format.dateTime(overview.to)}
      </span>
    </p>
  );
}
