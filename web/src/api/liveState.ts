// What the page knows, as a pure reducer over what the live stream told: views, failures, connection.
import type { AnyViewResponse, ApiError, LiveStatus, ViewName, ViewResponse } from "./types";
import { VIEW_NAMES } from "./types";

export type Connection = "connecting" | "live" | "reconnecting";

/** One view as a card sees it. `refreshing`: the answer shown belongs to the window before. */
export interface ViewState<N extends ViewName> {
  response: ViewResponse<N> | null;
  error: ApiError | null;
  refreshing: boolean;
}

export type Views = { [N in ViewName]: ViewState<N> };

export interface LiveState {
  connection: Connection;
  unauthorized: boolean;
  status: LiveStatus | null;
  views: Views;
}

export type LiveAction =
  | { type: "selected"; keep: boolean }
  | { type: "opened" }
  | { type: "lost" }
  | { type: "unauthorized" }
  | { type: "status"; status: LiveStatus }
  | { type: "view"; response: AnyViewResponse }
  | { type: "viewFailed"; view: ViewName; error: ApiError }
  | { type: "batch"; actions: LiveAction[] };

function everyView(make: (name: ViewName) => ViewState<ViewName>): Views {
  return Object.fromEntries(VIEW_NAMES.map((name) => [name, make(name)])) as unknown as Views;
}

export function initialLiveState(): LiveState {
  return {
    connection: "connecting",
    unauthorized: false,
    status: null,
    views: everyView(() => ({ response: null, error: null, refreshing: false })),
  };
}

/**
 * Another window of the same store keeps the old answers on screen, dimmed, until the new snapshots are in;
 * another store starts from nothing, so no store's number can be seen under another's name.
 */
function selected(state: LiveState, keep: boolean): LiveState {
  if (!keep) return { ...initialLiveState(), unauthorized: state.unauthorized };
  return {
    ...state,
    connection: "connecting",
    views: everyView((name) => {
      const { response } = state.views[name];
      return { response: response, error: null, refreshing: response !== null };
    }),
  };
}

function withView(state: LiveState, name: ViewName, view: ViewState<ViewName>): LiveState {
  return { ...state, views: { ...state.views, [name]: view } };
}

export function liveReducer(state: LiveState, action: LiveAction): LiveState {
  switch (action.type) {
    case "selected":
      return selected(state, action.keep);
    case "opened":
      return { ...state, connection: "live", unauthorized: false };
    case "lost":
      return state.connection === "reconnecting" ? state : { ...state, connection: "reconnecting", status: null };
    case "unauthorized":
      return { ...state, unauthorized: true };
    case "status":
      return { ...state, connection: "live", status: action.status };
    case "view":
      return withView(state, action.response.view, {
        response: action.response,
        error: null,
        refreshing: false,
      });
    case "viewFailed": {
      // A failed refresh of what is already shown is the connection's news, not the card's.
      const known = state.views[action.view];
      if (known.response !== null && !known.refreshing) return state;
      return withView(state, action.view, { response: null, error: action.error, refreshing: false });
    }
    case "batch":
      return action.actions.reduce(liveReducer, state);
  }
}
