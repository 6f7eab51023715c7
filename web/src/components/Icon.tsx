// The page's few line icons, drawn on a 16-unit grid. Decorative: whatever uses one also has a text name.
const PATHS = {
  table: "M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 6.5v6",
  chart: "M2.5 13.5h11M4.5 11V8M8 11V4M11.5 11V6.5",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9",
  moon: "M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8z",
  screen: "M2 3h12v7.5H2zM6 13.5h4M8 10.5v3",
  up: "M8 13V3.5M4 7.5l4-4 4 4",
  down: "M8 3v9.5M4 8.5l4 4 4-4",
  flat: "M3 8h10",
  clock: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM8 4.8V8l2.2 1.6",
  warning: "M8 2 1.7 13.2h12.6zM8 6.4v3.2M8 11.4v.2",
  empty: "M2 9.5 4 3h8l2 6.5V13H2zM2 9.5h3.5l1 1.7h3l1-1.7H14",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  frame: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  chevron: "M4.5 6.5 8 10l3.5-3.5",
  key: "M10.2 2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6zM7.5 8.5 2.5 13.5M4 12l1.6 1.6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
