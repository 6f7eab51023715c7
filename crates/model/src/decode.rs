//! Native JSON to a [`Draft`], in one pass over the bytes and borrowing every text that had no escapes.
//!
//! Known fields are read in place whatever their order; a field the event model does not know goes to `properties` with its
//! path and raw value. A value of the wrong type does not stop the pass: it is noted with its path, so that the verdict can
//! name the field.
//!
//! The file is long because it is one table: a reader for each object of the event model, all of the same shape.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sonic_rs::{Deserializer, LazyValue};

use crate::amount::Amount;
use crate::event::{Context, EventType, Order, Product, Text};
use crate::properties::Properties;
use crate::time::Micros;
use crate::validate::{Draft, MAX_DEPTH, RejectCode, Rejection};

/// Decodes one native JSON event.
///
/// # Errors
/// [`Rejection`] with [`RejectCode::Malformed`] or [`RejectCode::Unacceptable`] when the bytes are not one JSON object;
/// everything else is noted in the draft.
pub fn decode_json(raw: &[u8]) -> Result<Draft<'_>, Rejection> {
    let text = std::str::from_utf8(raw).map_err(|e| {
        Rejection::new(
            RejectCode::Malformed,
            "",
            format!(
                "invalid UTF-8 at byte {} of the event; send UTF-8",
                e.valid_up_to()
            ),
        )
    })?;
    if !text.trim_start().starts_with('{') {
        return Err(Rejection::new(
            RejectCode::Unacceptable,
            "",
            "the item is not a JSON object; send one object per event",
        ));
    }
    // Few brackets cannot nest deeply; only a suspicious item pays for the exact count.
    let brackets = raw.iter().filter(|b| matches!(b, b'{' | b'[')).count();
    if brackets > MAX_DEPTH && depth(text.trim_start()) > MAX_DEPTH {
        return Err(Rejection::new(
            RejectCode::Unacceptable,
            "",
            format!("the item is nested deeper than {MAX_DEPTH} levels"),
        ));
    }
    let mut state = Pass {
        draft: Draft::new(),
        properties: Properties::default(),
    };
    let mut deserializer = Deserializer::from_str(text);
    EventSeed(&mut state)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|e| {
            let full = e.to_string();
            let first = full
                .lines()
                .next()
                .unwrap_or("invalid JSON")
                .trim_end_matches(['\n', ' ']);
            Rejection::new(
                RejectCode::Malformed,
                "",
                format!("not valid JSON: {first}"),
            )
        })?;
    let Pass {
        mut draft,
        properties,
    } = state;
    draft.event.properties = properties.finish();
    Ok(draft)
}

struct Pass<'a> {
    draft: Draft<'a>,
    properties: Properties<'a>,
}

/// A scalar as JSON has it; composites are skipped and marked.
enum Leaf<'a> {
    Null,
    Bool,
    Text(Text<'a>),
    Int(i64),
    Float(f64),
    Composite,
}

impl Leaf<'_> {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Text(_) => "text",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Composite => "an object or array",
        }
    }
}

struct LeafSeed;

impl<'de> DeserializeSeed<'de> for LeafSeed {
    type Value = Leaf<'de>;
    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<Leaf<'de>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LeafSeed {
    type Value = Leaf<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Leaf<'de>, E> {
        Ok(Leaf::Text(Cow::Borrowed(v)))
    }
    fn visit_str<E>(self, v: &str) -> Result<Leaf<'de>, E> {
        Ok(Leaf::Text(Cow::Owned(v.to_owned())))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Leaf<'de>, E> {
        Ok(Leaf::Bool)
    }
    fn visit_i64<E>(self, v: i64) -> Result<Leaf<'de>, E> {
        Ok(Leaf::Int(v))
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "beyond i64 every field refuses it anyway"
    )]
    fn visit_u64<E>(self, v: u64) -> Result<Leaf<'de>, E> {
        Ok(i64::try_from(v).map_or(Leaf::Float(v as f64), Leaf::Int))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Leaf<'de>, E> {
        Ok(Leaf::Float(v))
    }
    fn visit_unit<E>(self) -> Result<Leaf<'de>, E> {
        Ok(Leaf::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Leaf<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Leaf::Composite)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Leaf<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf::Composite)
    }
}

