//! Merges partitions' snapshots into the figures of a period. Exact: sums add up, distinct sets of partitions are disjoint.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use roaring::RoaringBitmap;
use tradewind_model::{Date, Micros, Step, StoreZone};

use crate::live::Snapshot;
use crate::names::{Dimension, Name};
use crate::operators::carts::CartPane;
use crate::operators::orders::Sales;
use crate::operators::performance::Figures;
use crate::operators::sessions::SessionPane;
use crate::panes::{Level, Pane, day_end, day_start, hour_start, merge_range};

/// The sliding windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// Five minutes, by minutes.
    FiveMinutes,
    /// One hour, by minutes.
    Hour,
    /// 24 hours, by local hours.
    Day,
    /// Seven local days, today included.
    Week,
    /// Thirty local days, today included.
    Month,
}

/// An exact period, ends exclusive.
pub type Range = (Micros, Micros);

impl Window {
    /// The period of the window that ends at `end`, rounded up to whole panes, and the one before it.
    #[must_use]
    pub fn ranges(self, zone: &StoreZone, end: Micros) -> (Range, Range) {
        let last = end.plus(-1);
        let days = |n: i32| {
            let today = zone.date(last);
            let start = |back: i32| zone.start_of(tradewind_model::Date(today.0 - back));
            let from = start(n - 1);
            ((from, day_end(zone, last)), (start(2 * n - 1), from))
        };
        let fixed = |to: Micros, length: i64| {
            let from = to.plus(-length);
            ((from, to), (from.plus(-length), from))
        };
        match self {
            Self::FiveMinutes => fixed(end.ceil_to(Micros::MINUTE), 5 * Micros::MINUTE),
            Self::Hour => fixed(end.ceil_to(Micros::MINUTE), Micros::HOUR),
            Self::Day => fixed(hour_start(zone, last).plus(Micros::HOUR), 24 * Micros::HOUR),
            Self::Week => days(7),
            Self::Month => days(30),
        }
    }

    /// The width of the panes the window is made of.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::FiveMinutes | Self::Hour => Level::Minute,
            Self::Day => Level::Hour,
            Self::Week | Self::Month => Level::Day,
        }
    }
}

/// Rounds a free period outwards to panes that are surely whole, given the store's watermark; with `compare`, to panes of a width
/// that the period before it has as well. The last range is that period: as many minutes, hours or days.
#[must_use]
pub fn align(
    zone: &StoreZone,
    from: Micros,
    to: Micros,
    watermark: Micros,
    compare: bool,
) -> (Range, Level, Range) {
    // How far back panes are needed; rounding both periods to panes may reach back by two panes more than the length.
    let earliest = |pane: i64| {
        if compare {
            from.plus(-(to.0 - from.0) - 2 * pane)
        } else {
            from
        }
    };
    let level = if earliest(Micros::MINUTE) >= watermark.plus(-2 * Micros::HOUR) {
        Level::Minute
    } else if earliest(Micros::HOUR) >= watermark.plus(-48 * Micros::HOUR) {
        Level::Hour
    } else {
        Level::Day
    };
    let range = widen(zone, from, to, level);
    let before = match level {
        Level::Minute | Level::Hour => {
            widen(zone, range.0.plus(-(range.1.0 - range.0.0)), range.0, level)
        }
        Level::Day => {
            let first = zone.date(range.0);
            let days = zone.date(range.1.plus(-1)).0 - first.0 + 1;
            (zone.start_of(Date(first.0 - days)), range.0)
        }
    };
    (range, level, before)
}

fn widen(zone: &StoreZone, from: Micros, to: Micros, level: Level) -> Range {
    let last = to.plus(-1);
    match level {
        Level::Minute => (from.floor_to(Micros::MINUTE), to.ceil_to(Micros::MINUTE)),
        Level::Hour => (
            hour_start(zone, from),
            hour_start(zone, last).plus(Micros::HOUR),
        ),
        Level::Day => (day_start(zone, from), day_end(zone, last)),
    }
}

/// The store's watermark: that of the partition that is furthest, since idle partitions hold nobody back.
#[must_use]
pub fn watermark(parts: &[Arc<Snapshot>]) -> Option<Micros> {
    parts.iter().filter_map(|p| p.progress.watermark).max()
}

/// Visits of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficTotals {
    /// Events.
    pub events: u64,
    /// Views.
    pub views: u64,
    /// Distinct visitors.
    pub visitors: u64,
}

/// Events, views and exact distinct visitors of a period.
#[must_use]
pub fn traffic(parts: &[Arc<Snapshot>], (from, to): Range) -> TrafficTotals {
    let mut totals = TrafficTotals::default();
    for part in parts {
        let mut visitors = RoaringBitmap::new();
        merge_range(&part.traffic, from, to, |_, pane| {
            totals.events += pane.events;
            totals.views += pane.views;
            visitors |= &pane.visitors.0;
        });
        totals.visitors += visitors.len();
    }
    totals
}

