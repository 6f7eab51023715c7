//! The handle on the control database and its in-memory snapshot.

use std::path::Path;
use std::sync::Arc;

use parking_lot::RwLock;
use tradewind_model::{Clock, Store, StoreDirectory, StoreId};

use crate::cache::Snapshot;
use crate::database::Database;
use crate::error::ControlError;
use crate::secret::Secret;

/// The control database of one installation. Cheap lookups are synchronous; changes are async and durable on return.
pub struct Control {
    pub(crate) database: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) admin_token: Secret,
    snapshot: RwLock<Arc<Snapshot>>,
    /// One change or reload at a time, so that a snapshot never goes back in time. Holds the version last loaded.
    changing: tokio::sync::Mutex<i64>,
}

impl Control {
    /// Opens the control database in a data folder, makes it when it is not there, and loads the snapshot. Makes a new
    /// admin token: it lives as long as this value.
    ///
    /// # Errors
    /// [`ControlError::Storage`] when the file cannot be opened or migrated; [`ControlError::Randomness`].
    pub async fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, ControlError> {
        let control = Self {
            database: Database::open(data_dir).await?,
            clock,
            admin_token: Secret::generate("tw_admin_")?,
            snapshot: RwLock::default(),
            changing: tokio::sync::Mutex::new(0),
        };
        control.forget_expired_sessions().await?;
        control.reload().await?;
        Ok(control)
    }

    /// Loads what other processes changed, when they did. Cheap enough to be called every second.
    ///
    /// # Errors
    /// [`ControlError::Storage`] when the database cannot be read; the old snapshot stays.
    pub async fn refresh_if_changed(&self) -> Result<bool, ControlError> {
        let seen = *self.changing.lock().await;
        if self.database.version().await? == seen {
            return Ok(false);
        }
        self.reload().await?;
        Ok(true)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// The state that lookups use now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read())
    }

    /// Loads the snapshot anew.
    pub(crate) async fn reload(&self) -> Result<(), ControlError> {
        let mut seen = self.changing.lock().await;
        // The version is read first: a commit in between is then loaded twice, never missed.
        let version = self.database.version().await?;
        let stores = self
            .database
            .rows("list the stores", "SELECT * FROM stores", &[])
            .await?;
        let keys = self
            .database
            .rows(
                "list the keys",
                "SELECT * FROM keys WHERE revoked_at IS NULL",
                &[],
            )
            .await?;
        let sessions = self
            .database
            .rows("list the sessions", "SELECT * FROM sessions", &[])
            .await?;
        let snapshot = Snapshot::build(&stores, &keys, &sessions)?;
        *self.snapshot.write() = Arc::new(snapshot);
        *seen = version;
        Ok(())
    }
}

impl StoreDirectory for Control {
    fn store(&self, id: &StoreId) -> Option<Arc<Store>> {
        self.snapshot()
            .stores
            .get(id)
            .map(|cached| Arc::clone(&cached.store))
    }

    fn stores(&self) -> Vec<Arc<Store>> {
        self.snapshot()
            .stores
            .values()
            .map(|cached| Arc::clone(&cached.store))
            .collect()
    }
}
