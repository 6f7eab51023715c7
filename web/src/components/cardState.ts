// Which of its four faces a card shows: loading, error, empty or ready. Pure, so it can be tested without a page.
import type { ViewState } from "../api/liveState";
import type { ApiError, ViewName, ViewResponse } from "../api/types";

export type CardState<N extends ViewName> =
  | { kind: "loading" }
  | { kind: "error"; error: ApiError }
  | { kind: "empty" }
  | { kind: "ready"; response: ViewResponse<N> };

export function cardState<N extends ViewName>(
  view: ViewState<N>,
  isEmpty: (response: ViewResponse<N>) => boolean,
): CardState<N> {
  if (view.error !== null) return { kind: "error", error: view.error };
  if (view.response === null) return { kind: "loading" };
  return isEmpty(view.response) ? { kind: "empty" } : { kind: "ready", response: view.response };
}
