// The map itself: land, bubbles sized by revenue, names of the largest, and zoom by button, pinch or Ctrl + wheel.
import { useEffect, useMemo, useRef, useState } from "react";
import { EChart } from "../charts/EChart";
import type { ChartOption, EChartsType } from "../charts/echarts";
import { fade, usePalette } from "../charts/palette";
import { hoveredIndex, TOOLTIP_FRAME, tooltipNode } from "../charts/tooltip";
import { frameAll, frameMost, MERCATOR, WORLD } from "../charts/worldMap";
import { useFormat } from "../format/FormatContext";
import { cityName, type LocatedCity } from "./cities";
import { Icon } from "./Icon";
import { rowName } from "./rankingTable";

const SMALLEST = 7;
const LARGEST = 34;
const NAMED = 8;
const ZOOM_STEP = 1.6;
/** Half the world's coastlines are redrawn each time. */
const REDRAW_MS = 2_000;

/** Area, not width, follows revenue. */
function bubbleSize(revenue: number, largest: number): number {
  return SMALLEST + Math.sqrt(Math.max(0, revenue) / largest) * (LARGEST - SMALLEST);
}

export function CityBubbles({ cities }: { cities: readonly LocatedCity[] }) {
  const format = useFormat();
  const palette = usePalette();
  const chart = useRef<EChartsType | null>(null);
  const box = useRef<HTMLDivElement>(null);
  // The region is framed once; later answers must not move the map under the reader's hand.
  const [frame, setFrame] = useState(() => frameMost(cities));

  useEffect(() => {
    // A plain wheel scrolls the page; only Ctrl or ⌘ (which is also what a pinch sends) reaches the map.
    const keepScrolling = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    };
    const element = box.current;
    element?.addEventListener("wheel", keepScrolling, { capture: true, passive: true });
    return () => {
      element?.removeEventListener("wheel", keepScrolling, { capture: true });
    };
  }, []);

  const option = useMemo<ChartOption>(() => {
    const largest = Math.max(1, ...cities.map((city) => Number(city.revenue)));
    return {
      animation: false,
      geo: {
        id: "world",
        map: WORLD,
        projection: MERCATOR,
        roam: true,
        left: 0,
        right: 0,
        top: 0,
        bottom: 0,
        preserveAspect: "contain",
        boundingCoords: frame,
        scaleLimit: { min: 0.15, max: 24 },
        silent: true,
        itemStyle: { areaColor: palette.land, borderColor: palette.coast, borderWidth: 0.6 },
        emphasis: { disabled: true },
        select: { disabled: true },
        tooltip: { show: false },
      },
      tooltip: {
        ...TOOLTIP_FRAME,
        trigger: "item",
        formatter: (params: unknown) => {
          const city = cities[hoveredIndex(params)];
          if (city === undefined) return tooltipNode("", []);
          return tooltipNode(cityName(city, format), [
            { label: "Revenue", value: format.money(city.revenue) },
            { label: "Orders", value: format.count(city.orders) },
            { label: "Views", value: format.count(city.views) },
          ]);
        },
      },
      series: [
        {
          id: "cities",
          type: "scatter",
          coordinateSystem: "geo",
          geoIndex: 0,
          data: cities.map((city, index) => ({
            name: rowName(city),
            value: [city.lon, city.lat],
            symbolSize: bubbleSize(Number(city.revenue), largest),
            label: { show: index < NAMED },
          })),
          itemStyle: { color: fade(palette.accent, 0.42), borderColor: palette.accent, borderWidth: 1.2 },
          emphasis: { scale: 1.12, itemStyle: { color: fade(palette.accent, 0.65) } },
          label: {
            formatter: "{b}",
            position: "right",
            distance: 4,
            color: palette.text,
            fontSize: 11,
            textBorderColor: palette.surface,
            textBorderWidth: 3,
          },
          labelLayout: { hideOverlap: true },
        },
      ],
    };
  }, [cities, palette, format, frame]);

  /** Zooms around the leading city while it is in view, so that zooming in does not end in the open sea. */
  const zoom = (factor: number) => {
    const instance = chart.current;
    if (instance === null) return;
    const [width, height] = [instance.getWidth(), instance.getHeight()];
    const leading = cities[0];
    const at: unknown = leading === undefined ? null : instance.convertToPixel({ geoIndex: 0 }, [leading.lon, leading.lat]);
    const [x, y] = Array.isArray(at) ? [Number(at[0]), Number(at[1])] : [-1, -1];
    const inView = x >= 0 && x <= width && y >= 0 && y <= height;
    instance.dispatchAction({
      type: "geoRoam",
      componentType: "geo",
      geoId: "world",
      zoom: factor,
      originX: inView ? x : width / 2,
      originY: inView ? y : height / 2,
    });
  };
  const reset = () => {
    const all = frameAll(cities);
    setFrame(all);
    chart.current?.setOption({ geo: { id: "world", zoom: 1, center: null as unknown as number[], boundingCoords: all } });
  };

  return (
    <div ref={box} className="map">
      <EChart option={option} label="Revenue by city, bubbles on a world map" className="chart-map" atMostEveryMs={REDRAW_MS} chartRef={chart} />
      <div className="map-controls" role="group" aria-label="Map zoom">
        <button
          type="button"
          className="icon-button"
          aria-label="Zoom in"
          title="Zoom in (Ctrl + wheel)"
          onClick={() => {
            zoom(ZOOM_STEP);
          }}
        >
          <Icon name="plus" />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label="Zoom out"
          title="Zoom out (Ctrl + wheel)"
          onClick={() => {
            zoom(1 / ZOOM_STEP);
          }}
        >
          <Icon name="minus" />
        </button>
        <button type="button" className="icon-button" aria-label="Show all cities" title="Show all cities" onClick={reset}>
          <Icon name="frame" />
        </button>
      </div>
    </div>
  );
}
