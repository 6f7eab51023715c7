//! The installation's one administrator: a token printed at start-up, exchanged for sessions that browsers keep.
//!
//! The token lives in memory and changes with every start. Sessions outlive a restart, so that an open dashboard goes on.

use tradewind_model::Micros;

use crate::control::Control;
use crate::error::ControlError;
use crate::secret::{Fingerprint, Secret};

/// How long a session lasts, in microseconds: seven days.
pub const SESSION_LENGTH: i64 = 7 * Micros::DAY;

/// A session just opened: the only time its id is seen.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The id that the browser keeps.
    pub secret: Secret,
    /// When it ends.
    pub expires_at: Micros,
}

impl Control {
    /// The token of this start, for the link that `tradewind serve` prints.
    #[must_use]
    pub fn admin_token(&self) -> &Secret {
        &self.admin_token
    }

    /// Whether a text is the admin token. Digests are compared, so the time taken tells nothing of the token.
    #[must_use]
    pub fn is_admin_token(&self, text: &str) -> bool {
        Fingerprint::of(text) == self.admin_token.digest()
    }

    /// Exchanges the admin token for a session; `None` when it is not the token.
    ///
    /// # Errors
    /// [`ControlError::Storage`] or [`ControlError::Randomness`].
    pub async fn open_session(&self, token: &str) -> Result<Option<NewSession>, ControlError> {
        if !self.is_admin_token(token) {
            return Ok(None);
        }
        self.forget_expired_sessions().await?;
        let secret = Secret::generate("tw_session_")?;
        let now = self.clock.now();
        let expires_at = now.plus(SESSION_LENGTH);
        self.database
            .run(
                "open a session",
                "INSERT INTO sessions (digest, created_at, expires_at) VALUES (?, ?, ?)",
                &[
                    secret.digest().as_bytes().into(),
                    now.0.into(),
                    expires_at.0.into(),
                ],
            )
            .await?;
        self.reload().await?;
        Ok(Some(NewSession { secret, expires_at }))
    }

    /// Whether a session id is known and has not ended. A lookup that never waits.
    #[must_use]
    pub fn session_works(&self, session: &str) -> bool {
        let now = self.clock.now();
        self.snapshot()
            .sessions
            .get(&Fingerprint::of(session))
            .is_some_and(|expires_at| now < *expires_at)
    }

    /// Ends a session. Ending one that is not there changes nothing.
    ///
    /// # Errors
    /// [`ControlError::Storage`].
    pub async fn close_session(&self, session: &str) -> Result<(), ControlError> {
        let digest = Fingerprint::of(session);
        self.database
            .run(
                "close a session",
                "DELETE FROM sessions WHERE digest = ?",
                &[digest.as_bytes().into()],
            )
            .await?;
        self.reload().await
    }

    pub(crate) async fn forget_expired_sessions(&self) -> Result<(), ControlError> {
        let now = self.clock.now();
        self.database
            .run(
                "forget ended sessions",
                "DELETE FROM sessions WHERE expires_at <= ?",
                &[now.0.into()],
            )
            .await?;
        Ok(())
    }
}
