//! Secrets: how they are made, shown once and kept as digests.
//!
//! Keys, session ids and the admin token each carry 256 bits from the operating system, so a plain SHA-256 of them cannot be
//! reversed by guessing; slow password hashing is for secrets that people choose.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};

use crate::error::ControlError;

/// A secret in clear, shown once. Neither `Debug` nor any log shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A new secret after a prefix that tells people what it is.
    pub(crate) fn generate(prefix: &str) -> Result<Self, ControlError> {
        let mut bytes = [0_u8; 32];
        SysRng
            .try_fill_bytes(&mut bytes)
            .map_err(|e| ControlError::Randomness(Box::new(e)))?;
        Ok(Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The secret in clear: to show it to its owner, or to compare.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its last four characters, by which people recognise it.
    #[must_use]
    pub fn last_four(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(4)..).unwrap_or("")
    }

    pub(crate) fn digest(&self) -> Fingerprint {
        Fingerprint::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a secret. Looking one up compares digests, whose bytes tell an attacker nothing about the secret's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A short id that is not secret, such as `key_4fK2…`.
pub(crate) fn public_id(prefix: &str) -> Result<String, ControlError> {
    let mut bytes = [0_u8; 9];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| ControlError::Randomness(Box::new(e)))?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_distinct_and_never_printed() {
        let a = Secret::generate("tw_read_").unwrap();
        let b = Secret::generate("tw_read_").unwrap();
        assert!(a.reveal().starts_with("tw_read_") && a.reveal().len() == 8 + 43);
        assert_ne!(a, b);
        assert_eq!(a.last_four(), &a.reveal()[47..]);
        assert_eq!(format!("{a:?}"), "Secret(…)");
        assert!(a.digest() == Fingerprint::of(a.reveal()));
    }
}
