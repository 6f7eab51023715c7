//! What hot paths look up, in memory: one immutable snapshot of stores, keys and sessions, swapped whole after a change.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tradewind_model::{Micros, Store, StoreId, StoreZone};

use crate::database::Row;
use crate::error::ControlError;
use crate::keys::{KeyGrant, KeyKind};
use crate::origins::Origins;
use crate::secret::Fingerprint;

/// A store and whether its settings are fixed.
#[derive(Debug, Clone)]
pub(crate) struct CachedStore {
    pub(crate) store: Arc<Store>,
    pub(crate) sealed: bool,
}

/// The state of the database at one moment, as far as authentication and decoding need it.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) stores: BTreeMap<StoreId, CachedStore>,
    pub(crate) keys: HashMap<Fingerprint, KeyGrant>,
    pub(crate) sessions: HashMap<Fingerprint, Micros>,
}

impl Snapshot {
    /// Builds a snapshot from the rows of the three tables. A row that cannot be understood stops the load: serving with
    /// part of the keys would look like an outage of some shops.
    pub(crate) fn build(
        stores: &[Row],
        keys: &[Row],
        sessions: &[Row],
    ) -> Result<Self, ControlError> {
        let mut snapshot = Self::default();
        for row in stores {
            let store = store_of(row)?;
            let sealed = row.optional_integer("sealed_at")?.is_some();
            snapshot.stores.insert(
                store.store_id.clone(),
                CachedStore {
                    store: Arc::new(store),
                    sealed,
                },
            );
        }
        for row in keys {
            let digest = digest_of(row)?;
            let grant = KeyGrant {
                key_id: Arc::from(row.text("key_id")?.as_str()),
                store: store_id_of(row)?,
                kind: KeyKind::from_name(&row.text("kind")?)?,
                origins: Origins::from_stored(row.optional_text("origins")?.as_deref()),
            };
            snapshot.keys.insert(digest, grant);
        }
        for row in sessions {
            snapshot
                .sessions
                .insert(digest_of(row)?, Micros(row.integer("expires_at")?));
        }
        Ok(snapshot)
    }
}

fn digest_of(row: &Row) -> Result<Fingerprint, ControlError> {
    Fingerprint::from_bytes(&row.bytes("digest")?).ok_or_else(|| {
        ControlError::Invalid("a digest in the control database is not 32 bytes long".to_owned())
    })
}

pub(crate) fn store_id_of(row: &Row) -> Result<StoreId, ControlError> {
    StoreId::new(&row.text("store_id")?).map_err(|e| ControlError::Invalid(e.to_string()))
}

fn store_of(row: &Row) -> Result<Store, ControlError> {
    Ok(Store {
        store_id: store_id_of(row)?,
        name: row.text("name")?,
        currency: row.text("currency")?,
        zone: StoreZone::new(&row.text("timezone")?)
            .map_err(|e| ControlError::Invalid(e.to_string()))?,
    })
}
