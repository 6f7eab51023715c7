// The frame of every card: title, units, controls, and its loading, empty, error, picture and table faces.
import { useId, useState, type ReactNode } from "react";
import type { ViewState } from "../api/liveState";
import type { ViewName, ViewResponse } from "../api/types";
import { CardMessage } from "./CardMessage";
import { cardState, type CardState } from "./cardState";
import { DataTable, type TableSpec } from "./DataTable";
import { Icon } from "./Icon";

interface Props<N extends ViewName> {
  title: string;
  /** Units and extent of what is shown, e.g. "EUR, per hour". */
  unit: string;
  view: ViewState<N>;
  isEmpty: (response: ViewResponse<N>) => boolean;
  emptyMessage: string;
  onRetry: (view: ViewName) => void;
  name: N;
  picture: (response: ViewResponse<N>) => ReactNode;
  /** Absent where the picture is a table already. */
  table?: (response: ViewResponse<N>) => TableSpec;
  controls?: ReactNode;
  area: string;
}

export function Card<N extends ViewName>(props: Props<N>) {
  const { title, unit, view, name, table, controls, area } = props;
  const [asTable, setAsTable] = useState(false);
  const heading = useId();
  const state = cardState(view, props.isEmpty);
  return (
    <section className={`card area-${area}`} aria-labelledby={heading} aria-busy={state.kind === "loading" || view.refreshing}>
      <header className="card-head">
        <div className="card-titles">
          <h2 id={heading}>{title}</h2>
          <p className="unit">{unit}</p>
        </div>
        <div className="card-controls">
          {controls}
          {table !== undefined && (
            <button
              type="button"
              className="icon-button"
              aria-pressed={asTable}
              aria-label={`Show as table: ${title}`}
              title={asTable ? "Show as chart" : "Show as table"}
              onClick={() => {
                setAsTable(!asTable);
              }}
            >
              <Icon name={asTable ? "chart" : "table"} />
            </button>
          )}
        </div>
      </header>
      <div className={`card-body ${view.refreshing ? "is-refreshing" : ""}`} data-view={name} data-state={state.kind}>
        <CardFace {...props} state={state} asTable={asTable} />
      </div>
    </section>
  );
}

interface FaceProps<N extends ViewName> extends Props<N> {
  state: CardState<N>;
  asTable: boolean;
}

function CardFace<N extends ViewName>({ state, asTable, table, picture, name, title, emptyMessage, onRetry }: FaceProps<N>) {
  switch (state.kind) {
    case "loading":
      return (
        <div className="skeleton">
          <span className="hidden-text">Loading {title}</span>
        </div>
      );
    case "error":
      return (
        <CardMessage icon="warning" message={state.error.message} hint={state.error.hint ?? undefined} alert>
          <button
            type="button"
            className="button"
            onClick={() => {
              onRetry(name);
            }}
          >
            Try again
          </button>
        </CardMessage>
      );
    case "empty":
      return <CardMessage icon="empty" message={emptyMessage} />;
    case "ready":
      return asTable && table !== undefined ? <DataTable {...table(state.response)} /> : picture(state.response);
  }
}
