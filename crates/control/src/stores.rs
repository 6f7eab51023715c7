//! Stores and their settings. Currency and time zone are fixed once the first events were let in.

use std::sync::Arc;

use tradewind_model::{Micros, Store, StoreDirectory as _, StoreId, StoreZone};

use crate::cache::store_id_of;
use crate::control::Control;
use crate::database::Param;
use crate::error::ControlError;
use crate::organisations::{OrganisationId, checked_name};

/// A store to be made.
#[derive(Debug, Clone)]
pub struct NewStore {
    /// Its id, in keys, paths and SQL.
    pub store_id: StoreId,
    /// Its owner; the installation's first organisation when `None`.
    pub organisation: Option<OrganisationId>,
    /// The name people see.
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The zone of its days and hours.
    pub zone: StoreZone,
}

impl NewStore {
    /// A store named after its id, in US dollars and UTC.
    #[must_use]
    pub fn new(store_id: StoreId) -> Self {
        Store::new(store_id).into()
    }
}

impl From<Store> for NewStore {
    fn from(store: Store) -> Self {
        Self {
            store_id: store.store_id,
            organisation: None,
            name: store.name,
            currency: store.currency,
            zone: store.zone,
        }
    }
}

/// A store as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// Its settings.
    pub store: Arc<Store>,
    /// Its owner.
    pub organisation_id: OrganisationId,
    /// When it was made.
    pub created_at: Micros,
    /// When its first events were let in; currency and time zone are fixed since.
    pub sealed_at: Option<Micros>,
}

impl Control {
    /// Makes a store.
    ///
    /// # Errors
    /// [`ControlError::Exists`]; [`ControlError::Invalid`] for a name or currency that is none;
    /// [`ControlError::NotFound`] when the organisation is not there; [`ControlError::Storage`].
    pub async fn create_store(&self, new: NewStore) -> Result<Arc<Store>, ControlError> {
        let id = new.store_id.clone();
        if self.insert_store(new).await? == 0 {
            return Err(ControlError::Exists {
                what: "store",
                id: id.to_string(),
            });
        }
        self.reload().await?;
        self.known_store(&id)
    }

    /// The store of this id, made with the given settings when there is none. Settings of a store that is there stay.
    ///
    /// # Errors
    /// As [`Self::create_store`], without [`ControlError::Exists`].
    pub async fn ensure_store(&self, new: NewStore) -> Result<Arc<Store>, ControlError> {
        let id = new.store_id.clone();
        if let Some(store) = self.store(&id) {
            return Ok(store);
        }
        self.insert_store(new).await?;
        self.reload().await?;
        self.known_store(&id)
    }

    /// Every store with its owner and dates, by id.
    ///
    /// # Errors
    /// [`ControlError::Storage`].
    pub async fn store_infos(&self) -> Result<Vec<StoreInfo>, ControlError> {
        let rows = self
            .database
            .rows(
                "list the stores",
                "SELECT * FROM stores ORDER BY store_id",
                &[],
            )
            .await?;
        self.reload().await?;
        rows.iter()
            .map(|row| {
                Ok(StoreInfo {
                    store: self.known_store(&store_id_of(row)?)?,
                    organisation_id: OrganisationId(row.text("organisation_id")?),
                    created_at: Micros(row.integer("created_at")?),
                    sealed_at: row.optional_integer("sealed_at")?.map(Micros),
                })
            })
            .collect()
    }

    /// Gives a store another name.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Invalid`] or [`ControlError::Storage`].
    pub async fn rename_store(&self, id: &StoreId, name: &str) -> Result<Arc<Store>, ControlError> {
        let name = checked_name(name)?;
        self.known_store(id)?;
        self.database
            .run(
                "rename a store",
                "UPDATE stores SET name = ? WHERE store_id = ?",
                &[name.as_str().into(), id.as_str().into()],
            )
            .await?;
        self.reload().await?;
        self.known_store(id)
    }

