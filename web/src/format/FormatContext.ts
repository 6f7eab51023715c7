// Hands the store's number, money and time formats to every card.
import { createContext, useContext } from "react";
import type { Format } from "./format";

export const FormatContext = createContext<Format | null>(null);

export function useFormat(): Format {
  const format = useContext(FormatContext);
  if (format === null) throw new Error("useFormat needs a FormatContext");
  return format;
}
