//! Who may read or write what.
//!
//! **No store is read without a [`StoreScope`], and only this module can make one** (T1): its field is private, and the one
//! way to it leads through a valid read key or admin session. Write keys cannot read, read keys cannot write.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use tradewind_control::{Control, KeyGrant, KeyKind};
use tradewind_model::{Store, StoreDirectory as _, StoreId};

use crate::credentials::{bearer, comes_from_own_page, session_cookie};

/// The cookie that holds the admin session.
pub const SESSION_COOKIE: &str = "tradewind_session";

/// The right to read one store. Proof that authentication granted it.
#[derive(Debug, Clone)]
pub struct StoreScope {
    store: Arc<Store>,
}

impl StoreScope {
    /// The store that may be read.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Its id.
    #[must_use]
    pub fn store_id(&self) -> &StoreId {
        &self.store.store_id
    }
}

/// The right to send events to one store.
#[derive(Debug, Clone)]
pub struct WriteScope {
    store: Arc<Store>,
    source: String,
    key_id: Arc<str>,
    /// The key came in the address.
    by_address: bool,
}

impl WriteScope {
    /// The id of the key that came in the address, where everybody can read it; `None` for one that came in a header.
    #[must_use]
    pub(crate) fn key_in_address(&self) -> Option<&str> {
        self.by_address.then_some(&*self.key_id)
    }

    /// The store that events go to.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Where events come from, for the journal: the key's id.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// What a SQL question may see.
#[derive(Debug, Clone)]
pub struct SqlScope {
    rights: SqlRights,
}

#[derive(Debug, Clone)]
enum SqlRights {
    Everything,
    Store(StoreScope),
}

impl SqlScope {
    /// The one store it is limited to; `None` for the administrator's view of the whole installation.
    #[must_use]
    pub fn store_id(&self) -> Option<&StoreId> {
        match &self.rights {
            SqlRights::Everything => None,
            SqlRights::Store(scope) => Some(scope.store_id()),
        }
    }
}

/// Who asks to read, as long as the key or session works.
#[derive(Clone)]
pub struct Reader(Who);

#[derive(Clone)]
enum Who {
    Key(KeyGrant),
    Admin { session: Arc<str> },
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Who::Key(grant) => write!(f, "Reader(key {})", grant.key_id),
            Who::Admin { .. } => f.write_str("Reader(admin)"),
        }
    }
}

/// Why access was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// No key and no session.
    #[error("no key and no session came with the request")]
    Missing,
    /// Something came that is no valid key or session.
    #[error("the key or session is not valid, or not any more")]
    Unknown,
    /// A write key where reading is asked.
    #[error("this is a write key: it sends events and cannot read")]
    WriteKeyReads,
    /// A read key where writing is asked.
    #[error("this is a read key: it reads views and SQL and cannot send events")]
    ReadKeyWrites,
    /// A session where writing is asked.
    #[error("events are sent with a write key, not with a browser session")]
    SessionWrites,
    /// The key is for another store than the one named.
    #[error("the key reads store `{allowed}` only")]
    OtherStore {
        /// The key's store.
        allowed: StoreId,
    },
    /// An admin session reads all stores, so one must be named.
    #[error("the parameter `store` is missing")]
    StoreMissing,
    /// The store named is not there.
    #[error("there is no store `{0}`")]
    UnknownStore(String),
    /// A page of another origin tried to use the browser's session.
    #[error("the request comes from another site's page")]
    ForeignOrigin,
    /// The write key does not take events from pages of this origin.
    #[error("the key takes no events from pages of `{0}`")]
    PageNotAllowed(String),
}

impl AccessError {
    /// The way out.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing | Self::Unknown => {
                "open the link that `tradewind serve` printed, or send `Authorization: Bearer KEY` with a key made by \
                 `tradewind key create --store S --kind write|read`"
            }
            Self::WriteKeyReads => "make a read key with `tradewind key create --store S --kind read`",
            Self::ReadKeyWrites | Self::SessionWrites => {
                "make a write key with `tradewind key create --store S --kind write`"
            }
            Self::OtherStore { .. } => "leave `store` out, or use a read key of that store",
            Self::StoreMissing => "add ?store=ID; GET /v1/stores lists the ids",
            Self::UnknownStore(_) => "GET /v1/stores lists the stores",
            Self::ForeignOrigin => "use a key instead of the browser's session",
            Self::PageNotAllowed(_) => "`tradewind key origins KEY_ID ORIGIN...` says which pages may send with a key",
        }
        .to_owned()
    }
}

/// Turns keys and sessions into scopes.
#[derive(Clone)]
pub struct Gate {
    control: Arc<Control>,
}

impl Gate {
    /// A gate over the control database.
    #[must_use]
    pub fn new(control: Arc<Control>) -> Self {
        Self { control }
    }

    /// Who asks to read, by `Authorization: Bearer` or the session cookie.
    ///
    /// # Errors
    /// [`AccessError::Missing`], [`AccessError::Unknown`] or [`AccessError::WriteKeyReads`].
    pub fn reader(&self, headers: &HeaderMap) -> Result<Reader, AccessError> {
        if let Some(key) = bearer(headers)? {
            return self.reader_with_key(key);
        }
        let session = session_cookie(headers).ok_or(AccessError::Missing)?;
        if self.control.session_works(session) {
            Ok(Reader(Who::Admin {
                session: Arc::from(session),
            }))
        } else {
            Err(AccessError::Unknown)
        }
    }

