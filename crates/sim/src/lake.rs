//! What the lake holds, asked with `tradewind sql` as anybody would. The command drains the journal and refreshes gold first.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::binary::Binary;
use crate::ledger::Found;

/// Rows of an answer, without the header. No value asked for here holds a comma or a quote.
///
/// # Errors
/// When the question fails.
pub async fn ask(
    binary: &Binary,
    data_dir: &Path,
    store: &str,
    sql: &str,
) -> Result<Vec<Vec<String>>> {
    let csv = binary
        .succeed(data_dir, &["sql", sql, "--store", store, "--format", "csv"])
        .await?;
    Ok(csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect())
}

/// Every event of a store in silver, and every record in bronze by its exact bytes.
///
/// # Errors
/// When a question fails.
pub async fn found(binary: &Binary, data_dir: &Path, store: &str) -> Result<Found> {
    let silver = "SELECT event_id, count(*) AS n FROM silver.events GROUP BY event_id";
    let bronze =
        "SELECT encode(sha256(raw), 'hex') AS print, count(*) AS n FROM bronze.events GROUP BY 1";
    Ok(Found {
        silver: counts(ask(binary, data_dir, store, silver).await?)?,
        bronze: counts(ask(binary, data_dir, store, bronze).await?)?,
    })
}

fn counts(rows: Vec<Vec<String>>) -> Result<HashMap<String, u64>> {
    rows.into_iter()
        .map(|row| match row.as_slice() {
            [key, n] => Ok((
                key.clone(),
                n.parse().with_context(|| format!("`{n}` is not a count"))?,
            )),
            other => anyhow::bail!("a row of two was expected, not {other:?}"),
        })
        .collect()
}

/// One row of whole numbers.
///
/// # Errors
/// When the question fails or the answer is something else.
pub async fn numbers(binary: &Binary, data_dir: &Path, store: &str, sql: &str) -> Result<Vec<u64>> {
    let rows = ask(binary, data_dir, store, sql).await?;
    let [row] = rows.as_slice() else {
        anyhow::bail!("one row was expected from {sql}, not {rows:?}")
    };
    row.iter()
        .map(|n| {
            n.parse()
                .with_context(|| format!("`{n}` is not a whole number, asked with {sql}"))
        })
        .collect()
}

/// Everything silver and gold say, boiled down.
///
/// # Errors
/// When a question fails.
pub async fn figures(binary: &Binary, data: &Path, store: &str) -> Result<Vec<Vec<String>>> {
    let mut all = Vec::new();
    for sql in [
        "SELECT count(*), sum(\"offset\"), count(DISTINCT event_id), max(time), count(*) FILTER (WHERE late) FROM silver.events",
        "SELECT count(*), sum(line_total), count(DISTINCT event_id) FROM silver.line_items",
        "SELECT order_id, status, net_revenue, profit, completed_at FROM silver.orders ORDER BY order_id",
        "SELECT session_key, started_at, ended_at, events, purchased FROM silver.sessions ORDER BY session_key",
        "SELECT cart_key, status, items, value, last_step, converted_at FROM silver.carts ORDER BY cart_key",
        "SELECT * FROM gold.daily_metrics ORDER BY date",
        "SELECT * FROM gold.funnel_daily ORDER BY date, step",
        "SELECT * FROM gold.city_sales ORDER BY date, city",
    ] {
        all.extend(ask(binary, data, store, sql).await?);
    }
    Ok(all)
}