/// The start of the point of a series that holds a moment.
fn point(zone: &StoreZone, time: Micros, interval: i64) -> Micros {
    if interval >= Micros::DAY {
        day_start(zone, time)
    } else if interval >= Micros::HOUR {
        hour_start(zone, time)
    } else {
        time.floor_to(interval)
    }
}

/// The starts of all points of a period.
#[must_use]
pub fn points(zone: &StoreZone, (from, to): Range, interval: i64) -> Vec<Micros> {
    let mut out = Vec::new();
    let mut at = point(zone, from, interval);
    while at < to && out.len() < 5_000 {
        out.push(at);
        at = if interval >= Micros::DAY {
            day_end(zone, at)
        } else {
            at.plus(interval)
        };
    }
    out
}

/// Traffic by point.
#[must_use]
pub fn traffic_series(
    parts: &[Arc<Snapshot>],
    range: Range,
    interval: i64,
    zone: &StoreZone,
) -> Vec<(Micros, TrafficTotals)> {
    let mut series: BTreeMap<Micros, TrafficTotals> = points(zone, range, interval)
        .into_iter()
        .map(|t| (t, TrafficTotals::default()))
        .collect();
    for part in parts {
        let mut sets: BTreeMap<Micros, RoaringBitmap> = BTreeMap::new();
        merge_range(&part.traffic, range.0, range.1, |start, pane| {
            let at = point(zone, start, interval);
            let totals = series.entry(at).or_default();
            totals.events += pane.events;
            totals.views += pane.views;
            *sets.entry(at).or_default() |= &pane.visitors.0;
        });
        for (at, set) in sets {
            series.entry(at).or_default().visitors += set.len();
        }
    }
    series.into_iter().collect()
}

/// Sales of a period.
#[must_use]
pub fn sales(parts: &[Arc<Snapshot>], (from, to): Range) -> Sales {
    let mut sum = Sales::default();
    for part in parts {
        merge_range(&part.sales, from, to, |_, pane| sum.add(&pane.0, 1));
    }
    sum
}

/// Sales by point.
#[must_use]
pub fn sales_series(
    parts: &[Arc<Snapshot>],
    range: Range,
    interval: i64,
    zone: &StoreZone,
) -> Vec<(Micros, Sales)> {
    let mut series: BTreeMap<Micros, Sales> = points(zone, range, interval)
        .into_iter()
        .map(|t| (t, Sales::default()))
        .collect();
    for part in parts {
        merge_range(&part.sales, range.0, range.1, |start, pane| {
            series
                .entry(point(zone, start, interval))
                .or_default()
                .add(&pane.0, 1);
        });
    }
    series.into_iter().collect()
}

/// Sessions of a period, by their start.
#[must_use]
pub fn sessions(parts: &[Arc<Snapshot>], (from, to): Range) -> SessionPane {
    let mut sum = SessionPane::default();
    for part in parts {
        merge_range(&part.sessions, from, to, |_, pane| sum.merge(pane));
    }
    sum
}

/// How many reached a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTotals {
    /// The step.
    pub step: Step,
    /// Sessions begun in the period that reached it.
    pub sessions: i64,
    /// Visitors who reached it and every earlier step that is kept, in the period, in any order.
    pub visitors: u64,
    /// Events of it in the period; of the purchase, orders completed in it.
    pub events: u64,
}

impl StepTotals {
    /// Whether the store sent any event of the step in the period. A step that it did not send is left out: nobody can have reached
    /// it, and yet shoppers go on behind it.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.events > 0
    }
}

/// Who reached each step in a period, by partition.
fn reached(
    parts: &[Arc<Snapshot>],
    (from, to): Range,
) -> impl Iterator<Item = ([u64; 4], [RoaringBitmap; 4])> {
    parts.iter().map(move |part| {
        let mut events = [0; 4];
        let mut sets: [RoaringBitmap; 4] = Default::default();
        merge_range(&part.funnel, from, to, |_, pane| {
            for (i, set) in sets.iter_mut().enumerate() {
                events[i] += pane.events[i];
                *set |= &pane.visitors[i].0;
            }
        });
        (events, sets)
    })
}

/// The funnel of a period. A visitor is in one partition, so intersections of partitions add up and are exact.
#[must_use]
pub fn funnel(parts: &[Arc<Snapshot>], range: Range) -> [StepTotals; 4] {
    let sessions = sessions(parts, range);
    let mut out = Step::ALL.map(|step| StepTotals {
        step,
        sessions: sessions.steps[step as usize],
        visitors: 0,
        events: 0,
    });
    let by_partition: Vec<_> = reached(parts, range).collect();
    for (events, _) in &by_partition {
        for (totals, events) in out.iter_mut().zip(events) {
            totals.events += events;
        }
    }
    let orders = sales(parts, range).orders;
    out[Step::Purchase as usize].events = u64::try_from(orders).unwrap_or(0);
    for (_, sets) in by_partition {
        let mut so_far: Option<RoaringBitmap> = None;
        for (totals, set) in out.iter_mut().zip(sets) {
            if totals.is_kept() {
                let both = match so_far {
                    Some(earlier) => earlier & set,
                    None => set,
                };
                totals.visitors += both.len();
                so_far = Some(both);
            }
        }
    }
    out
}

