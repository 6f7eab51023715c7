//! Whose rows a session may see (T1).

use std::fmt;

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

    /// Whether rows of the store of this name may be seen.
    pub(crate) fn allows_name(&self, store: &str) -> bool {
        match self {
            Self::All => true,
            Self::Stores(stores) => stores.iter().any(|seen| seen.as_str() == store),
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
