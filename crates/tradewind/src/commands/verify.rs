//! `tradewind verify`: recompute from bronze, compare with silver, gold and the live views (S2, L2). Exit 1 on a difference.
//!
//! First every data file is held against its checksum; nothing is computed from files that are not what was written. Then every
//! record of bronze is decoded and de-duplicated again, and what comes out is counted by partition and compared
//! with silver by store and day; gold's SQL is run again and compared with its tables. Then bronze is replayed into a lake beside,
//! whose silver and gold must be row by row those that the live operators wrote. At last the live views are
//! compared with SQL over the silver tables for the very periods the views are of, and with gold for whole days.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tradewind_journal::Journal;
use tradewind_lake::{PartitionCounts, ReplayRange};
use tradewind_model::{Store, StoreDirectory, StoreId};
use tradewind_query::{QueryLimits, ResultFormat, Scope};
use tradewind_stream::RULES;
use tradewind_stream::live::Snapshot;
use tradewind_stream::merge::{self, Range, Window};
use tradewind_stream::names::Dimension;

use crate::cli::VerifyArgs;
use crate::config::Config;
use crate::instance::Instance;
use crate::reprocess::JournalFormats;
use crate::terminal::{self, grouped, say_line};

pub async fn run(config: Config, data_dir: &Path, args: &VerifyArgs) -> Result<ExitCode> {
    super::existing_folder(data_dir)?;
    let spinner = terminal::spinner("opening");
    let instance = Instance::open(config, data_dir).await?;
    let only = match args.store.as_deref() {
        Some(store) => Some(
            super::known_store(&instance.control, store)?
                .store_id
                .clone(),
        ),
        None => None,
    };
    spinner.set_message("checking data files");
    instance.lake.check_offsets().await?;
    let damaged = instance.lake.damaged_files(None, only.as_ref()).await?;
    if !damaged.is_empty() {
        spinner.finish_and_clear();
        for difference in &damaged {
            say_line!("DIFFERENCE {difference}");
        }
        say_line!(
            "NOT VERIFIED: {} data files are damaged or missing, so nothing was computed from them. Silver and gold are built again by `tradewind replay --store NAME`, bronze needs a copy (docs/recovery.md)",
            grouped(damaged.len() as u64)
        );
        instance.close().await?;
        return Ok(ExitCode::FAILURE);
    }
    spinner.set_message("processing what is in the journal");
    instance.drain().await?;
    instance.refresh_gold().await?;
    spinner.set_message("recomputing from bronze");
    let formats = JournalFormats(Arc::clone(&instance.journal) as Arc<dyn Journal>);
    let recomputed = instance
        .lake
        .verify(
            only.as_ref(),
            &formats,
            instance.control.as_ref(),
            instance.config.operators().dedup,
        )
        .await?;
    let mut checks = Checks::default();
    let (mut stores, mut older) = (Vec::new(), Vec::new());
    for store in instance.control.stores() {
        if only.as_ref().is_none_or(|o| *o == store.store_id) {
            match instance.lake.counted_by(&store.store_id) {
                RULES => stores.push(store),
                rules => older.push((store, rules)),
            }
        }
    }
    for store in &stores {
        checks
            .differences
            .extend(replayed(&instance, Arc::clone(store), &spinner).await?);
    }
    spinner.set_message("comparing live views with silver");
    for store in &stores {
        compare(&instance, store, &mut checks).await?;
    }
    let counts = &recomputed.counts;
    let sum = |of: fn(&PartitionCounts) -> u64| counts.iter().map(of).sum::<u64>();
    let bronze = sum(|c| c.bronze);
    let read = received(&instance, only.as_ref());
    if read != bronze {
        checks.differences.push(format!(
            "the operators count {read} records, bronze has {bronze} (L2){}",
            if bronze < read {
                ": bronze has lost some; restore it from a whole copy, and do not replay before"
            } else {
                ""
            }
        ));
    }
    spinner.finish_and_clear();
    for difference in &recomputed.differences {
        say_line!("DIFFERENCE {difference}");
    }
    for difference in &checks.differences {
        say_line!("DIFFERENCE {difference}");
    }
    for (store, rules) in &older {
        say_line!(
            "store {} was counted by older rules ({rules}; today's are {RULES}): its files and records were checked, orders, sessions, carts, gold and live views were not compared with today's rules; `tradewind replay --store {}` counts again",
            store.store_id,
            store.store_id
        );
    }
    let differences = recomputed.differences.len() + checks.differences.len();
    let clean = differences == 0 && recomputed.is_clean();
    say_line!(
        "{}: {} records of bronze decoded again = {} silver + {} duplicates + {} quarantine; {} days of silver and {} of gold computed again; {} live figures compared with silver and gold; {differences} differences",
        if clean { "verified" } else { "NOT VERIFIED" },
        grouped(bronze),
        grouped(sum(|c| c.silver)),
        grouped(sum(|c| c.duplicates)),
        grouped(sum(|c| c.quarantine)),
        grouped(recomputed.silver_days as u64),
        grouped(recomputed.gold_days as u64),
        grouped(checks.made),
    );
    instance.close().await?;
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where silver and gold differ from what a replay of the store's bronze gives; the replay is thrown away.
async fn replayed(
    instance: &Instance,
    store: Arc<Store>,
    spinner: &indicatif::ProgressBar,
) -> Result<Vec<String>> {
    let range = ReplayRange {
        store: store.store_id.clone(),
        from: None,
        to: None,
    };
    let (replay, _) = super::replay::stage(instance, Arc::clone(&store), range, None, spinner)
        .await
        .context(
            "bronze could not be replayed for the comparison; silver and gold are as they were",
        )?;
    spinner.set_message("comparing silver and gold with the replay");
    let found = instance
        .lake
        .differences_to(replay.staged(), &store.store_id)
        .await;
    replay.abandon()?;
    Ok(found?
        .into_iter()
        .map(|difference| format!("{difference} (by a replay of bronze)"))
        .collect())
}

/// The records the operators say they have read.
pub(super) fn received(instance: &Instance, only: Option<&StoreId>) -> u64 {
    let stores = instance.control.stores();
    stores
        .iter()
        .filter(|store| only.is_none_or(|o| *o == store.store_id))
        .flat_map(|store| instance.hub.read(&store.store_id))
        .map(|part| part.progress.received)
        .sum()
}

#[derive(Default)]
struct Checks {
    made: u64,
    differences: Vec<String>,
}

impl Checks {
    fn same(&mut self, what: impl FnOnce() -> String, live: impl ToString, sql: &Value) {
        self.made += 1;
        let sql = match sql {
            Value::String(text) => text.clone(),
            Value::Null => "0".to_owned(),
            other => other.to_string(),
        };
        let live = live.to_string();
        // A sum over nothing is null in SQL and zero here.
        let zero = |text: &str| text.trim_matches(['0', '.', '-']).is_empty();
        if live != sql && !(zero(&live) && zero(&sql)) {
            self.differences
                .push(format!("{}: live {live}, SQL {sql}", what()));
        }
    }
}

async fn compare(instance: &Instance, store: &Store, checks: &mut Checks) -> Result<()> {
    let parts = instance.hub.read(&store.store_id);
    let Some(watermark) = merge::watermark(&parts) else {
        return Ok(());
    };
    for (name, window) in [
        ("5m", Window::FiveMinutes),
        ("1h", Window::Hour),
        ("24h", Window::Day),
        ("7d", Window::Week),
        ("30d", Window::Month),
    ] {
        let (now, before) = window.ranges(&store.zone, watermark.plus(1));
        for (name, range) in [(name.to_owned(), now), (format!("{name} before"), before)] {
            let at = Place {
                instance,
                store: &store.store_id,
                window: &name,
                range,
            };
            traffic(&at, &parts, checks).await?;
            visits(&at, &parts, checks).await?;
            sales(&at, &parts, checks).await?;
            performance(&at, &parts, checks).await?;
            if matches!(window, Window::Week | Window::Month) {
                money_by_day(&at, store, &parts, checks).await?;
            }
        }
    }
    Ok(())
}

struct Place<'p> {
    instance: &'p Instance,
    store: &'p StoreId,
    window: &'p str,
    range: Range,
}

