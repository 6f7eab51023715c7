//! Proof that the lake is right: counted and computed again from bronze.
//!
//! - L2: in every partition bronze = silver + duplicates + quarantine, the duplicates found by de-duplicating anew.
//! - Silver: what decoding bronze gives equals what `silver.events` and `silver.line_items` hold, by store and date.
//! - Gold: what its SQL gives over silver now equals what its tables hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use tradewind_model::{Amount, Date, StoreDirectory, StoreId, TopicPartition};
use tradewind_stream::seen::DedupWindow;

use crate::bronze::{Decoders, FormatSource};
use crate::compare::{first_difference, rows_as_text};
use crate::error::Result;
use crate::files::read_file;
use crate::groups::PartitionKey;
use crate::lake::Lake;
use crate::layout::TableName;
use crate::recount::{Digest, Recount, digest_events, key_of};

/// Records of one partition by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionCounts {
    /// The partition.
    pub partition: TopicPartition,
    /// Records in bronze.
    pub bronze: u64,
    /// Rows in `silver.events`.
    pub silver: u64,
    /// Records whose event id had been seen before, counted anew.
    pub duplicates: u64,
    /// Rows in `bronze.quarantine`.
    pub quarantine: u64,
}

impl PartitionCounts {
    /// Whether L2 holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.bronze == self.silver + self.duplicates + self.quarantine
    }
}

/// Something that is not as bronze says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// `schema.table`
    pub table: String,
    /// The store and date, where it belongs to one.
    pub key: Option<PartitionKey>,
    /// What is different, in words.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table)?;
        if let Some(key) = &self.key {
            write!(f, ", store {}, {}", key.store, key.date)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// L2, by partition.
    pub counts: Vec<PartitionCounts>,
    /// (store, date) of silver compared.
    pub silver_days: usize,
    /// (table, store, date) of gold compared.
    pub gold_days: usize,
    /// Everything that is wrong.
    pub differences: Vec<Difference>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.counts.iter().all(PartitionCounts::holds)
    }
}

