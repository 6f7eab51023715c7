// The bar on top: whose shop, which window, whether the figures are live, and the theme.
import type { Connection } from "../api/liveState";
import type { LiveStatus, Store, WindowName } from "../api/types";
import type { Theme } from "../app/useTheme";
import { WINDOWS } from "../app/windows";
import { ConnectionState } from "./ConnectionState";
import { Logo } from "./Logo";
import { SegmentedControl } from "./SegmentedControl";
import { StoreSwitcher } from "./StoreSwitcher";
import { ThemeSwitch } from "./ThemeSwitch";

interface Props {
  stores: readonly Store[];
  store: string;
  onStore: (store: string) => void;
  window: WindowName;
  onWindow: (window: WindowName) => void;
  connection: Connection;
  status: LiveStatus | null;
  theme: Theme;
  onTheme: (theme: Theme) => void;
}

export function TopBar(props: Props) {
  return (
    <header className="top-bar">
      <div className="top-bar-inner">
        <Logo />
        <StoreSwitcher stores={props.stores} store={props.store} onChoose={props.onStore} />
        <div className="top-bar-right">
          <ConnectionState connection={props.connection} status={props.status} />
          <SegmentedControl legend="Window" segments={WINDOWS} value={props.window} onChoose={props.onWindow} className="window-switch" />
          <ThemeSwitch theme={props.theme} onChoose={props.onTheme} />
        </div>
      </div>
    </header>
  );
}
