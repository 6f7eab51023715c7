//! Tradewind over HTTP: events in, live views, live streams and SQL out, and the dashboard embedded.
//!
//! It authenticates, limits, translates and answers; it computes no figure. What it serves comes through four traits:
//! [`EventDoor`] (ingest), [`LiveViews`] (stream), [`SqlDoor`] (query) and [`Health`]. Stores, keys and sessions come from
//! `tradewind-control`.
//!
//! It promises: a 200 of `POST /v1/events` is sent only after the door said durable (J1), and overload is told before (J4);
//! no store is read without a [`access::StoreScope`], which only authentication makes (T1); no log line, metric or error holds
//! a secret, a payload or a client's address; no client can make it hold more memory or connections than [`Settings`] allow.

pub mod access;
mod answers;
mod app;
mod credentials;
mod cross_origin;
pub mod decompress;
mod desk;
pub mod door;
mod envelope;
mod error;
pub mod health;
mod ingest;
mod intake;
mod listen;
pub mod live;
pub mod openapi;
mod page_limit;
pub mod period;
mod routes;
mod seats;
mod seldom;
mod settings;
pub mod sql;
mod stall;
pub mod telemetry;
pub mod views;

pub use access::{Gate, StoreScope};
pub use app::{App, AppParts, router, start_link};
pub use door::{BodyKind, DoorError, EventDoor, ItemRejection, Verdicts};
pub use error::{ApiError, ErrorBody};
pub use health::{Health, HealthCheck};
pub use listen::serve;
pub use live::{
    LiveViews, PreviousAnswer, StoreFacts, ViewAnswer, ViewError, ViewName, ViewRequest,
};
pub use period::{Interval, Period, Window};
pub use settings::Settings;
pub use sql::{SqlAnswer, SqlDoor, SqlError, SqlErrorKind, SqlFormat};
