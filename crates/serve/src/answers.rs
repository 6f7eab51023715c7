//! What surrounds figures in answers: the envelope of a view, and the list of stores.

use serde::Serialize;
use utoipa::ToSchema;

use crate::views::{Time, ViewData};

/// What every view answers around its `data` and `previous`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ViewEnvelope {
    /// The view's name.
    pub view: String,
    /// The store's id.
    pub store: String,
    /// First moment of the period.
    pub from: Time,
    /// First moment after the period.
    pub to: Time,
    /// First moment of the period compared with; null without `compare=previous`.
    #[schema(value_type = Option<Time>)]
    pub previous_from: Option<Time>,
    /// First moment after that period.
    #[schema(value_type = Option<Time>)]
    pub previous_to: Option<Time>,
    /// The store's time zone, IANA.
    pub timezone: String,
    /// The store's currency, ISO 4217.
    pub currency: String,
    /// Everything before this moment is settled; null before the first event.
    #[schema(value_type = Option<Time>)]
    pub watermark: Option<Time>,
    /// The store's newest event is more than 24 hours old: the window ends there instead of now.
    pub stale: bool,
}

/// What `GET /v1/views/NAME` answers, and what `snapshot` and `change` of `/v1/live` carry.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `render` writes")]
pub struct ViewResponse {
    #[schema(inline = false)]
    #[serde(flatten)]
    envelope: ViewEnvelope,
    /// The figures of the period.
    data: ViewData,
    /// The figures of the period compared with.
    previous: Option<ViewData>,
}

/// What `GET /v1/stores` answers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StoreList {
    /// The stores the reader may see, by id.
    pub stores: Vec<StoreEntry>,
}

/// A store and what is known of its events.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Store)]
pub struct StoreEntry {
    /// Its id.
    pub store_id: String,
    /// The name people see.
    pub name: String,
    /// IANA name, such as Europe/Berlin.
    pub timezone: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Time of the oldest event; null before the first.
    #[schema(value_type = Option<Time>)]
    pub first_event: Option<Time>,
    /// Time of the newest event.
    #[schema(value_type = Option<Time>)]
    pub newest_event: Option<Time>,
    /// How many.
    pub events: u64,
}
