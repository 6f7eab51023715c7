//! The import ledger: which files a store already holds, by their content.

use tradewind_model::{Micros, StoreId};

use crate::cache::store_id_of;
use crate::control::Control;
use crate::database::{Param, Row};
use crate::error::ControlError;

/// A finished import. Key: (store, fingerprint).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRecord {
    /// The store the file went into.
    pub store: StoreId,
    /// Hash of the file's content and of the format it was read with.
    pub fingerprint: String,
    /// The format's name.
    pub format: String,
    /// The file's name, for people.
    pub file_name: String,
    /// Lines read.
    pub lines: u64,
    /// Events accepted.
    pub accepted: u64,
    /// Lines in quarantine.
    pub rejected: u64,
    /// When the last event was durable.
    pub finished_at: Micros,
}

/// What became of a ledger entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is new.
    Now,
    /// The same content was there already; the older entry stays.
    Before,
}

impl Control {
    /// The import of this content into this store, when it was finished before.
    ///
    /// # Errors
    /// [`ControlError::Storage`].
    pub async fn import(
        &self,
        store: &StoreId,
        fingerprint: &str,
    ) -> Result<Option<ImportRecord>, ControlError> {
        let sql = "SELECT * FROM imports WHERE store_id = ? AND fingerprint = ?";
        let rows = self
            .database
            .rows(
                "look for an import",
                sql,
                &[store.as_str().into(), fingerprint.into()],
            )
            .await?;
        rows.first().map(import_record).transpose()
    }

    /// The finished imports of a store, newest first.
    ///
    /// # Errors
    /// [`ControlError::Storage`].
    pub async fn imports(&self, store: &StoreId) -> Result<Vec<ImportRecord>, ControlError> {
        let sql = "SELECT * FROM imports WHERE store_id = ? ORDER BY finished_at DESC, fingerprint";
        let rows = self
            .database
            .rows("list the imports", sql, &[store.as_str().into()])
            .await?;
        rows.iter().map(import_record).collect()
    }

    /// Notes a finished import.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such store; [`ControlError::Storage`].
    pub async fn record_import(&self, record: &ImportRecord) -> Result<Recorded, ControlError> {
        self.known_store(&record.store)?;
        let params: [Param; 8] = [
            record.store.as_str().into(),
            record.fingerprint.as_str().into(),
            record.format.as_str().into(),
            record.file_name.as_str().into(),
            stored(record.lines).into(),
            stored(record.accepted).into(),
            stored(record.rejected).into(),
            record.finished_at.0.into(),
        ];
        let sql = "INSERT INTO imports (store_id, fingerprint, format, file_name, lines, accepted, rejected, finished_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        let added = self.database.run("note an import", sql, &params).await?;
        Ok(if added == 0 {
            Recorded::Before
        } else {
            Recorded::Now
        })
    }
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn import_record(row: &Row) -> Result<ImportRecord, ControlError> {
    let count = |column| row.integer(column).map(|n| u64::try_from(n).unwrap_or(0));
    Ok(ImportRecord {
        store: store_id_of(row)?,
        fingerprint: row.text("fingerprint")?,
        format: row.text("format")?,
        file_name: row.text("file_name")?,
        lines: count("lines")?,
        accepted: count("accepted")?,
        rejected: count("rejected")?,
        finished_at: Micros(row.integer("finished_at")?),
    })
}
