// Cities of the ranking that can stand on a map, and what they are called.
import type { RankingRow } from "../api/types";
import type { Format } from "../format/format";
import { rowName } from "./rankingTable";

export type LocatedCity = RankingRow & { lat: number; lon: number };

export function located(rows: readonly RankingRow[]): LocatedCity[] {
  return rows.filter((row): row is LocatedCity => row.lat != null && row.lon != null);
}

export function cityName(row: RankingRow, format: Format): string {
  const name = rowName(row);
  return row.country == null || row.country === "" ? name : `${name}, ${format.country(row.country)}`;
}
