// The page of one store: the bar, the notices and all cards, fed by one live connection.
import { useEffect, useMemo } from "react";
import { useLive } from "../api/useLive";
import type { Store, WindowName } from "../api/types";
import type { Theme } from "../app/useTheme";
import { createFormat } from "../format/format";
import { FormatContext } from "../format/FormatContext";
import { AbandonedCarts } from "./AbandonedCarts";
import { Categories } from "./Categories";
import { CityMap } from "./CityMap";
import { EmptyShop } from "./EmptyShop";
import { EventsPerSecond } from "./EventsPerSecond";
import { KeyFigures } from "./KeyFigures";
import { LatestOrders } from "./LatestOrders";
import { PeriodLine } from "./PeriodLine";
import { RevenueOverTime } from "./RevenueOverTime";
import { ShopFunnel } from "./ShopFunnel";
import { SignInNeeded } from "./SignInNeeded";
import { StaleNotice } from "./StaleNotice";
import { TopBar } from "./TopBar";
import { TopProducts } from "./TopProducts";

interface Props {
  stores: readonly Store[];
  store: Store;
  window: WindowName;
  onStore: (store: string) => void;
  onWindow: (window: WindowName) => void;
  theme: Theme;
  onTheme: (theme: Theme) => void;
}

export function Dashboard({ stores, store, window, onStore, onWindow, theme, onTheme }: Props) {
  const { live, reload } = useLive(store.store_id, window);
  const { views } = live;
  const overview = views.overview.response;
  const format = useMemo(() => createFormat(store.currency, store.timezone), [store.currency, store.timezone]);

  useEffect(() => {
    document.title = `${store.name === "" ? store.store_id : store.name} · Tradewind`;
  }, [store.name, store.store_id]);

  if (live.unauthorized) return <SignInNeeded />;

  // The live answer wins over the list of stores, which is read less often.
  const hasEvents = store.events > 0 || store.newest_event != null || (overview !== null && (overview.watermark != null || overview.data.events > 0));
  return (
    <FormatContext value={format}>
      <TopBar
        stores={stores}
        store={store.store_id}
        onStore={onStore}
        window={window}
        onWindow={onWindow}
        connection={live.connection}
        status={live.status}
        theme={theme}
        onTheme={onTheme}
      />
      <main className="page">
        {!hasEvents ? (
          <EmptyShop store={store} />
        ) : (
          <>
            <h1 className="hidden-text">{store.name}: live dashboard</h1>
            <StaleNotice overview={overview} store={store} />
            <PeriodLine overview={overview} />
            <KeyFigures view={views.overview} onRetry={reload} />
            <div className="grid">
              <RevenueOverTime view={views.sales} onRetry={reload} />
              <EventsPerSecond view={views.throughput} status={live.status} onRetry={reload} />
              <ShopFunnel view={views.funnel} onRetry={reload} />
              <Categories view={views.categories} onRetry={reload} />
              <TopProducts view={views.products} onRetry={reload} />
              <CityMap view={views.cities} store={store.store_id} onRetry={reload} />
              <LatestOrders view={views.orders} onRetry={reload} />
              <AbandonedCarts view={views.carts} onRetry={reload} />
            </div>
          </>
        )}
      </main>
    </FormatContext>
  );
}