/// An object key, borrowed when it has no escapes.
struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Text<'de>;
    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<Text<'de>, D::Error> {
        d.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Text<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
        Ok(Cow::Borrowed(v))
    }
    fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
        Ok(Cow::Owned(v.to_owned()))
    }
}

impl<'a> Pass<'a> {
    fn wrong(&mut self, prefix: &str, name: &str, found: &Leaf<'_>, accepted: &str) {
        self.draft.fail(
            RejectCode::InvalidField,
            format!("{prefix}{name}"),
            format!("is {}; accepted is {accepted}", found.kind()),
        );
    }

    /// Text; a whole number is taken as its digits, because many shops number their customers and products.
    fn text(&mut self, leaf: Leaf<'a>, prefix: &str, name: &str) -> Option<Text<'a>> {
        match leaf {
            Leaf::Text(text) if text.is_empty() => None,
            Leaf::Text(text) => Some(text),
            Leaf::Int(number) => Some(Cow::Owned(itoa::Buffer::new().format(number).to_owned())),
            Leaf::Null => None,
            other => {
                self.wrong(prefix, name, &other, "text");
                None
            }
        }
    }

    fn amount(&mut self, leaf: Leaf<'a>, prefix: &str, name: &str) -> Option<Amount> {
        let parsed = match &leaf {
            Leaf::Text(text) => Amount::parse(text),
            Leaf::Int(units) => Amount::from_units(*units),
            Leaf::Float(number) => Amount::from_json_number(*number),
            Leaf::Null => return None,
            _ => {
                self.wrong(
                    prefix,
                    name,
                    &leaf,
                    "a decimal number or text such as \"19.99\"",
                );
                return None;
            }
        };
        match parsed {
            Ok(amount) => Some(amount),
            Err(why) => {
                self.draft.fail(
                    RejectCode::InvalidField,
                    format!("{prefix}{name}"),
                    format!("{why}; accepted is a decimal such as 19.99 with at most 4 places"),
                );
                None
            }
        }
    }

    fn whole(&mut self, leaf: Leaf<'a>, prefix: &str, name: &str) -> Option<i64> {
        match leaf {
            Leaf::Int(v) => Some(v),
            #[allow(
                clippy::cast_possible_truncation,
                reason = "range and wholeness are checked"
            )]
            Leaf::Float(v) if v.fract() == 0.0 && v.abs() < 9.0e15 => Some(v as i64),
            Leaf::Text(ref t) if t.parse::<i64>().is_ok() => t.parse().ok(),
            Leaf::Null => None,
            other => {
                self.wrong(prefix, name, &other, "a whole number");
                None
            }
        }
    }

    fn number(&mut self, leaf: Leaf<'a>, prefix: &str, name: &str) -> Option<f64> {
        match leaf {
            #[allow(
                clippy::cast_precision_loss,
                reason = "coordinates and ratings are small"
            )]
            Leaf::Int(v) => Some(v as f64),
            Leaf::Float(v) if v.is_finite() => Some(v),
            Leaf::Text(ref t) => match t.parse::<f64>() {
                Ok(v) if v.is_finite() => Some(v),
                _ => {
                    self.wrong(prefix, name, &leaf, "a number");
                    None
                }
            },
            Leaf::Null => None,
            other => {
                self.wrong(prefix, name, &other, "a number");
                None
            }
        }
    }

    fn time(&mut self, leaf: Leaf<'a>) {
        let time = match &leaf {
            Leaf::Text(text) => Micros::parse_rfc3339(text),
            // Milliseconds until year 5138 when the number is below 10^14, microseconds from 1973 on above it.
            Leaf::Int(v) if v.unsigned_abs() < 100_000_000_000_000 => {
                v.checked_mul(1_000).map(Micros)
            }
            Leaf::Int(v) => Some(Micros(*v)),
            Leaf::Null => return,
            _ => None,
        };
        match time {
            Some(time) => self.draft.time = Some(time),
            None => self.draft.fail(
                RejectCode::InvalidTime,
                "time",
                "is not a time; accepted is RFC 3339 such as 2026-11-21T08:00:00.123Z, or milliseconds since 1970",
            ),
        }
    }

    fn unknown<A: MapAccess<'a>>(
        &mut self,
        map: &mut A,
        prefix: &str,
        key: &str,
    ) -> Result<(), A::Error> {
        let raw: LazyValue<'a> = map.next_value()?;
        let raw = raw.as_raw_str();
        if prefix.is_empty() {
            self.properties.add_raw(key, raw);
        } else {
            self.properties.add_raw(&format!("{prefix}{key}"), raw);
        }
        Ok(())
    }
}

