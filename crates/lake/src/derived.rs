//! Rows of the upserted tables as Arrow columns.

use arrow::array::RecordBatch;
use tradewind_stream::rows::{CartRow, DerivedRow, DerivedTable, OrderRow, SessionRow};

use crate::columns::{
    BoolColumn, LongColumn, MoneyColumn, QuantityColumn, TextColumn, TimeColumn, columns,
};
use crate::error::{LakeError, Result};
use crate::layout::TableName;
use crate::schema::{file_schema, table_schema};

columns! {
    /// `silver.orders`
    OrderColumns {
        order_id: TextColumn, completed_at: TimeColumn, user_id: TextColumn, visitor: TextColumn, status: TextColumn,
        units: QuantityColumn, lines: LongColumn, gross: MoneyColumn, discount: MoneyColumn, tax: MoneyColumn,
        shipping: MoneyColumn, total: MoneyColumn, refunded: MoneyColumn, net_revenue: MoneyColumn, cost: MoneyColumn,
        profit: MoneyColumn, payment_method: TextColumn, coupon: TextColumn, city: TextColumn, country: TextColumn,
    }
}

columns! {
    /// `silver.sessions`
    SessionColumns {
        session_key: TextColumn, visitor: TextColumn, session_id: TextColumn, started_at: TimeColumn, ended_at: TimeColumn,
        events: LongColumn, views: LongColumn, viewed: BoolColumn, carted: BoolColumn, checked_out: BoolColumn,
        purchased: BoolColumn,
    }
}

columns! {
    /// `silver.carts`
    CartColumns {
        cart_key: TextColumn, visitor: TextColumn, cart_id: TextColumn, started_at: TimeColumn, last_activity: TimeColumn,
        items: QuantityColumn, value: MoneyColumn, last_step: TextColumn, status: TextColumn, converted_at: TimeColumn,
    }
}

impl OrderColumns {
    fn put(&mut self, row: usize, order: &OrderRow) {
        self.order_id.put(row, &order.order_id);
        self.completed_at.put(row, order.completed_at);
        self.user_id.put_opt(row, order.user_id.as_deref());
        self.visitor.put_opt(row, order.visitor.as_deref());
        self.status.put(row, order.status.name());
        self.units.put(row, order.units);
        self.lines.put(row, order.lines);
        self.gross.put(row, order.gross);
        self.discount.put(row, order.discount);
        self.tax.put(row, order.tax);
        self.shipping.put(row, order.shipping);
        self.total.put(row, order.total);
        self.refunded.put(row, order.refunded);
        self.net_revenue.put(row, order.net_revenue);
        self.cost.put(row, order.cost);
        self.profit.put(row, order.profit);
        self.payment_method
            .put_opt(row, order.payment_method.as_deref());
        self.coupon.put_opt(row, order.coupon.as_deref());
        self.city.put_opt(row, order.city.as_deref());
        self.country.put_opt(row, order.country.as_deref());
    }
}

impl SessionColumns {
    fn put(&mut self, row: usize, session: &SessionRow) {
        self.session_key.put(row, &session.session_key);
        self.visitor.put(row, &session.visitor);
        self.session_id.put_opt(row, session.session_id.as_deref());
        self.started_at.put(row, session.started_at);
        self.ended_at.put(row, session.ended_at);
        self.events.put(row, session.events);
        self.views.put(row, session.views);
        self.viewed.put(row, session.viewed);
        self.carted.put(row, session.carted);
        self.checked_out.put(row, session.checked_out);
        self.purchased.put(row, session.purchased);
    }
}

impl CartColumns {
    fn put(&mut self, row: usize, cart: &CartRow) {
        self.cart_key.put(row, &cart.cart_key);
        self.visitor.put(row, &cart.visitor);
        self.cart_id.put_opt(row, cart.cart_id.as_deref());
        self.started_at.put(row, cart.started_at);
        self.last_activity.put(row, cart.last_activity);
        self.items.put(row, cart.items);
        self.value.put(row, cart.value);
        self.last_step.put(row, &cart.last_step);
        self.status.put(row, cart.status.name());
        self.converted_at.put_opt(row, cart.converted_at);
    }
}

/// The lake's name of an upserted table.
pub(crate) fn table_name(table: DerivedTable) -> TableName {
    match table {
        DerivedTable::Orders => TableName::SilverOrders,
        DerivedTable::Sessions => TableName::SilverSessions,
        DerivedTable::Carts => TableName::SilverCarts,
    }
}

/// The key column of an upserted table.
pub(crate) fn key_column(table: DerivedTable) -> &'static str {
    match table {
        DerivedTable::Orders => "order_id",
        DerivedTable::Sessions => "session_key",
        DerivedTable::Carts => "cart_key",
    }
}

/// Rows of one table as a batch without the partition columns.
pub(crate) fn batch<'r>(
    table: DerivedTable,
    rows: impl Iterator<Item = &'r DerivedRow>,
) -> Result<RecordBatch> {
    let (mut orders, mut sessions, mut carts) = (
        OrderColumns::default(),
        SessionColumns::default(),
        CartColumns::default(),
    );
    let mut count = 0;
    for row in rows {
        match (table, row) {
            (DerivedTable::Orders, DerivedRow::Order(order)) => orders.put(count, order),
            (DerivedTable::Sessions, DerivedRow::Session(session)) => sessions.put(count, session),
            (DerivedTable::Carts, DerivedRow::Cart(cart)) => carts.put(count, cart),
            _ => {
                return Err(LakeError::Inconsistent(format!(
                    "a change of {table:?} carries a row of another table"
                )));
            }
        }
        count += 1;
    }
    let columns = match table {
        DerivedTable::Orders => orders.finish(count),
        DerivedTable::Sessions => sessions.finish(count),
        DerivedTable::Carts => carts.finish(count),
    };
    let name = table_name(table);
    let schema = table_schema(&name)
        .ok_or_else(|| LakeError::Inconsistent(format!("there is no table `{name}`")))?;
    RecordBatch::try_new(file_schema(&schema), columns)
        .map_err(|e| LakeError::storage(format!("building rows of `{name}`"), e))
}
