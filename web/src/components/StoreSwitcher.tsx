// Chooses the store. A native list: it is familiar on phones and reachable by keyboard.
import type { Store } from "../api/types";
import { Icon } from "./Icon";

interface Props {
  stores: readonly Store[];
  store: string;
  onChoose: (store: string) => void;
}

export function StoreSwitcher({ stores, store, onChoose }: Props) {
  return (
    <span className="store-switcher">
      <select
        aria-label="Store"
        value={store}
        onChange={(event) => {
          onChoose(event.target.value);
        }}
      >
        {stores.map((each) => (
          <option key={each.store_id} value={each.store_id}>
            {each.name === "" ? each.store_id : each.name}
          </option>
        ))}
      </select>
      <Icon name="chevron" />
    </span>
  );
}
