// Change against the previous period, for display only: the one calculation this page makes from two figures.

export type Direction = "up" | "down" | "flat";

/** `text` is ready to show; `direction` decides arrow and colour. */
export interface Change {
  text: string;
  direction: Direction;
}

type Figure = string | number | null | undefined;

function toNumber(value: Figure): number | null {
  if (value == null || value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

function directionOf(shown: number): Direction {
  if (shown > 0) return "up";
  return shown < 0 ? "down" : "flat";
}

function roundTo(value: number, digits: number): number {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}

/** Relative change in percent. Null when either side is unknown or the previous one is zero (no meaningful percentage). */
export function percentChange(current: Figure, previous: Figure, locale?: string): Change | null {
  const now = toNumber(current);
  const before = toNumber(previous);
  if (now === null || before === null || before === 0) return null;
  const percent = ((now - before) / Math.abs(before)) * 100;
  const shown = roundTo(percent, Math.abs(percent) >= 100 ? 0 : 1);
  const text = new Intl.NumberFormat(locale, {
    signDisplay: "exceptZero",
    maximumFractionDigits: Math.abs(percent) >= 100 ? 0 : 1,
  }).format(shown);
  return { text: `${text}%`, direction: directionOf(shown) };
}

/** Difference of two rates in percentage points, which is how a change of a percentage is told. */
export function pointChange(current: Figure, previous: Figure, locale?: string): Change | null {
  const now = toNumber(current);
  const before = toNumber(previous);
  if (now === null || before === null) return null;
  const shown = roundTo((now - before) * 100, 1);
  const text = new Intl.NumberFormat(locale, { signDisplay: "exceptZero", maximumFractionDigits: 1 }).format(shown);
  return { text: `${text} pp`, direction: directionOf(shown) };
}
