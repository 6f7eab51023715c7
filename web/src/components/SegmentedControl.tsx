// A choice of a few values side by side; native radio buttons underneath, so arrow keys and screen readers just work.
import { useId, type ReactNode } from "react";

interface Segment<V extends string> {
  value: V;
  label: ReactNode;
  /** Full name, when the label is an icon or an abbreviation. */
  title?: string;
}

interface Props<V extends string> {
  legend: string;
  segments: readonly Segment<V>[];
  value: V;
  onChoose: (value: V) => void;
  className?: string;
}

export function SegmentedControl<V extends string>({ legend, segments, value, onChoose, className }: Props<V>) {
  const group = useId();
  return (
    <fieldset className={`segments ${className ?? ""}`}>
      <legend className="hidden-text">{legend}</legend>
      {segments.map((segment) => (
        <label key={segment.value} className="segment" title={segment.title}>
          <input
            type="radio"
            name={group}
            value={segment.value}
            aria-label={segment.title}
            checked={segment.value === value}
            onChange={() => {
              onChoose(segment.value);
            }}
          />
          <span>{segment.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
