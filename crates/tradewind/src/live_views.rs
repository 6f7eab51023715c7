//! Answers the dashboard's views from the operators' snapshots.

use std::sync::Arc;

use tradewind_journal::Journal;
use tradewind_model::{Amount, Clock, Micros, Step};
use tradewind_serve::views::{self, StepName, Time, ViewData};
use tradewind_serve::{
    LiveViews, Period, PreviousAnswer, StoreFacts, StoreScope, ViewAnswer, ViewError, ViewName,
    ViewRequest, Window,
};
use tradewind_stream::LiveHub;
use tradewind_stream::live::Snapshot;
use tradewind_stream::merge::{self, Range};
use tradewind_stream::names::Dimension;
use tradewind_stream::operators::orders::Sales;
use tradewind_stream::panes::Level;
use tradewind_stream::rows::OrderStatus;

use crate::instance::RuntimeWatch;

/// How far back live views reach.
const REACH: i64 = 60 * Micros::DAY;
/// Who was seen within this is active now.
const ACTIVE: i64 = 5 * Micros::MINUTE;

/// The views of a hub.
pub struct HubViews {
    hub: Arc<LiveHub>,
    journal: Arc<dyn Journal>,
    watch: RuntimeWatch,
    clock: Arc<dyn Clock>,
}

impl HubViews {
    pub fn new(
        hub: Arc<LiveHub>,
        journal: Arc<dyn Journal>,
        watch: RuntimeWatch,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            hub,
            journal,
            watch,
            clock,
        }
    }
}

impl LiveViews for HubViews {
    fn facts(&self, scope: &StoreScope) -> StoreFacts {
        let parts = self.hub.read(scope.store_id());
        StoreFacts {
            first_event: parts.iter().filter_map(|p| p.progress.first_event).min(),
            newest_event: merge::watermark(&parts),
            events: parts.iter().map(|p| p.progress.silver).sum(),
        }
    }

    fn view(&self, scope: &StoreScope, request: &ViewRequest) -> Result<ViewAnswer, ViewError> {
        let parts = self.hub.read(scope.store_id());
        let zone = scope.store().zone;
        let watermark = merge::watermark(&parts);
        let (range, previous, level) = match request.period {
            Period::Last { window, end } => {
                let window = stream_window(window);
                let (range, previous) = window.ranges(&zone, end);
                (range, previous, window.level())
            }
            Period::Between { from, to } => {
                let as_of = watermark.unwrap_or(to);
                let reach = as_of.plus(-REACH);
                if from < reach {
                    return Err(ViewError::OutOfReach(format!(
                        "live views reach back to {reach}; ask the gold and silver tables in SQL for earlier times"
                    )));
                }
                let (range, level, previous) =
                    merge::align(&zone, from, to, as_of, request.compare);
                (range, previous, level)
            }
        };
        let asked = request
            .interval
            .map_or(0, tradewind_serve::Interval::length);
        let interval = asked.max(match level {
            Level::Minute => Micros::MINUTE,
            Level::Hour => Micros::HOUR,
            Level::Day => Micros::DAY,
        });
        let now = self.clock.now();
        // Against a period before the first event, or nearly all of it, every figure would only seem to rise.
        let begun = parts.iter().filter_map(|p| p.progress.first_event).min();
        let tolerated = (previous.1.0 - previous.0.0) / 10;
        let comparable = begun.is_some_and(|first| first <= previous.0.plus(tolerated));
        let of = |range: Range| view(request, &parts, range, interval, &zone, watermark, now);
        Ok(ViewAnswer {
            from: range.0,
            to: range.1,
            watermark,
            data: of(range),
            previous: (request.compare && comparable).then(|| PreviousAnswer {
                from: previous.0,
                to: previous.1,
                data: of(previous),
            }),
        })
    }

    fn generation(&self, scope: &StoreScope) -> u64 {
        self.hub.generation(scope.store_id())
    }

    fn status(&self, scope: &StoreScope) -> views::LiveStatus {
        let now = self.clock.now();
        let positions = self
            .watch
            .ask(tradewind_stream::Runtime::positions)
            .unwrap_or_default();
        let lag = positions
            .into_iter()
            .filter(|(partition, next, _)| self.journal.bounds(*partition).next > *next)
            .map(|(_, _, received)| now.0.saturating_sub(received.0) / 1_000)
            .max()
            .unwrap_or(0);
        views::LiveStatus {
            events_per_second: throughput(&self.hub.read(scope.store_id()), now).events_per_second,
            lag_ms: u64::try_from(lag).unwrap_or(0),
        }
    }
}

fn stream_window(window: Window) -> merge::Window {
    match window {
        Window::FiveMinutes => merge::Window::FiveMinutes,
        Window::Hour => merge::Window::Hour,
        Window::Day => merge::Window::Day,
        Window::Week => merge::Window::Week,
        Window::Month => merge::Window::Month,
    }
}

