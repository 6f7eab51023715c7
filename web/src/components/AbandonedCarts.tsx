// Carts left behind: how many, how much, and which ones most recently.
import { memo } from "react";
import type { ViewState } from "../api/liveState";
import type { Carts, ViewName } from "../api/types";
import { useFormat } from "../format/FormatContext";
import { Card } from "./Card";
import { CardMessage } from "./CardMessage";
import { DataTable } from "./DataTable";
import { cartStepName } from "./stepNames";

const SHOWN = 8;

interface Props {
  view: ViewState<"carts">;
  onRetry: (view: ViewName) => void;
}

function untouched(data: Carts): boolean {
  return data.rows.length === 0 && data.open === 0 && data.abandoned === 0 && data.recovered === 0 && data.converted === 0;
}

export const AbandonedCarts = memo(function AbandonedCarts({ view, onRetry }: Props) {
  const format = useFormat();
  return (
    <Card
      name="carts"
      area="carts"
      title="Abandoned carts"
      unit={`Newest first, values in ${view.response?.currency ?? ""}`}
      view={view}
      isEmpty={({ data }) => untouched(data)}
      emptyMessage="No cart was filled in this window."
      onRetry={onRetry}
      picture={({ data }) => (
        <>
          <dl className="mini-figures">
            <div>
              <dt>Open now</dt>
              <dd>{format.count(data.open)}</dd>
            </div>
            <div>
              <dt>Abandoned</dt>
              <dd>{format.count(data.abandoned)}</dd>
            </div>
            <div>
              <dt>Value left</dt>
              <dd>{format.money(data.abandoned_value)}</dd>
            </div>
            <div>
              <dt>Recovered</dt>
              <dd>{format.money(data.recovered_value)}</dd>
            </div>
          </dl>
          {data.rows.length === 0 ? (
            <CardMessage icon="empty" message="No cart is abandoned right now." />
          ) : (
            <DataTable
              live
              caption="Abandoned carts"
              columns={[{ label: "Last seen" }, { label: "Last step" }, { label: "Items", numeric: true, wide: true }, { label: "Value", numeric: true }]}
              rows={data.rows.slice(0, SHOWN).map((cart) => ({
                key: cart.cart_id,
                cells: [
                  <span className="cell-main" key="seen">
                    {format.dateTime(cart.last_activity)}
                  </span>,
                  cartStepName(cart.last_step),
                  format.quantity(cart.items),
                  format.money(cart.value, true),
                ],
              }))}
            />
          )}
        </>
      )}
    />
  );
});