    /// Who reads with a key.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] or [`AccessError::WriteKeyReads`].
    pub fn reader_with_key(&self, key: &str) -> Result<Reader, AccessError> {
        match self.control.authenticate(key) {
            Some(grant) if grant.kind == KeyKind::Read => Ok(Reader(Who::Key(grant))),
            Some(_) => Err(AccessError::WriteKeyReads),
            None => Err(AccessError::Unknown),
        }
    }

    /// As [`Self::reader`], for requests that do something: a session counts only from Tradewind's own page.
    ///
    /// # Errors
    /// Also [`AccessError::ForeignOrigin`].
    pub fn acting_reader(&self, headers: &HeaderMap) -> Result<Reader, AccessError> {
        let reader = self.reader(headers)?;
        if matches!(reader.0, Who::Admin { .. }) && !comes_from_own_page(headers) {
            return Err(AccessError::ForeignOrigin);
        }
        Ok(reader)
    }

    /// Who sends events, by `Authorization: Bearer`, or with a write key in the address: `sendBeacon` cannot set headers. A page of another
    /// origin must be one that the key takes events from.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn writer(
        &self,
        headers: &HeaderMap,
        in_address: Option<&str>,
    ) -> Result<WriteScope, AccessError> {
        let in_header = bearer(headers)?;
        let Some(key) = in_header.or(in_address) else {
            return Err(if session_cookie(headers).is_some() {
                AccessError::SessionWrites
            } else {
                AccessError::Missing
            });
        };
        let grant = self.control.authenticate(key).ok_or(AccessError::Unknown)?;
        if grant.kind != KeyKind::Write {
            return Err(AccessError::ReadKeyWrites);
        }
        if let Some(origin) = headers.get(header::ORIGIN)
            && !comes_from_own_page(headers)
        {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            if !grant.origins.allow(&origin) {
                return Err(AccessError::PageNotAllowed(
                    origin.chars().take(80).collect(),
                ));
            }
        }
        let store = self
            .control
            .store(&grant.store)
            .ok_or(AccessError::Unknown)?;
        Ok(WriteScope {
            store,
            source: format!("http:{}", grant.key_id),
            by_address: in_header.is_none(),
            key_id: grant.key_id,
        })
    }

    /// The store a reader asked for, if allowed.
    ///
    /// # Errors
    /// [`AccessError::OtherStore`], [`AccessError::StoreMissing`] or [`AccessError::UnknownStore`].
    pub fn scope(&self, reader: &Reader, asked: Option<&str>) -> Result<StoreScope, AccessError> {
        let store = match (&reader.0, asked) {
            (Who::Key(grant), Some(asked)) if asked != grant.store.as_str() => {
                return Err(AccessError::OtherStore {
                    allowed: grant.store.clone(),
                });
            }
            (Who::Key(grant), _) => self
                .control
                .store(&grant.store)
                .ok_or(AccessError::Unknown)?,
            (Who::Admin { .. }, None) => return Err(AccessError::StoreMissing),
            (Who::Admin { .. }, Some(asked)) => StoreId::new(asked)
                .ok()
                .and_then(|id| self.control.store(&id))
                .ok_or_else(|| AccessError::UnknownStore(asked.chars().take(64).collect()))?,
        };
        Ok(StoreScope { store })
    }

    /// Every store a reader may see, by id.
    #[must_use]
    pub fn scopes(&self, reader: &Reader) -> Vec<StoreScope> {
        match &reader.0 {
            Who::Key(_) => self.scope(reader, None).into_iter().collect(),
            Who::Admin { .. } => self
                .control
                .stores()
                .into_iter()
                .map(|store| StoreScope { store })
                .collect(),
        }
    }

    /// What a reader's SQL may see: a key its store, a session the store it names or, naming none, everything.
    ///
    /// # Errors
    /// As [`Self::scope`].
    pub fn sql_scope(&self, reader: &Reader, asked: Option<&str>) -> Result<SqlScope, AccessError> {
        let rights = match (&reader.0, asked) {
            (Who::Admin { .. }, None) => SqlRights::Everything,
            _ => SqlRights::Store(self.scope(reader, asked)?),
        };
        Ok(SqlScope { rights })
    }

    /// What a Postgres password may see: a read key its store, the admin token everything.
    #[must_use]
    pub fn sql_scope_of_password(&self, password: &str) -> Option<SqlScope> {
        if self.control.is_admin_token(password) {
            return Some(SqlScope {
                rights: SqlRights::Everything,
            });
        }
        let reader = self.reader_with_key(password).ok()?;
        self.sql_scope(&reader, None).ok()
    }

    /// Whether a reader's key or session still works, for streams that outlive their request.
    #[must_use]
    pub fn still_works(&self, reader: &Reader) -> bool {
        match &reader.0 {
            Who::Key(grant) => self.control.key_works(&grant.key_id),
            Who::Admin { session } => self.control.session_works(session),
        }
    }
}