impl Place<'_> {
    /// Runs SQL in which `$during` stands for "the column is in the period".
    async fn rows(&self, sql: &str) -> Result<Vec<Vec<Value>>> {
        let (from, to) = (self.range.0.to_rfc3339(), self.range.1.to_rfc3339());
        let mut text = sql.replace("$store", &format!("'{}'", self.store));
        for column in [
            "time",
            "started_at",
            "completed_at",
            "last_activity",
            "converted_at",
        ] {
            let during =
                format!("({column} >= TIMESTAMP '{from}' AND {column} < TIMESTAMP '{to}')");
            text = text.replace(&format!("$during({column})"), &during);
        }
        let limits = QueryLimits {
            max_rows: None,
            ..QueryLimits::default()
        };
        let scope = Scope::Stores(vec![self.store.clone()]);
        let result = self
            .instance
            .query
            .run(scope, &text, &limits)
            .await
            .map_err(|e| anyhow::anyhow!("{}", e.message))
            .with_context(|| format!("while verifying with: {text}"))?;
        let json: Value = serde_json::from_slice(&result.to_bytes(ResultFormat::Json)?)?;
        let rows = json["rows"].as_array().cloned().unwrap_or_default();
        Ok(rows
            .into_iter()
            .filter_map(|r| r.as_array().cloned())
            .collect())
    }

    fn say(&self, figure: &str) -> String {
        format!(
            "store {} window {} ({} to {}) {figure}",
            self.store, self.window, self.range.0, self.range.1
        )
    }
}

