// The root: finds out who may see what, then shows the dashboard of the chosen store.
import { PaletteContext } from "../charts/palette";
import { CommandLine } from "../components/CommandLine";
import { Dashboard } from "../components/Dashboard";
import { SignInNeeded } from "../components/SignInNeeded";
import { WholePageMessage } from "../components/WholePageMessage";
import { useSelection } from "./useSelection";
import { useStores } from "./useStores";
import { useTheme } from "./useTheme";

export function App() {
  const { state, reload } = useStores();
  const { wanted, chooseStore, chooseWindow } = useSelection();
  const { theme, palette, choose } = useTheme();

  switch (state.kind) {
    case "loading":
      return <WholePageMessage title="Connecting…" busy />;
    case "unauthorized":
      return <SignInNeeded />;
    case "failed":
      return (
        <WholePageMessage title={state.error.message} text={state.error.hint}>
          <button type="button" className="button" onClick={reload}>
            Try again
          </button>
        </WholePageMessage>
      );
    case "ready": {
      const store = state.stores.find((each) => each.store_id === wanted.store) ?? state.stores[0];
      if (store === undefined) {
        return (
          <WholePageMessage title="There is no store yet" text="A store begins with its first key; DATA_FOLDER is the data folder that the server printed:">
            <CommandLine name="Create the first key" command='tradewind key create --store my-shop --kind write --data-dir "$DATA_FOLDER"' />
          </WholePageMessage>
        );
      }
      return (
        <PaletteContext value={palette}>
          <Dashboard
            stores={state.stores}
            store={store}
            window={wanted.window}
            onStore={chooseStore}
            onWindow={chooseWindow}
            theme={theme}
            onTheme={choose}
          />
        </PaletteContext>
      );
    }
  }
}
