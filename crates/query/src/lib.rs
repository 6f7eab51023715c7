//! SQL over everything Tradewind knows: live views and lake tables in one catalog, `tradewind`, with the schemas `live`,
//! `bronze`, `silver`, `gold` and `system`.
//!
//! What it promises: a session sees the rows of its scope and nothing else, whatever it asks (T1); SQL only reads; a query
//! stays within memory, time and rows, and stops when nobody waits for it. What it leaves to others: what the rows mean (lake,
//! stream) and who may ask (the [`Authenticator`], the HTTP server).
//!
//! ```text
//! QueryEngine ── session(scope) ──► QuerySession ── query(sql) ──► QueryStream ──► QueryResult ──► table, CSV, JSON, Arrow
//!      └─ serve_postgres ──► the same sessions for psql, JDBC, Grafana
//!
//! SQL text ── dialect (PostgreSQL's words) ──► planning (types, operators, casts) ──► functions, pg_catalog
//!                             settings (time zone, search path …) hold for all of them
//! ```

mod catalog;
mod deadline;
mod dialect;
mod engine;
mod error;
mod format;
mod functions;
mod live;
mod pg_catalog;
mod planning;
mod postgres;
mod readonly;
mod scope;
mod session;
mod settings;

pub use catalog::{CATALOG, DEFAULT_SCHEMA};
pub use engine::{QueryEngine, QueryLimits, QueryOptions, QuerySession, QueryStream};
pub use error::{QueryError, QueryErrorKind};
pub use format::{QueryResult, ResultFormat};
pub use live::{LiveTable, LiveTables, NoLiveTables};
pub use postgres::{Authenticator, serve_postgres};
pub use scope::Scope;
