// The windows of time the page offers, and what they are called.
import type { WindowName } from "../api/types";

export const WINDOWS: readonly { value: WindowName; label: string; title: string }[] = [
  { value: "5m", label: "5 min", title: "Last 5 minutes" },
  { value: "1h", label: "1 h", title: "Last hour" },
  { value: "24h", label: "24 h", title: "Last 24 hours" },
  { value: "7d", label: "7 d", title: "Last 7 days" },
  { value: "30d", label: "30 d", title: "Last 30 days" },
];

export const DEFAULT_WINDOW: WindowName = "24h";

export function isWindowName(value: unknown): value is WindowName {
  return WINDOWS.some((window) => window.value === value);
}