/// Visitors who completed an order in the period.
#[must_use]
pub fn buyers(parts: &[Arc<Snapshot>], range: Range) -> u64 {
    reached(parts, range)
        .map(|(_, sets)| sets[Step::Purchase as usize].len())
        .sum()
}

/// Carts of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CartTotals {
    /// Open and active within the quiet time.
    pub open: i64,
    /// Open and quiet for longer.
    pub abandoned: i64,
    /// Their value.
    pub abandoned_value: tradewind_model::Amount,
    /// Ended carts.
    pub ended: CartPane,
}

/// Carts of a period as seen from `as_of`: open ones by their last activity, ended ones by their end. The border between open and
/// abandoned is rounded down to whole minutes.
#[must_use]
pub fn carts(parts: &[Arc<Snapshot>], (from, to): Range, as_of: Micros) -> CartTotals {
    let mut totals = CartTotals::default();
    for part in parts {
        let border = as_of.plus(-part.cart_quiet).floor_to(Micros::MINUTE);
        merge_range(&part.carts, from, to, |start, pane| {
            if start < border {
                totals.abandoned += pane.open;
                totals.abandoned_value += pane.open_value;
            } else {
                totals.open += pane.open;
            }
            totals.ended.merge(pane);
        });
    }
    totals
}

/// A name with its figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The name and what is known of it, merged over partitions.
    pub name: Name,
    /// Its figures.
    pub figures: Figures,
}

/// Everything of one dimension in a period, by revenue, then views, then name.
#[must_use]
pub fn ranking(parts: &[Arc<Snapshot>], (from, to): Range, dimension: Dimension) -> Vec<Ranked> {
    let mut merged: HashMap<&str, Ranked> = HashMap::new();
    for part in parts {
        let mut sums = vec![Figures::default(); part.names.len()];
        merge_range(&part.performance, from, to, |_, pane| {
            for (number, figures) in &pane.0 {
                if let Some(sum) = sums.get_mut(*number as usize) {
                    sum.add(figures, 1);
                }
            }
        });
        for (name, figures) in part.names.iter().zip(&sums) {
            if name.dimension != dimension || *figures == Figures::default() {
                continue;
            }
            merged
                .entry(name.key.as_str())
                .or_insert_with(|| Ranked {
                    name: name.as_ref().clone(),
                    figures: Figures::default(),
                })
                .figures
                .add(figures, 1);
        }
    }
    // What a name is called may be known in another partition than the one that counts it.
    for part in parts {
        for name in part.names.iter().filter(|n| n.dimension == dimension) {
            if let Some(ranked) = merged.get_mut(name.key.as_str()) {
                complete(&mut ranked.name, name);
            }
        }
    }
    let mut rows: Vec<Ranked> = merged.into_values().collect();
    rows.sort_unstable_by(|a, b| {
        let order = |r: &Ranked| {
            (
                std::cmp::Reverse(r.figures.revenue),
                std::cmp::Reverse(r.figures.views),
            )
        };
        order(a)
            .cmp(&order(b))
            .then_with(|| a.name.key.cmp(&b.name.key))
    });
    rows
}

fn complete(name: &mut Name, other: &Name) {
    for (slot, known) in [
        (&mut name.name, &other.name),
        (&mut name.category, &other.category),
        (&mut name.brand, &other.brand),
        (&mut name.country, &other.country),
    ] {
        if slot.is_none() {
            slot.clone_from(known);
        }
    }
    if name.lat.is_none() {
        name.lat = other.lat;
        name.lon = other.lon;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = Micros::DAY;

    #[test]
    fn the_period_before_is_of_whole_panes_too() {
        let berlin = StoreZone::new("Europe/Berlin").unwrap();
        let day = |d: i32| berlin.start_of(Date(20_535 + d));
        // 23 to 30 March 2026 with a day of 23 hours in it; the week before begins at midnight.
        let (range, level, before) = align(&berlin, day(0), day(7), day(9), true);
        assert_eq!((range, level), ((day(0), day(7)), Level::Day));
        assert_eq!(range.1.0 - range.0.0, 7 * DAY - Micros::HOUR);
        assert_eq!(before, (day(-7), day(0)));
        // 23 hours up to now are hours by themselves, but the 23 before them are no longer kept as hours.
        let now = day(20).plus(12 * Micros::HOUR);
        let from = now.plus(-47 * Micros::HOUR);
        assert_eq!(align(&berlin, from, now, now, false).1, Level::Hour);
        let (range, level, before) = align(&berlin, from, now, now, true);
        assert_eq!(level, Level::Day);
        assert_eq!((range, before), ((day(18), day(21)), (day(15), day(18))));
        let hour = align(&berlin, now.plus(-30 * Micros::MINUTE), now, now, true);
        assert_eq!(hour.1, Level::Minute);
        assert_eq!(
            hour.2,
            (now.plus(-Micros::HOUR), now.plus(-30 * Micros::MINUTE))
        );
    }
}
