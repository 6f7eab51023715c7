// The live state of a selection for React: opens a connection, reduces what it says, closes it on change.
import { useCallback, useEffect, useReducer, useRef } from "react";
import { openLiveConnection, type LiveConnection } from "./liveConnection";
import { initialLiveState, liveReducer, type LiveState } from "./liveState";
import type { ViewName, WindowName } from "./types";

export function useLive(store: string, window: WindowName): { live: LiveState; reload: (view: ViewName) => void } {
  const [live, dispatch] = useReducer(liveReducer, undefined, initialLiveState);
  const connection = useRef<LiveConnection | null>(null);
  const shownStore = useRef(store);

  useEffect(() => {
    dispatch({ type: "selected", keep: shownStore.current === store });
    shownStore.current = store;
    const opened = openLiveConnection({ store, window }, dispatch);
    connection.current = opened;
    return () => {
      opened.close();
      connection.current = null;
    };
  }, [store, window]);

  const reload = useCallback((view: ViewName) => {
    connection.current?.reload(view);
  }, []);

  return { live, reload };
}
