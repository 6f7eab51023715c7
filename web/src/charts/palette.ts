// The theme's colours as ECharts needs them: read from the CSS variables, so both are written in one place only.
import { createContext, useContext } from "react";

export interface Palette {
  text: string;
  muted: string;
  faint: string;
  line: string;
  surface: string;
  raised: string;
  accent: string;
  land: string;
  coast: string;
  series: readonly string[];
  rest: string;
}

export const SERIES_COUNT = 8;

/** Resolves variables through a probe element, because light-dark() only becomes a colour on a real property. */
export function readPalette(root: HTMLElement): Palette {
  const probe = document.createElement("span");
  probe.hidden = true;
  root.append(probe);
  const read = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const palette: Palette = {
    text: read("--text"),
    muted: read("--muted"),
    faint: read("--faint"),
    line: read("--line"),
    surface: read("--surface"),
    raised: read("--raised"),
    accent: read("--accent"),
    land: read("--land"),
    coast: read("--coast"),
    series: Array.from({ length: SERIES_COUNT }, (_, index) => read(`--series-${index + 1}`)),
    rest: read("--series-rest"),
  };
  probe.remove();
  return palette;
}

/** The same colour with another opacity; computed colours are always rgb() or rgba(). */
export function fade(color: string, alpha: number): string {
  const parts = /rgba?\(([^)]+)\)/.exec(color)?.[1]?.split(/[\s,/]+/).slice(0, 3);
  return parts?.length === 3 ? `rgba(${parts.join(", ")}, ${alpha})` : color;
}

export const PaletteContext = createContext<Palette | null>(null);

export function usePalette(): Palette {
  const palette = useContext(PaletteContext);
  if (palette === null) throw new Error("usePalette needs a PaletteContext");
  return palette;
}