/// The nesting depth of raw JSON text.
fn depth(raw: &str) -> usize {
    let (mut now, mut max, mut in_text, mut escaped) = (0usize, 0usize, false, false);
    if !raw.starts_with(['{', '[']) {
        return 0;
    }
    for b in raw.bytes() {
        if in_text {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
        } else {
            match b {
                b'"' => in_text = true,
                b'{' | b'[' => {
                    now += 1;
                    max = max.max(now);
                }
                b'}' | b']' => now = now.saturating_sub(1),
                _ => {}
            }
        }
    }
    max
}

/// Defines a seed that reads one JSON object into the pass, or notes that the value is not an object.
macro_rules! object_seed {
    ($seed:ident { $($extra:ident : $extra_ty:ty),* }, $prefix:expr, |$this:ident, $map:ident, $key:ident| $body:block) => {
        struct $seed<'p, 'a> { pass: &'p mut Pass<'a>, $($extra: $extra_ty),* }

        impl<'de> DeserializeSeed<'de> for $seed<'_, 'de> {
            type Value = ();
            fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
                d.deserialize_any(self)
            }
        }

        impl<'de> Visitor<'de> for $seed<'_, 'de> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut $map: A) -> Result<(), A::Error> {
                let $this = self;
                while let Some($key) = $map.next_key_seed(KeySeed)? $body
                Ok(())
            }
            fn visit_unit<E>(self) -> Result<(), E> { Ok(()) }
            fn visit_bool<E>(self, _: bool) -> Result<(), E> { self.not_an_object(); Ok(()) }
            fn visit_i64<E>(self, _: i64) -> Result<(), E> { self.not_an_object(); Ok(()) }
            fn visit_u64<E>(self, _: u64) -> Result<(), E> { self.not_an_object(); Ok(()) }
            fn visit_f64<E>(self, _: f64) -> Result<(), E> { self.not_an_object(); Ok(()) }
            fn visit_str<E>(self, _: &str) -> Result<(), E> { self.not_an_object(); Ok(()) }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                self.not_an_object();
                Ok(())
            }
        }

        impl $seed<'_, '_> {
            fn not_an_object(self) {
                self.pass.draft.fail(RejectCode::InvalidField, $prefix.trim_end_matches('.'), "is not an object");
            }
        }
    };
}

struct EventSeed<'p, 'a>(&'p mut Pass<'a>);

impl<'de> DeserializeSeed<'de> for EventSeed<'_, 'de> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let p = self.0;
        while let Some(key) = map.next_key_seed(KeySeed)? {
            macro_rules! text {
                ($slot:ident) => {{
                    let leaf = map.next_value_seed(LeafSeed)?;
                    p.draft.event.$slot = p.text(leaf, "", stringify!($slot));
                }};
            }
            match key.as_ref() {
                "type" | "event" => {
                    let leaf = map.next_value_seed(LeafSeed)?;
                    if let Some(name) = p.text(leaf, "", "type") {
                        p.draft.event_type = EventType::from_name(&name);
                        if p.draft.event_type.is_none() {
                            p.draft.unknown_type = Some(name);
                        }
                    }
                }
                "event_id" => {
                    let leaf = map.next_value_seed(LeafSeed)?;
                    p.draft.event.event_id = p.text(leaf, "", "event_id").unwrap_or_default();
                }
                "time" => {
                    let leaf = map.next_value_seed(LeafSeed)?;
                    p.time(leaf);
                }
                "store_id" => text!(store_id),
                "user_id" => text!(user_id),
                "anonymous_id" => text!(anonymous_id),
                "session_id" => text!(session_id),
                "currency" => text!(currency),
                "cart_id" => text!(cart_id),
                "query" => text!(query),
                "stock" => {
                    let leaf = map.next_value_seed(LeafSeed)?;
                    p.draft.event.stock = p.whole(leaf, "", "stock");
                }
                "delta" => {
                    let leaf = map.next_value_seed(LeafSeed)?;
                    p.draft.event.delta = p.whole(leaf, "", "delta");
                }
                "product" => map.next_value_seed(ProductSeed {
                    pass: &mut *p,
                    prefix: Cow::Borrowed("product."),
                })?,
                "products" => map.next_value_seed(ProductsSeed(&mut *p))?,
                "order" => map.next_value_seed(OrderSeed { pass: &mut *p })?,
                "search" => map.next_value_seed(SearchSeed { pass: &mut *p })?,
                "review" => map.next_value_seed(ReviewSeed { pass: &mut *p })?,
                "customer" => map.next_value_seed(CustomerSeed { pass: &mut *p })?,
                "context" => map.next_value_seed(ContextSeed { pass: &mut *p })?,
                "properties" => {
                    let raw: LazyValue<'de> = map.next_value()?;
                    match raw.as_raw_cow() {
                        raw if raw.starts_with('{') => p.properties.set_sent(raw),
                        raw if raw == "null" => {}
                        _ => p.draft.fail(
                            RejectCode::InvalidField,
                            "properties",
                            "is not an object; accepted is a JSON object",
                        ),
                    }
                }
                other => p.unknown(&mut map, "", other)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("the item is an array"))
    }
}