    /// Sets a store's currency, while no events were let in.
    ///
    /// # Errors
    /// [`ControlError::Fixed`] once there are events; [`ControlError::NotFound`], [`ControlError::Invalid`],
    /// [`ControlError::Storage`].
    pub async fn set_currency(
        &self,
        id: &StoreId,
        currency: &str,
    ) -> Result<Arc<Store>, ControlError> {
        let currency = checked_currency(currency)?;
        let sql = "UPDATE stores SET currency = ? WHERE store_id = ? AND (sealed_at IS NULL OR currency = ?)";
        self.set_setting(id, "currency", sql, &currency).await
    }

    /// Sets a store's time zone, while no events were let in.
    ///
    /// # Errors
    /// As [`Self::set_currency`].
    pub async fn set_zone(
        &self,
        id: &StoreId,
        zone: StoreZone,
    ) -> Result<Arc<Store>, ControlError> {
        let sql = "UPDATE stores SET timezone = ? WHERE store_id = ? AND (sealed_at IS NULL OR timezone = ?)";
        self.set_setting(id, "time zone", sql, zone.name()).await
    }

    /// The condition is part of the statement, so a first event let in at the same moment cannot slip between.
    async fn set_setting(
        &self,
        id: &StoreId,
        setting: &'static str,
        sql: &str,
        value: &str,
    ) -> Result<Arc<Store>, ControlError> {
        let changed = self
            .database
            .run(
                "set a store's setting",
                sql,
                &[value.into(), id.as_str().into(), value.into()],
            )
            .await?;
        self.reload().await?;
        let store = self.known_store(id)?;
        if changed == 0 {
            return Err(ControlError::Fixed {
                setting,
                store: id.to_string(),
            });
        }
        Ok(store)
    }

    /// Whether the store's currency and time zone are fixed. A lookup.
    #[must_use]
    pub fn is_sealed(&self, id: &StoreId) -> bool {
        self.snapshot()
            .stores
            .get(id)
            .is_some_and(|cached| cached.sealed)
    }

    /// Fixes the store's currency and time zone. To be called before its first events are appended; from then on free.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] or [`ControlError::Storage`].
    pub async fn seal_store(&self, id: &StoreId) -> Result<(), ControlError> {
        if self.is_sealed(id) {
            return Ok(());
        }
        let params = [self.clock.now().0.into(), id.as_str().into()];
        self.database
            .run(
                "fix a store's settings",
                "UPDATE stores SET sealed_at = ? WHERE store_id = ? AND sealed_at IS NULL",
                &params,
            )
            .await?;
        self.reload().await?;
        self.known_store(id).map(|_| ())
    }

    pub(crate) fn known_store(&self, id: &StoreId) -> Result<Arc<Store>, ControlError> {
        self.store(id).ok_or_else(|| ControlError::NotFound {
            what: "store",
            id: id.to_string(),
        })
    }

    async fn insert_store(&self, new: NewStore) -> Result<u64, ControlError> {
        let name = checked_name(&new.name)?;
        let currency = checked_currency(&new.currency)?;
        let organisation = match new.organisation {
            None => self.home_organisation().await?,
            Some(id)
                if self
                    .organisations()
                    .await?
                    .iter()
                    .any(|o| o.organisation_id == id) =>
            {
                id
            }
            Some(id) => {
                return Err(ControlError::NotFound {
                    what: "organisation",
                    id: id.0,
                });
            }
        };
        let params: [Param; 6] = [
            new.store_id.as_str().into(),
            organisation.as_str().into(),
            name.as_str().into(),
            currency.as_str().into(),
            new.zone.name().into(),
            self.clock.now().0.into(),
        ];
        let sql = "INSERT INTO stores (store_id, organisation_id, name, currency, timezone, created_at) \
                   VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        self.database.run("make a store", sql, &params).await
    }
}

/// An ISO 4217 code in capitals.
fn checked_currency(code: &str) -> Result<String, ControlError> {
    let code = code.trim();
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(code.to_ascii_uppercase());
    }
    let shown: String = code.chars().take(20).collect();
    Err(ControlError::Invalid(format!(
        "currency `{shown}` is not a three-letter ISO 4217 code such as `EUR`"
    )))
}
