//! What a request brings to prove who asks: a bearer key, a session cookie, and the page it comes from.

use axum::http::{HeaderMap, header};

use crate::access::{AccessError, SESSION_COOKIE};

/// The key of `Authorization: Bearer KEY`; `None` without that header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, AccessError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| AccessError::Unknown)?;
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(key.trim())),
        _ => Err(AccessError::Unknown),
    }
}

/// The session id in the cookies.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == SESSION_COOKIE).then_some(value))
}

/// Whether a browser's request was made by a page of this very server: its `Origin` names our `Host`. Browsers send
/// `Origin` with every POST, so one without it and without `Sec-Fetch-Site: same-origin` is refused.
pub(crate) fn comes_from_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host)),
        (None, _) => headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "same-origin"),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_our_own_page_may_act_with_a_session() {
        let own = |pairs: &[(&'static str, &'static str)]| comes_from_own_page(&headers(pairs));
        assert!(own(&[
            ("origin", "http://127.0.0.1:8080"),
            ("host", "127.0.0.1:8080")
        ]));
        assert!(own(&[
            ("sec-fetch-site", "same-origin"),
            ("host", "127.0.0.1:8080")
        ]));
        assert!(!own(&[
            ("origin", "http://evil.example"),
            ("host", "127.0.0.1:8080")
        ]));
        assert!(!own(&[
            ("origin", "http://127.0.0.1:9"),
            ("host", "127.0.0.1:8080"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!own(&[("origin", "null"), ("host", "null")]));
        assert!(!own(&[("host", "127.0.0.1:8080")]));
    }

    #[test]
    fn the_session_is_found_among_cookies() {
        let found = headers(&[("cookie", "a=b; tradewind_session=xyz; c")]);
        assert_eq!(session_cookie(&found), Some("xyz"));
        assert_eq!(
            session_cookie(&headers(&[("cookie", "x_tradewind_session=xyz")])),
            None
        );
    }

    #[test]
    fn other_authorization_schemes_are_no_keys() {
        assert_eq!(
            bearer(&headers(&[("authorization", "bearer  k ")])),
            Ok(Some("k"))
        );
        assert_eq!(
            bearer(&headers(&[("authorization", "Basic abc")])),
            Err(AccessError::Unknown)
        );
        assert_eq!(bearer(&headers(&[])), Ok(None));
    }
}
