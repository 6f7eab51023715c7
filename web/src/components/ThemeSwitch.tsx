// Light, dark, or as the system says.
import type { Theme } from "../app/useTheme";
import { Icon } from "./Icon";
import { SegmentedControl } from "./SegmentedControl";

const THEMES = [
  { value: "light", label: <Icon name="sun" />, title: "Light" },
  { value: "system", label: <Icon name="screen" />, title: "As the system" },
  { value: "dark", label: <Icon name="moon" />, title: "Dark" },
] as const;

export function ThemeSwitch({ theme, onChoose }: { theme: Theme; onChoose: (theme: Theme) => void }) {
  return <SegmentedControl<Theme> legend="Theme" segments={THEMES} value={theme} onChoose={onChoose} className="theme-switch" />;
}
