// Where revenue comes from: a bubble per city on a world map that opens on the shop's own region.
import { memo, useEffect, useState } from "react";
import type { ViewState } from "../api/liveState";
import type { ViewName } from "../api/types";
import { loadWorldMap } from "../charts/worldMap";
import { useFormat } from "../format/FormatContext";
import { Card } from "./Card";
import { CardMessage } from "./CardMessage";
import { cityName, located } from "./cities";
import { CityBubbles } from "./CityBubbles";
import { howMany, rankingTable } from "./rankingTable";

type MapState = "loading" | "ready" | "failed";

interface Props {
  view: ViewState<"cities">;
  /** Changes with the store: another shop opens on another region. */
  store: string;
  onRetry: (view: ViewName) => void;
}

export const CityMap = memo(function CityMap({ view, store, onRetry }: Props) {
  const format = useFormat();
  const [map, setMap] = useState<MapState>("loading");
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let shown = true;
    loadWorldMap().then(
      () => {
        if (shown) setMap("ready");
      },
      () => {
        if (shown) setMap("failed");
      },
    );
    return () => {
      shown = false;
    };
  }, [attempt]);

  const data = view.response?.data;
  const extent = data === undefined ? "" : `, ${howMany(data.rows.length, data.total_rows, data.total_rows === 1 ? "city" : "cities", format)}`;
  return (
    <Card
      name="cities"
      area="map"
      title="Cities"
      unit={`Revenue in ${view.response?.currency ?? ""}${extent}`}
      view={view}
      isEmpty={(response) => response.data.rows.length === 0}
      emptyMessage="No event of this window says which city it came from."
      onRetry={onRetry}
      table={(response) => rankingTable("Cities", "City", response.data, format, (row) => cityName(row, format))}
      picture={(response) => {
        if (map === "loading") return <div className="skeleton" />;
        if (map === "failed") {
          return (
            <CardMessage icon="warning" message="The world map could not be loaded." alert>
              <button
                type="button"
                className="button"
                onClick={() => {
                  setMap("loading");
                  setAttempt(attempt + 1);
                }}
              >
                Try again
              </button>
            </CardMessage>
          );
        }
        const places = located(response.data.rows);
        if (places.length === 0) {
          return <CardMessage icon="empty" message="These cities have no coordinates." hint="The table lists them." />;
        }
        return <CityBubbles key={store} cities={places} />;
      }}
    />
  );
});
