//! Whose rows a session may see (T1).

use std::fmt;

use datafusion::prelude::{Expr, col, lit};
use tradewind_model::StoreId;

/// The stores a session may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every store and what belongs to none: the installation's administrator.
    All,
    /// Only rows of these stores.
    Stores(Vec<StoreId>),
}

impl Scope {
    /// Only one store.
    #[must_use]
    pub fn store(id: StoreId) -> Self {
        Self::Stores(vec![id])
    }

    /// Whether rows of a store may be seen.
    #[must_use]
    pub fn allows(&self, store: &StoreId) -> bool {
        match self {
            Self::All => true,
            Self::Stores(stores) => stores.contains(store),
        }
    }

    /// The condition on `store_id` that every scan gets; `None` when every row may be seen.
    pub(crate) fn filter(&self) -> Option<Expr> {
        match self {
            Self::All => None,
            Self::Stores(stores) => Some(match stores.as_slice() {
                [] => lit(false),
                [one] => col("store_id").eq(lit(one.as_str())),
                many => {
                    col("store_id").in_list(many.iter().map(|s| lit(s.as_str())).collect(), false)
                }
            }),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all stores"),
            Self::Stores(stores) => {
                let names: Vec<&str> = stores.iter().map(StoreId::as_str).collect();
                write!(f, "stores {}", names.join(", "))
            }
        }
    }
}