object_seed!(ProductSeed { prefix: Cow<'p, str> }, "product.", |this, map, key| {
    // The first field opens the product, the rest follow: one object is one product, and `{}` is none.
    let p = &mut *this.pass;
    p.draft.event.products.push(Product::default());
    read_product(p, &mut map, &this.prefix, key)?;
    while let Some(key) = map.next_key_seed(KeySeed)? {
        read_product(p, &mut map, &this.prefix, key)?;
    }
});

fn read_product<'a, A: MapAccess<'a>>(
    p: &mut Pass<'a>,
    map: &mut A,
    prefix: &str,
    key: Text<'a>,
) -> Result<(), A::Error> {
    macro_rules! field {
        ($read:ident, $slot:ident) => {{
            let leaf = map.next_value_seed(LeafSeed)?;
            let value = p.$read(leaf, prefix, stringify!($slot));
            if let Some(product) = p.draft.event.products.last_mut() {
                product.$slot = value;
            }
        }};
    }
    match key.as_ref() {
        "product_id" => {
            let leaf = map.next_value_seed(LeafSeed)?;
            let value = p.text(leaf, prefix, "product_id").unwrap_or_default();
            if let Some(product) = p.draft.event.products.last_mut() {
                product.product_id = value;
            }
        }
        "sku" => field!(text, sku),
        "name" => field!(text, name),
        "category" => field!(text, category),
        "brand" => field!(text, brand),
        "variant" => field!(text, variant),
        "price" => field!(amount, price),
        "cost" => field!(amount, cost),
        "quantity" => field!(whole, quantity),
        "coupon" => field!(text, coupon),
        "position" => field!(whole, position),
        other => p.unknown(map, prefix, other)?,
    }
    Ok(())
}

struct ProductsSeed<'p, 'a>(&'p mut Pass<'a>);

impl<'de> DeserializeSeed<'de> for ProductsSeed<'_, 'de> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ProductsSeed<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of products")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let prefix = Cow::Owned(if index < 10 {
                PREFIXES[index].to_owned()
            } else {
                format!("products.{index}.")
            });
            if seq
                .next_element_seed(ProductSeed {
                    pass: &mut *self.0,
                    prefix,
                })?
                .is_none()
            {
                return Ok(());
            }
            index += 1;
        }
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.not_an_array();
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.not_an_array();
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.not_an_array();
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.not_an_array();
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.not_an_array();
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.not_an_array();
        Ok(())
    }
}

const PREFIXES: [&str; 10] = [
    "products.0.",
    "products.1.",
    "products.2.",
    "products.3.",
    "products.4.",
    "products.5.",
    "products.6.",
    "products.7.",
    "products.8.",
    "products.9.",
];

impl ProductsSeed<'_, '_> {
    fn not_an_array(self) {
        self.0.draft.fail(
            RejectCode::InvalidField,
            "products",
            "is not an array of product objects",
        );
    }
}

