//! The lake: every event kept for the questions nobody has asked yet, as Delta tables that other engines read too.
//!
//! - **bronze** holds each record byte for byte as received (J3), and what could not become an event with the reason.
//! - **silver** holds each new event once, typed, its product lines, and the present state of orders, sessions and carts.
//! - **gold** holds answers, computed per (store, date) from SQL files.
//!
//! What it promises: a commit carries the offsets it covers, so that no retry and no crash doubles or loses a row (L1);
//! bronze = silver + duplicates + quarantine in every partition (L2); tables stay readable for Spark, Trino, DuckDB and
//! Databricks (no column mapping, no deletion vectors). What it leaves to others: deciding what an event means (stream) and
//! answering people's queries (query).

mod bronze;
mod columns;
mod compare;
mod derived;
mod dirty;
mod error;
mod files;
mod gold;
mod gold_rows;
mod gold_tables;
mod groups;
mod head;
mod integrity;
mod lake;
mod layout;
mod maintenance;
mod recount;
mod replay;
mod rules;
mod scan;
mod schema;
mod session;
mod sink;
mod table;
mod tap;
#[cfg(test)]
mod testing;
mod upsert;
mod verify;

pub use bronze::{BronzeBatch, BronzeRecords, FormatSource};
pub use error::{LakeError, Result};
pub use gold::{GoldDefinition, GoldProgress};
pub use groups::PartitionKey;
pub use lake::{Lake, LakeOptions};
pub use layout::TableName;
pub use maintenance::{FileFacts, MaintenancePolicy, MaintenanceReport, TableFacts, Task, decide};
pub use replay::{Replay, ReplayRange, replay};
pub use schema::{PARTITION_COLUMNS, table_schema};
pub use sink::{LakeSink, transaction_id};
pub use verify::{Difference, PartitionCounts, VerifyReport};
