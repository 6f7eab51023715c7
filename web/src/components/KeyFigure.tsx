// One headline figure: its name, its value now, its change and what it was before.
import type { Change } from "../format/change";
import { Icon } from "./Icon";

interface Props {
  label: string;
  meaning: string;
  /** Null while loading. */
  value: string | null;
  before: string | null;
  change: Change | null;
}

const SAID = { up: "up", down: "down", flat: "unchanged" } as const;

export function KeyFigure({ label, meaning, value, before, change }: Props) {
  return (
    <div className="key-figure">
      <dt title={meaning}>{label}</dt>
      <dd className="key-value" data-figure={label}>
        {value ?? <span className="skeleton-line" />}
      </dd>
      <dd className="key-change">
        {change !== null && (
          <span className={`change change-${change.direction}`}>
            <Icon name={change.direction} size={12} />
            <span className="hidden-text">{SAID[change.direction]} </span>
            {change.text}
          </span>
        )}
        {before !== null ? <span className="before">from {before}</span> : <span className="before">{value === null ? "" : "No earlier period"}</span>}
      </dd>
    </div>
  );
}
