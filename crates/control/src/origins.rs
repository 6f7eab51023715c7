//! Origins of pages, as browsers name them (RFC 6454): which shop's pages may send with a key.

use crate::error::ControlError;

/// The origins that a write key takes events from. None: any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// From origins such as `https://shop.example` or `http://localhost:3000`.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for what is no origin, with what one looks like.
    pub fn new<S: AsRef<str>>(origins: &[S]) -> Result<Self, ControlError> {
        origins
            .iter()
            .map(|origin| checked(origin.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn from_stored(text: Option<&str>) -> Self {
        let origins = text.unwrap_or_default().split(' ');
        Self(
            origins
                .filter(|o| !o.is_empty())
                .map(str::to_owned)
                .collect(),
        )
    }

    pub(crate) fn stored(&self) -> String {
        self.0.join(" ")
    }

    /// Whether a page of this origin may send. Browsers write scheme and host in small letters.
    #[must_use]
    pub fn allow(&self, origin: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|o| o.eq_ignore_ascii_case(origin))
    }

    /// Whether pages of any origin may send.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// The origins named.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn checked(origin: &str) -> Result<String, ControlError> {
    let origin = origin.trim().trim_end_matches('/').to_ascii_lowercase();
    let authority = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))
        .unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_fits = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'[' | b']' | b':'));
    if !host_fits || port.is_some_and(|p| p.parse::<u16>().is_err()) {
        let shown: String = origin.chars().take(80).collect();
        return Err(ControlError::Invalid(format!(
            "`{shown}` is no origin of pages; one is a scheme and a host, and a port where it is not the usual one, such as https://shop.example or http://localhost:3000"
        )));
    }
    Ok(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_host_and_port() {
        let shop = Origins::new(&["https://Shop.Example/", "http://localhost:3000"]).unwrap();
        for (origin, allowed) in [
            ("https://shop.example", true),
            ("http://localhost:3000", true),
            ("http://shop.example", false),
            ("https://shop.example.evil", false),
            ("https://shop.example:444", false),
            ("null", false),
        ] {
            assert_eq!(shop.allow(origin), allowed, "{origin}");
        }
        assert_eq!(Origins::from_stored(Some(&shop.stored())), shop);
        assert!(Origins::from_stored(None).allow("null"));
        for bad in [
            "shop.example",
            "https://",
            "https://shop.example/path",
            "ftp://shop.example",
            "https://a b",
            "https://a:port",
            "*",
        ] {
            assert!(Origins::new(&[bad]).is_err(), "{bad}");
        }
    }
}
