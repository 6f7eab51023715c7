//! Native JSON decoding against hand-written cases and arbitrary input.

use proptest::prelude::*;

use crate::amount::Amount;
use crate::event::EventType;
use crate::format::Decoder;
use crate::store::Store;
use crate::time::Micros;
use crate::validate::{Envelope, RejectCode, Rejection};
use crate::{Event, StoreId};

fn decode(raw: &str) -> Result<Event<'_>, Rejection> {
    let envelope = Envelope {
        received_at: Micros(1_800_000_000_000_000),
        event_id: "given",
    };
    Decoder::Json.decode(
        raw.as_bytes(),
        &envelope,
        &Store::new(StoreId::new("s").unwrap()),
    )
}

#[test]
fn every_field_is_read_and_unknown_ones_are_kept() {
    let event = decode(
        r#"{"type":"order_completed","event_id":"e1","time":"2026-11-21T08:00:00.5Z","user_id":7,"anonymous_id":"a\u0031",
        "session_id":"s1","products":[{"product_id":"p1","price":"19.99","quantity":2,"colour":"red"},{"product_id":"p2","price":5}],
        "order":{"order_id":"o1","total":44.98,"subtotal":"44.98","gift":true},"currency":"usd","cart_id":"c1",
        "context":{"page":{"path":"/x","zoom":2},"campaign":{"source":"mail"},"device":{"type":"phone"},"city":"Berlin","lat":52.5,"lon":13},
        "customer":{"gender":"f"},"properties":{"a":[1,{"b":2}]},"experiment":"B"}"#,
    )
    .unwrap();
    assert_eq!(event.event_type, EventType::OrderCompleted);
    assert_eq!(event.user_id.as_deref(), Some("7"));
    assert_eq!(event.anonymous_id.as_deref(), Some("a1"));
    assert_eq!(event.time.to_rfc3339(), "2026-11-21T08:00:00.500Z");
    assert_eq!(event.products.len(), 2);
    assert_eq!(event.products[0].line_total(), Amount::from_raw(399_800));
    assert_eq!(event.order.total, Some(Amount::from_raw(449_800)));
    assert_eq!(event.context.page_path.as_deref(), Some("/x"));
    assert_eq!(
        event.properties.as_deref(),
        Some(
            r#"{"a":[1,{"b":2}],"products.0.colour":"red","order.gift":true,"context.page.zoom":2,"experiment":"B"}"#
        )
    );
}

#[test]
fn a_missing_id_and_time_come_from_the_door() {
    let event = decode(r#"{"type":"page_viewed","anonymous_id":"a"}"#).unwrap();
    assert_eq!(event.event_id, "given");
    assert_eq!(event.time, Micros(1_800_000_000_000_000));
}

#[test]
fn rejections_name_field_fault_and_way_out() {
    let said = |raw: &str| {
        let r = decode(raw).unwrap_err();
        (r.code, r.message)
    };
    for (raw, code, part) in [
        ("nonsense", RejectCode::Unacceptable, "not a JSON object"),
        ("[]", RejectCode::Unacceptable, "not a JSON object"),
        ("{\"type\":", RejectCode::Malformed, "not valid JSON"),
        ("{} x", RejectCode::Malformed, "not valid JSON"),
        ("{}", RejectCode::MissingField, "`type` is missing"),
        (
            r#"{"type":"product_view"}"#,
            RejectCode::UnknownType,
            "did you mean `product_viewed`?",
        ),
        (
            r#"{"type":"page_viewed"}"#,
            RejectCode::MissingField,
            "`anonymous_id` is missing",
        ),
        (
            r#"{"type":"product_viewed","anonymous_id":"a","product":{"product_id":"p","price":"abc"}}"#,
            RejectCode::InvalidField,
            "`product.price` is not a decimal number; accepted is",
        ),
        (
            r#"{"type":"product_viewed","anonymous_id":"a","product":{"product_id":"p","price":-1}}"#,
            RejectCode::InvalidField,
            "`product.price` is -1.0000; accepted are amounts from 0",
        ),
        (
            r#"{"type":"product_viewed","anonymous_id":"a","product":3}"#,
            RejectCode::InvalidField,
            "`product` is not an object",
        ),
        (
            r#"{"type":"product_viewed","anonymous_id":"a"}"#,
            RejectCode::MissingField,
            "product.product_id",
        ),
        (
            r#"{"type":"page_viewed","anonymous_id":"a","time":"yesterday"}"#,
            RejectCode::InvalidTime,
            "RFC 3339",
        ),
        (
            r#"{"type":"page_viewed","anonymous_id":"a","time":"2099-01-01T00:00:00Z"}"#,
            RejectCode::InvalidTime,
            "24 hours",
        ),
        (
            r#"{"type":"page_viewed","anonymous_id":"a","time":"0001-01-01T00:00:00Z"}"#,
            RejectCode::InvalidTime,
            "1970",
        ),
        (
            r#"{"type":"page_viewed","anonymous_id":"a","currency":"EUR"}"#,
            RejectCode::CurrencyMismatch,
            "counts in USD",
        ),
        (
            r#"{"type":"page_viewed","anonymous_id":"a","store_id":"other"}"#,
            RejectCode::StoreMismatch,
            "belongs to store `s`",
        ),
        (
            r#"{"type":"order_completed","order":{}}"#,
            RejectCode::MissingField,
            "order.order_id",
        ),
        (
            r#"{"type":"page_viewed","anonymous_id":"a","context":{"lat":91}}"#,
            RejectCode::InvalidField,
            "degrees",
        ),
    ] {
        let (got, message) = said(raw);
        assert_eq!(got, code, "{raw}: {message}");
        assert!(message.contains(part), "{raw}: {message}");
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let deep = format!(
        r#"{{"type":"page_viewed","anonymous_id":"a","properties":{}1{}}}"#,
        "{\"a\":".repeat(5_000),
        "}".repeat(5_000)
    );
    assert!(matches!(
        decode(&deep).unwrap_err().code,
        RejectCode::Unacceptable | RejectCode::Malformed
    ));
    let deep_known = format!(r#"{{"type":{}}}"#, "[".repeat(100_000));
    assert!(decode(&deep_known).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = crate::decode::decode_json(&raw);
    }

    #[test]
    fn arbitrary_objects_never_panic(raw in r#"\{("(type|time|product|order|context|stock)":([0-9]{1,3}|"[a-z_]{0,9}"|\[\]|\{\}|null|true),?){0,5}\}"#) {
        let _ = decode(&raw);
    }
}
