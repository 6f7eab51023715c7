// Tooltips as DOM nodes: text from shops (names, cities) is never parsed as HTML.
import type { TooltipComponentOption } from "echarts/components";

export interface TooltipRow {
  label: string;
  value: string;
  /** Class of the colour mark beside the label, e.g. "mark-accent". */
  mark?: string;
}

function node(tag: string, className: string, text?: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export function tooltipNode(title: string, rows: readonly TooltipRow[]): HTMLElement {
  const root = node("div", "tip");
  root.append(node("div", "tip-title", title));
  for (const row of rows) {
    const line = node("div", "tip-row");
    const label = node("span", "tip-label");
    if (row.mark !== undefined) label.append(node("span", `mark ${row.mark}`));
    label.append(row.label);
    line.append(label, node("span", "tip-value", row.value));
    root.append(line);
  }
  return root;
}

/** The box around it is ours (class "tip"); ECharts' own frame is switched off. */
export const TOOLTIP_FRAME: TooltipComponentOption = {
  confine: true,
  appendTo: "body",
  className: "tip-frame",
  backgroundColor: "transparent",
  borderWidth: 0,
  padding: 0,
  extraCssText: "box-shadow:none",
  transitionDuration: 0.12,
};

/** The position in the data of the hovered item, whichever shape ECharts hands to a formatter. */
export function hoveredIndex(params: unknown): number {
  const first: unknown = Array.isArray(params) ? params[0] : params;
  if (typeof first === "object" && first !== null && "dataIndex" in first && typeof first.dataIndex === "number") {
    return first.dataIndex;
  }
  return -1;
}
