// The stores this session may see, read again from time to time so that new ones appear.
import { useCallback, useEffect, useState } from "react";
import { ApiFailure, fetchStores } from "../api/client";
import type { ApiError, Store } from "../api/types";

export type StoresState =
  | { kind: "loading" }
  | { kind: "unauthorized" }
  | { kind: "failed"; error: ApiError }
  | { kind: "ready"; stores: readonly Store[] };

const AGAIN_MS = 30_000;
const AFTER_FAILURE_MS = 3_000;

export function useStores(): { state: StoresState; reload: () => void } {
  const [state, setState] = useState<StoresState>({ kind: "loading" });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => {
    setRound((value) => value + 1);
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    fetchStores(abort.signal).then(
      (stores) => {
        setState({ kind: "ready", stores });
        timer = setTimeout(reload, AGAIN_MS);
      },
      (failure: unknown) => {
        if (abort.signal.aborted || !(failure instanceof ApiFailure)) return;
        if (failure.unauthorized) {
          setState({ kind: "unauthorized" });
          return;
        }
        // Known stores stay on screen while the server is away; the connection state tells it.
        setState((known) => (known.kind === "ready" ? known : { kind: "failed", error: failure.error }));
        timer = setTimeout(reload, AFTER_FAILURE_MS);
      },
    );
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [round, reload]);

  return { state, reload };
}
