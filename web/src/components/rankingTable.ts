// The table behind the three rankings: products, categories and cities.
import type { Ranking, RankingRow } from "../api/types";
import type { Format } from "../format/format";
import type { TableSpec } from "./DataTable";

/** What a row is called; the key stands in for a missing name. */
export function rowName(row: RankingRow): string {
  return row.name != null && row.name !== "" ? row.name : row.key;
}

export function rankingTable(caption: string, first: string, ranking: Ranking, format: Format, name = rowName): TableSpec {
  return {
    caption,
    columns: [
      { label: first },
      { label: "Views", numeric: true, wide: true },
      { label: "Orders", numeric: true },
      { label: "Units", numeric: true, wide: true },
      { label: "Revenue", numeric: true },
      { label: "Profit", numeric: true, wide: true },
    ],
    rows: ranking.rows.map((row) => ({
      key: row.key,
      cells: [
        name(row),
        format.count(row.views),
        format.count(row.orders),
        format.quantity(row.units),
        format.money(row.revenue),
        format.money(row.profit),
      ],
    })),
  };
}

/** "8 of 412 products" or "12 products". */
export function howMany(shown: number, total: number, noun: string, format: Format): string {
  return total > shown ? `${format.count(shown)} of ${format.count(total)} ${noun}` : `${format.count(total)} ${noun}`;
}