object_seed!(OrderSeed {}, "order.", |this, map, key| {
    let p = &mut *this.pass;
    macro_rules! field {
        ($read:ident, $slot:ident) => {{
            let leaf = map.next_value_seed(LeafSeed)?;
            let value = p.$read(leaf, "order.", stringify!($slot));
            let order: &mut Order<'_> = &mut p.draft.event.order;
            order.$slot = value;
        }};
    }
    match key.as_ref() {
        "order_id" => field!(text, order_id),
        "total" => field!(amount, total),
        "revenue" => field!(amount, revenue),
        "subtotal" => field!(amount, subtotal),
        "discount" => field!(amount, discount),
        "tax" => field!(amount, tax),
        "shipping" => field!(amount, shipping),
        "coupon" => field!(text, coupon),
        "payment_method" => field!(text, payment_method),
        "status" => field!(text, status),
        other => p.unknown(&mut map, "order.", other)?,
    }
});

object_seed!(SearchSeed {}, "search.", |this, map, key| {
    let p = &mut *this.pass;
    match key.as_ref() {
        "query" => {
            let leaf = map.next_value_seed(LeafSeed)?;
            p.draft.event.query = p.text(leaf, "search.", "query");
        }
        other => p.unknown(&mut map, "search.", other)?,
    }
});

object_seed!(ReviewSeed {}, "review.", |this, map, key| {
    let p = &mut *this.pass;
    match key.as_ref() {
        "rating" => {
            let leaf = map.next_value_seed(LeafSeed)?;
            p.draft.event.review_rating = p.number(leaf, "review.", "rating");
        }
        "body" => {
            let leaf = map.next_value_seed(LeafSeed)?;
            p.draft.event.review_body = p.text(leaf, "review.", "body");
        }
        other => p.unknown(&mut map, "review.", other)?,
    }
});

object_seed!(CustomerSeed {}, "customer.", |this, map, key| {
    let p = &mut *this.pass;
    match key.as_ref() {
        "age_group" => {
            let leaf = map.next_value_seed(LeafSeed)?;
            p.draft.event.age_group = p.text(leaf, "customer.", "age_group");
        }
        "gender" => {
            let leaf = map.next_value_seed(LeafSeed)?;
            p.draft.event.gender = p.text(leaf, "customer.", "gender");
        }
        other => p.unknown(&mut map, "customer.", other)?,
    }
});

/// Reads text fields of a nested context object by name.
macro_rules! context_texts {
    ($seed:ident, $prefix:literal, $($name:literal => $slot:ident),+ $(,)?) => {
        object_seed!($seed {}, $prefix, |this, map, key| {
            let p = &mut *this.pass;
            match key.as_ref() {
                $($name => {
                    let leaf = map.next_value_seed(LeafSeed)?;
                    let value = p.text(leaf, $prefix, $name);
                    let context: &mut Context<'_> = &mut p.draft.event.context;
                    context.$slot = value;
                })+
                other => p.unknown(&mut map, $prefix, other)?,
            }
        });
    };
}

context_texts!(PageSeed, "context.page.", "url" => page_url, "path" => page_path, "title" => page_title, "referrer" => page_referrer);
context_texts!(CampaignSeed, "context.campaign.", "source" => campaign_source, "medium" => campaign_medium,
    "name" => campaign_name, "term" => campaign_term, "content" => campaign_content);
context_texts!(DeviceSeed, "context.device.", "type" => device_type, "os" => device_os, "browser" => device_browser);

object_seed!(ContextSeed {}, "context.", |this, map, key| {
    let p = &mut *this.pass;
    macro_rules! field {
        ($read:ident, $slot:ident) => {{
            let leaf = map.next_value_seed(LeafSeed)?;
            let value = p.$read(leaf, "context.", stringify!($slot));
            p.draft.event.context.$slot = value;
        }};
    }
    match key.as_ref() {
        "ip" => field!(text, ip),
        "user_agent" => field!(text, user_agent),
        "locale" => field!(text, locale),
        "country" => field!(text, country),
        "region" => field!(text, region),
        "city" => field!(text, city),
        "lat" => field!(number, lat),
        "lon" => field!(number, lon),
        "page" => map.next_value_seed(PageSeed { pass: &mut *p })?,
        "campaign" => map.next_value_seed(CampaignSeed { pass: &mut *p })?,
        "device" => map.next_value_seed(DeviceSeed { pass: &mut *p })?,
        other => p.unknown(&mut map, "context.", other)?,
    }
});

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
