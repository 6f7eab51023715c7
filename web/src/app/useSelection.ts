// Which store and window the page shows, kept in the address so that a reload or a shared link shows the same.
import { useState } from "react";
import type { WindowName } from "../api/types";
import { DEFAULT_WINDOW, isWindowName } from "./windows";

interface Wanted {
  store: string | null;
  window: WindowName;
}

function fromAddress(): Wanted {
  const query = new URLSearchParams(window.location.search);
  const asked = query.get("window");
  return { store: query.get("store"), window: isWindowName(asked) ? asked : DEFAULT_WINDOW };
}

function toAddress(wanted: Wanted): void {
  const query = new URLSearchParams();
  if (wanted.store !== null) query.set("store", wanted.store);
  query.set("window", wanted.window);
  window.history.replaceState(null, "", `?${query.toString()}`);
}

export function useSelection(): {
  wanted: Wanted;
  chooseStore: (store: string) => void;
  chooseWindow: (window: WindowName) => void;
} {
  const [wanted, setWanted] = useState(fromAddress);
  const choose = (next: Wanted) => {
    toAddress(next);
    setWanted(next);
  };
  return {
    wanted,
    chooseStore: (store) => {
      choose({ ...wanted, store });
    },
    chooseWindow: (window) => {
      choose({ ...wanted, window });
    },
  };
}