fn view(
    request: &ViewRequest,
    parts: &[Arc<Snapshot>],
    range: Range,
    interval: i64,
    zone: &tradewind_model::StoreZone,
    watermark: Option<Micros>,
    now: Micros,
) -> ViewData {
    let interval_s = count(interval / Micros::SECOND);
    match request.name {
        ViewName::Overview => ViewData::Overview(overview(parts, range)),
        ViewName::Traffic => ViewData::Traffic(views::Traffic {
            interval_s,
            points: merge::traffic_series(parts, range, interval, zone)
                .into_iter()
                .map(|(time, t)| views::TrafficPoint {
                    time: Time(time),
                    events: t.events,
                    views: t.views,
                    visitors: t.visitors,
                })
                .collect(),
        }),
        ViewName::Sales => ViewData::Sales(views::Sales {
            interval_s,
            points: merge::sales_series(parts, range, interval, zone)
                .into_iter()
                .map(|(time, s)| sales_point(time, &s))
                .collect(),
        }),
        ViewName::Throughput => ViewData::Throughput(throughput(parts, now)),
        ViewName::Funnel => ViewData::Funnel(funnel(parts, range)),
        ViewName::Products => {
            ViewData::Ranking(ranking(parts, range, Dimension::Product, request.limit))
        }
        ViewName::Categories => {
            ViewData::Ranking(ranking(parts, range, Dimension::Category, request.limit))
        }
        ViewName::Brands => {
            ViewData::Ranking(ranking(parts, range, Dimension::Brand, request.limit))
        }
        ViewName::Cities => {
            ViewData::Ranking(ranking(parts, range, Dimension::City, request.limit))
        }
        ViewName::Orders => ViewData::Orders(orders(parts, range, request.limit)),
        ViewName::Carts => ViewData::Carts(carts(parts, range, watermark, request.limit)),
        ViewName::Sessions => ViewData::Sessions(sessions(parts, range)),
    }
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

#[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn overview(parts: &[Arc<Snapshot>], range: Range) -> views::Overview {
    let traffic = merge::traffic(parts, range);
    let sales = merge::sales(parts, range);
    let sessions = merge::sessions(parts, range);
    // The window may reach into the future of the last event, up to the end of its pane: active means before the newest event
    // of a visitor.
    let seen = parts
        .iter()
        .filter(|p| p.partition.topic == tradewind_model::Topic::UserEvents)
        .filter_map(|p| p.progress.watermark)
        .max();
    let active_to = seen.map_or(range.1, |w| range.1.min(w.plus(1).ceil_to(Micros::MINUTE)));
    let active = merge::traffic(parts, (active_to.plus(-ACTIVE), active_to));
    let net = sales.net_revenue();
    views::Overview {
        events: traffic.events,
        views: traffic.views,
        visitors: traffic.visitors,
        active_visitors: active.visitors,
        sessions: count(sessions.sessions),
        orders: count(sales.orders),
        units: sales.units,
        gross: sales.gross,
        discounts: sales.discounts,
        refunds: sales.refunds,
        net_revenue: net,
        cost: sales.cost,
        profit: sales.profit(),
        margin: sales.profit().ratio(net),
        average_order_value: (sales.orders > 0).then(|| net.share(1, sales.orders)),
        conversion_rate: (traffic.visitors > 0).then(|| {
            let buyers = merge::buyers(parts, range);
            buyers as f64 / traffic.visitors as f64
        }),
    }
}

fn sales_point(time: Micros, sales: &Sales) -> views::SalesPoint {
    views::SalesPoint {
        time: Time(time),
        orders: count(sales.orders),
        units: sales.units,
        gross: sales.gross,
        discounts: sales.discounts,
        refunds: sales.refunds,
        net_revenue: sales.net_revenue(),
        cost: sales.cost,
        profit: sales.profit(),
    }
}

fn throughput(parts: &[Arc<Snapshot>], now: Micros) -> views::Throughput {
    const SECONDS: i64 = 120;
    let second = now.0.div_euclid(Micros::SECOND);
    let from = second - SECONDS;
    let mut events = vec![0u64; usize::try_from(SECONDS).unwrap_or(0)];
    for part in parts {
        for (at, n) in part.rate.seconds() {
            if let Some(slot) = usize::try_from(at - from)
                .ok()
                .and_then(|i| events.get_mut(i))
            {
                *slot += n;
            }
        }
    }
    // The last ten whole seconds; the running one is left out, as it is not over.
    let recent: u64 = events.iter().rev().take(10).sum();
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    views::Throughput {
        events_per_second: recent as f64 / 10.0,
        points: (from..)
            .zip(events)
            .map(|(at, events)| views::ThroughputPoint {
                time: Time(Micros(at * Micros::SECOND)),
                events,
            })
            .collect(),
    }
}

