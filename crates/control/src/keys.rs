//! Keys of shops' programs: one store and one kind each, shown once, kept as digests.

use std::fmt;
use std::sync::Arc;

use tradewind_model::{Micros, StoreId};

use crate::cache::store_id_of;
use crate::control::Control;
use crate::database::{Param, Row};
use crate::error::ControlError;
use crate::organisations::checked_name;
use crate::origins::Origins;
use crate::secret::{Fingerprint, Secret, public_id};

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Send events; read nothing.
    Write,
    /// Read views and SQL; send nothing.
    Read,
}

impl KeyKind {
    /// The word in commands and the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
        }
    }

    /// The kind of a word.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] when it is neither `write` nor `read`.
    pub fn from_name(name: &str) -> Result<Self, ControlError> {
        match name {
            "write" => Ok(Self::Write),
            "read" => Ok(Self::Read),
            other => {
                let shown: String = other.chars().take(20).collect();
                Err(ControlError::Invalid(format!(
                    "key kind `{shown}` is neither `write` nor `read`"
                )))
            }
        }
    }

    /// What keys of this kind begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Write => "tw_write_",
            Self::Read => "tw_read_",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a valid key allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyGrant {
    /// The key's id, which may be logged.
    pub key_id: Arc<str>,
    /// The one store it is for.
    pub store: StoreId,
    /// What may be done.
    pub kind: KeyKind,
    /// The pages that may send with it.
    pub origins: Origins,
}

/// A key as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub key_id: String,
    /// Its store.
    pub store: StoreId,
    /// What it allows.
    pub kind: KeyKind,
    /// What it is for, in its owner's words.
    pub label: String,
    /// The key's last four characters.
    pub last_four: String,
    /// The pages that may send with it.
    pub origins: Origins,
    /// When it was made.
    pub created_at: Micros,
    /// When it stopped working.
    pub revoked_at: Option<Micros>,
}

/// A key just made: the only time its secret is seen.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key itself.
    pub secret: Secret,
    /// What lists will show.
    pub info: KeyInfo,
}

impl Control {
    /// What a key allows; `None` for a text that is no key or a revoked one. A lookup that never waits.
    #[must_use]
    pub fn authenticate(&self, key: &str) -> Option<KeyGrant> {
        self.snapshot().keys.get(&Fingerprint::of(key)).cloned()
    }

    /// Whether the key of this id still works. A short scan, for long-lived connections.
    #[must_use]
    pub fn key_works(&self, key_id: &str) -> bool {
        self.snapshot()
            .keys
            .values()
            .any(|grant| &*grant.key_id == key_id)
    }

    /// Makes a key for a store.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such store; [`ControlError::Invalid`] for the label;
    /// [`ControlError::Storage`], [`ControlError::Randomness`].
    pub async fn create_key(
        &self,
        store: &StoreId,
        kind: KeyKind,
        label: &str,
    ) -> Result<NewKey, ControlError> {
        self.known_store(store)?;
        let secret = Secret::generate(kind.prefix())?;
        let info = KeyInfo {
            key_id: public_id("key_")?,
            store: store.clone(),
            kind,
            label: checked_name(label)?,
            last_four: secret.last_four().to_owned(),
            origins: Origins::default(),
            created_at: self.clock.now(),
            revoked_at: None,
        };
        let params: [Param; 7] = [
            info.key_id.as_str().into(),
            store.as_str().into(),
            kind.name().into(),
            secret.digest().as_bytes().into(),
            info.last_four.as_str().into(),
            info.label.as_str().into(),
            info.created_at.0.into(),
        ];
        let sql = "INSERT INTO keys (key_id, store_id, kind, digest, last_four, label, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
        self.database.run("make a key", sql, &params).await?;
        self.reload().await?;
        Ok(NewKey { secret, info })
    }

    /// The keys of a store, oldest first, revoked ones included.
    ///
    /// # Errors
    /// [`ControlError::Storage`].
    pub async fn keys(&self, store: &StoreId) -> Result<Vec<KeyInfo>, ControlError> {
        let sql = "SELECT * FROM keys WHERE store_id = ? ORDER BY created_at, key_id";
        let rows = self
            .database
            .rows("list the keys", sql, &[store.as_str().into()])
            .await?;
        rows.iter().map(key_info).collect()
    }

    /// Says which pages may send with a write key; none named: any.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such write key; [`ControlError::Storage`].
    pub async fn set_origins(&self, key_id: &str, origins: &Origins) -> Result<(), ControlError> {
        let sql = "UPDATE keys SET origins = ? WHERE key_id = ? AND kind = 'write'";
        let stored = origins.stored();
        let params: [Param; 2] = [stored.as_str().into(), key_id.into()];
        let changed = self
            .database
            .run("set a key's origins", sql, &params)
            .await?;
        self.reload().await?;
        if changed == 0 {
            return Err(ControlError::NotFound {
                what: "write key",
                id: key_id.chars().take(80).collect(),
            });
        }
        Ok(())
    }

    /// Whether any working write key takes events from pages of this origin.
    #[must_use]
    pub fn origin_allowed(&self, origin: &str) -> bool {
        let snapshot = self.snapshot();
        let mut writers = snapshot.keys.values().filter(|g| g.kind == KeyKind::Write);
        writers.any(|grant| grant.origins.allow(origin))
    }

    /// Ends a key. Ending it again changes nothing.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such key; [`ControlError::Storage`].
    pub async fn revoke_key(&self, key_id: &str) -> Result<(), ControlError> {
        let sql = "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE key_id = ?";
        let changed = self
            .database
            .run(
                "end a key",
                sql,
                &[self.clock.now().0.into(), key_id.into()],
            )
            .await?;
        self.reload().await?;
        if changed == 0 {
            return Err(ControlError::NotFound {
                what: "key",
                id: key_id.chars().take(80).collect(),
            });
        }
        Ok(())
    }
}

fn key_info(row: &Row) -> Result<KeyInfo, ControlError> {
    Ok(KeyInfo {
        key_id: row.text("key_id")?,
        store: store_id_of(row)?,
        kind: KeyKind::from_name(&row.text("kind")?)?,
        label: row.text("label")?,
        last_four: row.text("last_four")?,
        origins: Origins::from_stored(row.optional_text("origins")?.as_deref()),
        created_at: Micros(row.integer("created_at")?),
        revoked_at: row.optional_integer("revoked_at")?.map(Micros),
    })
}
