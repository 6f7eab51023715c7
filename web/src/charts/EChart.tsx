// Draws one ECharts option into a box: follows its size, redraws on change, honours reduced motion.
import { useEffect, useRef, type RefObject } from "react";
import { usePalette, type Palette } from "./palette";
import { init, type ChartOption, type EChartsType } from "./echarts";

interface Props {
  option: ChartOption;
  /** What the picture shows, for people who do not see it. The card's table has the figures. */
  label: string;
  className?: string;
  /** Redraws no more often than this, for pictures that are costly to draw. A new theme is drawn at once. */
  atMostEveryMs?: number;
  /** Receives the chart, for cards with controls of their own (map zoom). */
  chartRef?: RefObject<EChartsType | null>;
}

function prefersStill(): boolean {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

export function EChart({ option, label, className, atMostEveryMs = 0, chartRef }: Props) {
  const palette = usePalette();
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<{ at: number; palette: Palette | null }>({ at: 0, palette: null });
  const own = useRef<EChartsType | null>(null);

  useEffect(() => {
    if (box.current === null) return;
    const chart = init(box.current);
    own.current = chart;
    drawn.current = { at: 0, palette: null };
    if (chartRef !== undefined) chartRef.current = chart;
    const watcher = new ResizeObserver(() => {
      // A box that is being taken away has no size, and a chart without one cannot be laid out.
      if (!chart.isDisposed() && drawn.current.at > 0 && box.current !== null && box.current.clientWidth > 0 && box.current.clientHeight > 0) chart.resize();
    });
    watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      chart.dispose();
      own.current = null;
      if (chartRef !== undefined) chartRef.current = null;
    };
  }, [chartRef]);

  useEffect(() => {
    const draw = () => {
      drawn.current = { at: Date.now(), palette };
      own.current?.setOption(prefersStill() ? { ...option, animation: false } : option);
    };
    const wait = drawn.current.palette === palette ? drawn.current.at + atMostEveryMs - Date.now() : 0;
    if (wait <= 0) {
      draw();
      return;
    }
    const timer = setTimeout(draw, wait);
    return () => {
      clearTimeout(timer);
    };
  }, [option, palette, atMostEveryMs, chartRef]);

  return <div ref={box} className={`chart ${className ?? ""}`} role="img" aria-label={label} />;
}
