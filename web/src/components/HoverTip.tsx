// A tooltip for pictures made of HTML: shown while its parent (class "has-tip") is hovered. Same look as the charts'.
interface Props {
  title: string;
  rows: readonly { label: string; value: string }[];
}

export function HoverTip({ title, rows }: Props) {
  return (
    <span className="tip hover-tip" aria-hidden="true">
      <span className="tip-title">{title}</span>
      {rows.map((row) => (
        <span key={row.label} className="tip-row">
          <span className="tip-label">{row.label}</span>
          <span className="tip-value">{row.value}</span>
        </span>
      ))}
    </span>
  );
}