impl Lake {
    /// Verifies one store or all. Gold is brought up to date first.
    ///
    /// # Errors
    /// [`LakeError`] when something cannot be read; what is merely wrong is in the report.
    pub async fn verify(
        &self,
        store: Option<&StoreId>,
        formats: &dyn FormatSource,
        stores: &dyn StoreDirectory,
        dedup: DedupWindow,
    ) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        let mut expected: BTreeMap<PartitionKey, Digest> = BTreeMap::new();
        for partition in self.bronze_partitions(store).await? {
            let mut count = Recount {
                partition,
                stores,
                dedup,
                known: BTreeMap::new(),
                days: &mut expected,
                records: 0,
                duplicates: 0,
                quarantined: 0,
                last: None,
                repeated: 0,
            };
            let counts = self
                .recount(&mut count, store, formats, &mut report)
                .await?;
            if !counts.holds() {
                report.differences.push(Difference {
                    table: "bronze.events".to_owned(),
                    key: None,
                    what: format!(
                        "{partition} has {} records, but {} in silver + {} duplicates + {} in quarantine",
                        counts.bronze, counts.silver, counts.duplicates, counts.quarantine
                    ),
                });
            }
            report.counts.push(counts);
        }
        let found = self.silver_digests(store).await?;
        let days: BTreeSet<&PartitionKey> = expected.keys().chain(found.keys()).collect();
        report.silver_days = days.len();
        for key in &days {
            let (want, have) = (
                expected.get(*key).copied().unwrap_or_default(),
                found.get(*key).copied().unwrap_or_default(),
            );
            report.differences.extend(compare_day(key, want, have));
        }
        self.refresh_gold(usize::MAX).await?;
        let names: Vec<String> = self.gold.names().map(str::to_owned).collect();
        for name in names {
            self.verify_gold(&name, store, &mut report).await?;
        }
        Ok(report)
    }

    async fn recount(
        &self,
        count: &mut Recount<'_>,
        store: Option<&StoreId>,
        formats: &dyn FormatSource,
        report: &mut VerifyReport,
    ) -> Result<PartitionCounts> {
        let partition = count.partition;
        let mut decoders = Decoders::default();
        let mut records = self.bronze(partition, store).await?;
        while let Some(batch) = records.next().await? {
            for record in batch.records() {
                count.record(&record, &mut decoders, formats)?;
            }
        }
        let quarantine = self
            .rows_of(&TableName::BronzeQuarantine, partition, store)
            .await?;
        let mut wrong = |table: &str, what: String| {
            report.differences.push(Difference {
                table: table.to_owned(),
                key: None,
                what,
            });
        };
        if count.repeated > 0 {
            wrong(
                "bronze.events",
                format!("{partition} has {} offsets more than once", count.repeated),
            );
        }
        if count.quarantined != quarantine {
            wrong(
                "bronze.quarantine",
                format!(
                    "{partition} has {quarantine} rows, but {} records of bronze are no events",
                    count.quarantined
                ),
            );
        }
        Ok(PartitionCounts {
            partition,
            bronze: count.records,
            silver: self
                .rows_of(&TableName::SilverEvents, partition, store)
                .await?,
            duplicates: count.duplicates,
            quarantine,
        })
    }

    async fn rows_of(
        &self,
        table: &TableName,
        partition: TopicPartition,
        store: Option<&StoreId>,
    ) -> Result<u64> {
        let of_store = store
            .map(|s| format!(" AND store_id = '{s}'"))
            .unwrap_or_default();
        let sql = format!(
            "SELECT count(*) FROM {table} WHERE topic = '{}' AND partition = {}{of_store}",
            partition.topic, partition.partition
        );
        let batches = self.ask(std::slice::from_ref(table), &sql).await?;
        let count = batches
            .first()
            .map_or(0, |b| b.column(0).as_primitive::<Int64Type>().value(0));
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn silver_digests(
        &self,
        store: Option<&StoreId>,
    ) -> Result<BTreeMap<PartitionKey, Digest>> {
        let of_store = store
            .map(|s| format!("WHERE store_id = '{s}'"))
            .unwrap_or_default();
        let mut digests: BTreeMap<PartitionKey, Digest> = BTreeMap::new();
        let sql = format!(
            "SELECT store_id, date, topic, partition, \"offset\", event_id, type, time, hour, visitor FROM silver.events {of_store}"
        );
        for batch in self.ask(&[TableName::SilverEvents], &sql).await? {
            digest_events(&batch, &mut digests)?;
        }
        let sql = format!(
            "SELECT store_id, date, count(*), CAST(sum(line_total) AS DECIMAL(38, 4)) FROM silver.line_items {of_store} GROUP BY store_id, date"
        );
        for batch in self.ask(&[TableName::SilverLineItems], &sql).await? {
            for row in 0..batch.num_rows() {
                let digest = digests.entry(key_of(&batch, row)?).or_default();
                digest.lines =
                    u64::try_from(batch.column(2).as_primitive::<Int64Type>().value(row))
                        .unwrap_or(0);
                digest.line_total = batch.column(3).as_primitive::<Decimal128Type>().value(row);
            }
        }
        Ok(digests)
    }

    async fn verify_gold(
        &self,
        name: &str,
        store: Option<&StoreId>,
        report: &mut VerifyReport,
    ) -> Result<()> {
        let Some(definition) = self.gold.get(name).cloned() else {
            return Ok(());
        };
        let mut days: BTreeSet<PartitionKey> = BTreeSet::new();
        for table in definition
            .sources
            .iter()
            .cloned()
            .chain([TableName::Gold(name.to_owned())])
        {
            days.extend(self.handle(&table).partitions().await?);
        }
        let mut by_store: BTreeMap<StoreId, Vec<Date>> = BTreeMap::new();
        for key in days
            .into_iter()
            .filter(|k| store.is_none_or(|s| *s == k.store))
        {
            by_store.entry(key.store).or_default().push(key.date);
        }
        for (store, dates) in by_store {
            // Its days were computed by SQL of then; a replay computes them by that of today.
            if self.counted_by(&store) != tradewind_stream::RULES {
                continue;
            }
            for dates in dates.chunks(crate::gold::DATES_A_QUERY) {
                let want = self.recompute(name, &store, dates).await?;
                let have = self.gold_rows(name, &store, dates).await?;
                report.gold_days += want.len();
                for (key, batch) in want {
                    let want = rows_as_text(batch.as_slice())?;
                    let have = rows_as_text(have.get(&key.date).map_or(&[][..], Vec::as_slice))?;
                    if let Some(what) = first_difference(&want, &have) {
                        report.differences.push(Difference {
                            table: format!("gold.{name}"),
                            key: Some(key),
                            what,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// A gold table's rows by date, in the columns of its files.
    pub(crate) async fn gold_rows(
        &self,
        name: &str,
        store: &StoreId,
        dates: &[Date],
    ) -> Result<BTreeMap<Date, Vec<RecordBatch>>> {
        let handle = self.handle(&TableName::Gold(name.to_owned()));
        let files = handle.store()?;
        let mut rows: BTreeMap<Date, Vec<RecordBatch>> = BTreeMap::new();
        let wanted = |key: &PartitionKey| key.store == *store && dates.contains(&key.date);
        for file in handle.files(wanted).await? {
            let batches = read_file(files.as_ref(), &file.location()?, None).await?;
            rows.entry(file.key.date).or_default().extend(batches);
        }
        Ok(rows)
    }
}

fn compare_day(key: &PartitionKey, want: Digest, have: Digest) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut wrong = |table: &str, what: String| {
        differences.push(Difference {
            table: table.to_owned(),
            key: Some(key.clone()),
            what,
        });
    };
    if want.events != have.events {
        wrong(
            "silver.events",
            format!("{} rows, but bronze gives {}", have.events, want.events),
        );
    } else if want.hash != have.hash {
        wrong(
            "silver.events",
            format!(
                "{} rows of which some are not what bronze gives",
                have.events
            ),
        );
    }
    if want.lines != have.lines || want.line_total != have.line_total {
        let money = |raw: i128| Amount::from_raw(i64::try_from(raw).unwrap_or(i64::MAX));
        wrong(
            "silver.line_items",
            format!(
                "{} rows of {} in all, but bronze gives {} of {}",
                have.lines,
                money(have.line_total),
                want.lines,
                money(want.line_total)
            ),
        );
    }
    differences
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
