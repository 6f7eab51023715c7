// The colour theme: system, light or dark; remembered on this device; tells the charts their colours.
import { useEffect, useState } from "react";
import { readPalette, type Palette } from "../charts/palette";

export type Theme = "system" | "light" | "dark";

const KEY = "tradewind.theme";

function remembered(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage can be forbidden; the choice then lasts as long as the page.
  }
}

function apply(theme: Theme): Palette {
  const root = document.documentElement;
  if (theme === "system") root.removeAttribute("data-theme");
  else root.setAttribute("data-theme", theme);
  return readPalette(root);
}

export function useTheme(): { theme: Theme; palette: Palette; choose: (theme: Theme) => void } {
  const [theme, setTheme] = useState<Theme>(remembered);
  const [palette, setPalette] = useState<Palette>(() => apply(theme));

  useEffect(() => {
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    const follow = () => {
      setPalette(readPalette(document.documentElement));
    };
    dark.addEventListener("change", follow);
    return () => {
      dark.removeEventListener("change", follow);
    };
  }, []);

  const choose = (next: Theme) => {
    remember(next);
    setTheme(next);
    setPalette(apply(next));
  };
  return { theme, palette, choose };
}