async fn traffic(at: &Place<'_>, parts: &[Arc<Snapshot>], checks: &mut Checks) -> Result<()> {
    let rows = at
        .rows(
            "SELECT count(*) FILTER (WHERE NOT late), count(*) FILTER (WHERE NOT late AND type IN ('page_viewed','product_list_viewed','product_viewed')),
                    count(DISTINCT visitor) FILTER (WHERE (topic = 'user_events' AND NOT late) OR type = 'order_completed')
             FROM silver.events WHERE store_id = $store AND $during(time)",
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let live = merge::traffic(parts, at.range);
    checks.same(|| at.say("events"), live.events, &row[0]);
    checks.same(|| at.say("views"), live.views, &row[1]);
    checks.same(|| at.say("visitors"), live.visitors, &row[2]);
    let rows = at.rows(FUNNEL).await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    for (i, step) in merge::funnel(parts, at.range).iter().enumerate() {
        checks.same(
            || at.say(&format!("funnel {} events", step.step.name())),
            step.events,
            &row[2 * i],
        );
        checks.same(
            || at.say(&format!("funnel {} visitors", step.step.name())),
            step.visitors,
            &row[2 * i + 1],
        );
    }
    checks.same(|| at.say("buyers"), merge::buyers(parts, at.range), &row[8]);
    Ok(())
}

/// Events and visitors of each step: visitors who also reached every earlier step of which the store sent any event. Of the completions of
/// one order by one visitor the first that was received is the purchase.
const FUNNEL: &str = "
    WITH completions AS (
        SELECT visitor, time, row_number() OVER (PARTITION BY order_id, visitor ORDER BY \"offset\") AS nth
        FROM silver.events
        WHERE store_id = $store AND topic = 'transactions' AND type = 'order_completed' AND visitor IS NOT NULL
    ),
    reached AS (
        SELECT visitor, CASE type WHEN 'product_viewed' THEN 1 WHEN 'product_added' THEN 2 ELSE 3 END AS step
        FROM silver.events
        WHERE store_id = $store AND NOT late AND $during(time)
          AND type IN ('product_viewed','product_added','checkout_started','checkout_step_viewed','checkout_step_completed','payment_info_entered')
        UNION ALL
        SELECT visitor, 4 AS step FROM completions WHERE nth = 1 AND $during(time)
    ),
    events AS (
        SELECT count(*) FILTER (WHERE step = 1) AS views, count(*) FILTER (WHERE step = 2) AS carts, count(*) FILTER (WHERE step = 3) AS checkouts,
               (SELECT count(*) FROM silver.orders WHERE store_id = $store AND $during(completed_at)) AS orders
        FROM reached
    ),
    visitors AS (
        SELECT visitor, bool_or(step = 1) AS viewed, bool_or(step = 2) AS carted, bool_or(step = 3) AS checked_out, bool_or(step = 4) AS bought
        FROM reached GROUP BY visitor
    )
    SELECT max(e.views), count(*) FILTER (WHERE viewed),
           max(e.carts), count(*) FILTER (WHERE carted AND (viewed OR e.views = 0)),
           max(e.checkouts), count(*) FILTER (WHERE checked_out AND (viewed OR e.views = 0) AND (carted OR e.carts = 0)),
           max(e.orders), count(*) FILTER (WHERE bought AND e.orders > 0 AND (viewed OR e.views = 0) AND (carted OR e.carts = 0) AND (checked_out OR e.checkouts = 0)),
           count(*) FILTER (WHERE bought)
    FROM events e LEFT JOIN visitors v ON true";

async fn visits(at: &Place<'_>, parts: &[Arc<Snapshot>], checks: &mut Checks) -> Result<()> {
    let rows = at
        .rows(
            "SELECT count(*), count(*) FILTER (WHERE events = 1), sum(events), count(*) FILTER (WHERE viewed), count(*) FILTER (WHERE carted),
                    count(*) FILTER (WHERE checked_out), count(*) FILTER (WHERE purchased)
             FROM silver.sessions WHERE store_id = $store AND $during(started_at)",
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let live = merge::sessions(parts, at.range);
    checks.same(|| at.say("sessions"), live.sessions, &row[0]);
    checks.same(|| at.say("bounces"), live.bounces, &row[1]);
    checks.same(|| at.say("events in sessions"), live.events, &row[2]);
    for i in 0..4 {
        checks.same(
            || at.say(&format!("funnel sessions, step {i}")),
            live.steps[i],
            &row[3 + i],
        );
    }
    let rows = at
        .rows(
            "SELECT count(*) FILTER (WHERE status IN ('open','abandoned') AND $during(last_activity)),
                    count(*) FILTER (WHERE status = 'recovered' AND $during(converted_at)),
                    count(*) FILTER (WHERE status = 'converted' AND $during(converted_at)),
                    sum(value) FILTER (WHERE status = 'recovered' AND $during(converted_at))
             FROM silver.carts WHERE store_id = $store",
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let live = merge::carts(parts, at.range, at.range.1);
    checks.same(
        || at.say("carts not ordered"),
        live.open + live.abandoned,
        &row[0],
    );
    checks.same(|| at.say("carts recovered"), live.ended.recovered, &row[1]);
    checks.same(|| at.say("carts converted"), live.ended.converted, &row[2]);
    checks.same(
        || at.say("value recovered"),
        live.ended.recovered_value,
        &row[3],
    );
    Ok(())
}

async fn sales(at: &Place<'_>, parts: &[Arc<Snapshot>], checks: &mut Checks) -> Result<()> {
    let rows = at
        .rows(
            "SELECT count(*), sum(units), sum(gross), sum(discount), sum(tax), sum(shipping)
             FROM silver.orders WHERE store_id = $store AND $during(completed_at)",
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let live = merge::sales(parts, at.range);
    checks.same(|| at.say("orders"), live.orders, &row[0]);
    checks.same(|| at.say("units"), live.units.fixed(), &row[1]);
    checks.same(|| at.say("gross"), live.gross, &row[2]);
    checks.same(|| at.say("discounts"), live.discounts, &row[3]);
    checks.same(|| at.say("tax"), live.tax, &row[4]);
    checks.same(|| at.say("shipping"), live.shipping, &row[5]);
    Ok(())
}

async fn performance(at: &Place<'_>, parts: &[Arc<Snapshot>], checks: &mut Checks) -> Result<()> {
    for (dimension, column) in [
        (Dimension::Product, "product_id"),
        (Dimension::Category, "category"),
        (Dimension::Brand, "brand"),
        (Dimension::City, "city"),
    ] {
        let rows = at
            .rows(&format!(
                "SELECT {column}, count(*) FILTER (WHERE type = 'product_viewed'), count(*) FILTER (WHERE type = 'product_added')
                 FROM silver.events
                 WHERE store_id = $store AND NOT late AND $during(time) AND type IN ('product_viewed','product_added') AND {column} IS NOT NULL
                 GROUP BY {column}"
            ))
            .await?;
        let live = merge::ranking(parts, at.range, dimension);
        let live: std::collections::HashMap<&str, (i64, i64)> = live
            .iter()
            .filter(|r| r.figures.views != 0 || r.figures.carts != 0)
            .map(|r| (r.name.key.as_str(), (r.figures.views, r.figures.carts)))
            .collect();
        checks.same(
            || at.say(&format!("names of {column}")),
            live.len(),
            &Value::from(rows.len()),
        );
        for row in &rows {
            let key = row[0].as_str().unwrap_or_default();
            let (views, carts) = live.get(key).copied().unwrap_or_default();
            checks.same(
                || at.say(&format!("{column} `{key}` views")),
                views,
                &row[1],
            );
            checks.same(
                || at.say(&format!("{column} `{key}` carts")),
                carts,
                &row[2],
            );
        }
    }
    Ok(())
}

/// Refunds, revenue, cost and profit, which gold recomputes from events by day.
async fn money_by_day(
    at: &Place<'_>,
    store: &Store,
    parts: &[Arc<Snapshot>],
    checks: &mut Checks,
) -> Result<()> {
    let (first, last) = (
        store.zone.date(at.range.0),
        store.zone.date(at.range.1.plus(-1)),
    );
    let rows = at
        .rows(&format!(
            "SELECT sum(refunds), sum(net_revenue), sum(cost), sum(profit) FROM gold.daily_metrics
             WHERE store_id = $store AND date >= DATE '{first}' AND date <= DATE '{last}'"
        ))
        .await?;
    let Some(row) = rows.first() else {
        return Ok(());
    };
    let live = merge::sales(parts, at.range);
    checks.same(|| at.say("refunds"), live.refunds, &row[0]);
    checks.same(|| at.say("net revenue"), live.net_revenue(), &row[1]);
    checks.same(|| at.say("cost"), live.cost, &row[2]);
    checks.same(|| at.say("profit"), live.profit(), &row[3]);
    Ok(())
}