fn funnel(parts: &[Arc<Snapshot>], range: Range) -> views::Funnel {
    let totals = merge::funnel(parts, range);
    let name = |step| match step {
        Step::View => StepName::View,
        Step::Cart => StepName::Cart,
        Step::Checkout => StepName::Checkout,
        Step::Purchase => StepName::Purchase,
    };
    let share = |t: &merge::StepTotals, of: Option<&merge::StepTotals>| {
        let of = of.filter(|of| t.is_kept() && of.visitors > 0)?;
        Some(t.visitors as f64 / of.visitors as f64)
    };
    let steps = totals
        .iter()
        .enumerate()
        .map(|(i, t)| views::FunnelStep {
            step: name(t.step),
            sessions: count(t.sessions),
            visitors: t.visitors,
            events: t.events,
            of_first: share(t, totals.iter().find(|first| first.is_kept())),
            of_previous: share(
                t,
                totals[..i].iter().rev().find(|earlier| earlier.is_kept()),
            ),
        })
        .collect();
    let left_out = totals.iter().filter(|t| !t.is_kept());
    views::Funnel {
        steps,
        left_out: left_out.map(|t| name(t.step)).collect(),
    }
}

fn ranking(
    parts: &[Arc<Snapshot>],
    range: Range,
    dimension: Dimension,
    limit: usize,
) -> views::Ranking {
    let rows = merge::ranking(parts, range, dimension);
    let total_rows = rows.len() as u64;
    let rows = rows
        .into_iter()
        .take(limit)
        .map(|r| views::RankingRow {
            key: r.name.key.clone(),
            name: Some(r.name.name.unwrap_or(r.name.key)),
            category: r.name.category,
            brand: r.name.brand,
            country: r.name.country,
            lat: r.name.lat,
            lon: r.name.lon,
            views: count(r.figures.views),
            carts: count(r.figures.carts),
            orders: count(r.figures.orders),
            units: r.figures.units,
            revenue: r.figures.revenue,
            cost: r.figures.cost,
            profit: r.figures.revenue - r.figures.cost,
        })
        .collect();
    views::Ranking { rows, total_rows }
}

fn orders(parts: &[Arc<Snapshot>], (from, to): Range, limit: usize) -> views::Orders {
    let mut rows: Vec<_> = parts
        .iter()
        .flat_map(|p| &p.latest_orders)
        .filter(|o| o.completed_at >= from && o.completed_at < to)
        .collect();
    rows.sort_unstable_by(|a, b| (b.completed_at, &b.order_id).cmp(&(a.completed_at, &a.order_id)));
    let rows = rows
        .into_iter()
        .take(limit)
        .map(|o| views::OrderRow {
            order_id: o.order_id.clone(),
            time: Time(o.completed_at),
            user_id: o.user_id.clone(),
            visitor: o.visitor.clone(),
            city: o.city.clone(),
            items: o.units,
            total: o.total,
            net: o.net_revenue,
            status: match o.status {
                OrderStatus::Completed => views::OrderStatus::Completed,
                OrderStatus::Fulfilled => views::OrderStatus::Fulfilled,
                OrderStatus::Cancelled => views::OrderStatus::Cancelled,
                OrderStatus::PartiallyRefunded => views::OrderStatus::PartiallyRefunded,
                OrderStatus::Refunded => views::OrderStatus::Refunded,
            },
            payment_method: o.payment_method.clone(),
        })
        .collect();
    views::Orders { rows }
}

fn carts(
    parts: &[Arc<Snapshot>],
    range: Range,
    watermark: Option<Micros>,
    limit: usize,
) -> views::Carts {
    let as_of = watermark.unwrap_or(range.1).min(range.1);
    let totals = merge::carts(parts, range, as_of);
    let mut rows: Vec<_> = parts
        .iter()
        .flat_map(|p| &p.latest_carts)
        .filter(|c| c.last_activity >= range.0 && c.last_activity < range.1)
        .collect();
    rows.sort_unstable_by(|a, b| {
        (b.last_activity, &b.cart_key).cmp(&(a.last_activity, &a.cart_key))
    });
    views::Carts {
        open: count(totals.open),
        abandoned: count(totals.abandoned),
        recovered: count(totals.ended.recovered),
        converted: count(totals.ended.converted),
        abandoned_value: totals.abandoned_value,
        recovered_value: totals.ended.recovered_value,
        rows: rows
            .into_iter()
            .take(limit)
            .map(|c| views::CartRow {
                cart_id: c.cart_id.clone().unwrap_or_else(|| c.cart_key.clone()),
                visitor: Some(c.visitor.clone()),
                last_activity: Time(c.last_activity),
                items: c.items,
                value: c.value,
                last_step: Some(c.last_step.clone()),
                status: c.status.name().to_owned(),
            })
            .collect(),
    }
}

fn sessions(parts: &[Arc<Snapshot>], range: Range) -> views::Sessions {
    let totals = merge::sessions(parts, range);
    views::Sessions {
        sessions: count(totals.sessions),
        bounces: count(totals.bounces),
        bounce_rate: ratio(totals.bounces, totals.sessions),
        average_duration_s: ratio(totals.duration / Micros::SECOND, totals.sessions),
        events_per_session: ratio(totals.events, totals.sessions),
    }
}

/// The net revenue of a store in a window, for the terminal's line.
pub fn net_revenue(hub: &LiveHub, store: &tradewind_model::Store, end: Micros) -> Amount {
    let (range, _) = merge::Window::Day.ranges(&store.zone, end);
    merge::sales(&hub.read(&store.store_id), range).net_revenue()
}
