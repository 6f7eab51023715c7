// A plain table of figures: the alternative of every chart, and the body of the order and cart lists.
import type { ReactNode } from "react";

export interface TableColumn {
  label: string;
  numeric?: boolean;
  /** Left out on narrow screens. */
  wide?: boolean;
}

export interface TableSpec {
  caption: string;
  columns: readonly TableColumn[];
  rows: readonly { key: string; cells: readonly ReactNode[] }[];
  /** Marks rows that appear while the page is open. */
  live?: boolean;
}

function cellClass(column: TableColumn | undefined): string {
  return [column?.numeric === true ? "numeric" : "", column?.wide === true ? "wide-only" : ""].join(" ").trim();
}

export function DataTable({ caption, columns, rows, live = false }: TableSpec) {
  return (
    <div className={`table-scroll ${live ? "is-live" : ""}`} tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption className="hidden-text">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.label} scope="col" className={cellClass(column)}>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              {row.cells.map((cell, index) => (
                <td key={columns[index]?.label ?? index} className={cellClass(columns[index])}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
