//! What the stream crate's snapshots must answer for views and live streams to be served: the [`LiveViews`] trait.
//!
//! Calls read immutable snapshots: they may use the processor (they run on blocking threads) but never wait for an operator.
//! Every one takes a [`StoreScope`], which only authentication can make (T1).

use std::fmt;

use tradewind_model::Micros;
use utoipa::ToSchema;

use crate::access::StoreScope;
use crate::period::{Interval, Period};
use crate::views::{LiveStatus, ViewData};

/// A view's name in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it; `views` describes each")]
pub enum ViewName {
    Overview,
    Traffic,
    Sales,
    Throughput,
    Funnel,
    Products,
    Categories,
    Brands,
    Cities,
    Orders,
    Carts,
    Sessions,
}

impl ViewName {
    /// Every view.
    pub const ALL: [Self; 12] = [
        Self::Overview,
        Self::Traffic,
        Self::Sales,
        Self::Throughput,
        Self::Funnel,
        Self::Products,
        Self::Categories,
        Self::Brands,
        Self::Cities,
        Self::Orders,
        Self::Carts,
        Self::Sessions,
    ];

    /// The word in addresses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Traffic => "traffic",
            Self::Sales => "sales",
            Self::Throughput => "throughput",
            Self::Funnel => "funnel",
            Self::Products => "products",
            Self::Categories => "categories",
            Self::Brands => "brands",
            Self::Cities => "cities",
            Self::Orders => "orders",
            Self::Carts => "carts",
            Self::Sessions => "sessions",
        }
    }

    /// The view of a word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.name() == name)
    }
}

impl fmt::Display for ViewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A view asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRequest {
    /// Which.
    pub name: ViewName,
    /// Of when. The answer may round it to whole panes and says what it used.
    pub period: Period,
    /// The distance of points in `traffic` and `sales`; chosen by the answer when `None`.
    pub interval: Option<Interval>,
    /// Whether the period before, of the same length, is wanted too.
    pub compare: bool,
    /// The most rows wanted, 1 to 1,000.
    pub limit: usize,
}

/// The figures of a view and the exact period they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewAnswer {
    /// First moment of the period used.
    pub from: Micros,
    /// First moment after it.
    pub to: Micros,
    /// The lowest watermark of the partitions read; `None` before the first event.
    pub watermark: Option<Micros>,
    /// The figures.
    pub data: ViewData,
    /// The period before, when [`ViewRequest::compare`] asked for it.
    pub previous: Option<PreviousAnswer>,
}

/// The figures compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviousAnswer {
    /// First moment of the period.
    pub from: Micros,
    /// First moment after it.
    pub to: Micros,
    /// The figures.
    pub data: ViewData,
}

/// What is known of a store's events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreFacts {
    /// Event time of the oldest.
    pub first_event: Option<Micros>,
    /// Event time of the newest.
    pub newest_event: Option<Micros>,
    /// How many.
    pub events: u64,
}

/// Why a view could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The period reaches back further than live views keep; the message says how far and names SQL as the way.
    #[error("{0}")]
    OutOfReach(String),
    /// Live views are being rebuilt; asking again later helps.
    #[error("live views are being rebuilt")]
    NotReady,
    /// Anything else.
    #[error("the view could not be read")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The live state of every store, merged over partitions when read.
pub trait LiveViews: Send + Sync + 'static {
    /// What is known of the store's events. Cheap: asked several times a second.
    fn facts(&self, scope: &StoreScope) -> StoreFacts;

    /// The figures of a view.
    ///
    /// # Errors
    /// [`ViewError`].
    fn view(&self, scope: &StoreScope, request: &ViewRequest) -> Result<ViewAnswer, ViewError>;

    /// A number that changes whenever some view of the store does. Cheap: an atomic read.
    fn generation(&self, scope: &StoreScope) -> u64;

    /// The heartbeat of the store's live streams. Cheap.
    fn status(&self, scope: &StoreScope) -> LiveStatus;
}
