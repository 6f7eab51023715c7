//! Native JSON to a [`Draft`], in one pass over the bytes and borrowing every text that had no escapes.
//!
//! Known fields are read in place whatever their order; a field the event model does not know goes to `properties` with its
//! path and raw value. A value of the wrong type does not stop the pass: it is noted with its path, so that the verdict can
//! name the field.

use crate::event::{EventType, Product};
use crate::leaf::Pass;
use crate::scan::{Fault, Scanner, Value};
use crate::validate::{Draft, MAX_DEPTH, RejectCode, Rejection};

/// Decodes one native JSON event.
///
/// # Errors
/// [`Rejection`] with [`RejectCode::Malformed`] or [`RejectCode::Unacceptable`] when the bytes are not one JSON object;
/// everything else is noted in the draft.
pub fn decode_json(raw: &[u8]) -> Result<Draft<'_>, Rejection> {
    let text = simdutf8::basic::from_utf8(raw).map_err(|_| {
        let valid = std::str::from_utf8(raw).map_or_else(|e| e.valid_up_to(), str::len);
        Rejection::new(
            RejectCode::Malformed,
            "",
            format!("invalid UTF-8 at byte {valid} of the event; send UTF-8"),
        )
    })?;
    let mut pass = Pass::default();
    let mut scanner = Scanner::new(text);
    match whole(&mut pass, &mut scanner) {
        Ok(true) => {
            let mut draft = pass.draft;
            draft.event.properties = pass.properties.finish();
            Ok(draft)
        }
        Ok(false) => Err(Rejection::new(
            RejectCode::Unacceptable,
            "",
            "the item is not a JSON object; send one object per event",
        )),
        Err(Fault::Broken(expected, at)) => Err(Rejection::new(
            RejectCode::Malformed,
            "",
            format!("not valid JSON: expected {expected} at byte {at} of the event"),
        )),
        Err(Fault::TooDeep) => Err(Rejection::new(
            RejectCode::Unacceptable,
            "",
            format!("the item is nested deeper than {MAX_DEPTH} levels"),
        )),
    }
}

/// Reads the whole text; `false` when it is no object.
fn whole<'a>(pass: &mut Pass<'a>, scanner: &mut Scanner<'a>) -> Result<bool, Fault> {
    if !scanner.is_object() {
        return Ok(false);
    }
    scanner.value()?;
    while let Some(key) = scanner.key()? {
        event_field(pass, scanner, &key)?;
    }
    scanner.end()?;
    Ok(true)
}

/// Goes through the fields of a value, or notes that it is no object. `null` is an object without fields.
#[inline]
fn object<'a>(
    pass: &mut Pass<'a>,
    scanner: &mut Scanner<'a>,
    prefix: &str,
    mut field: impl FnMut(&mut Pass<'a>, &mut Scanner<'a>, &str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    match scanner.value()? {
        Value::Object => {
            while let Some(key) = scanner.key()? {
                field(pass, scanner, &key)?;
            }
        }
        Value::Null => {}
        other => {
            scanner.pass(&other)?;
            let field = prefix.trim_end_matches('.');
            pass.draft
                .fail(RejectCode::InvalidField, field, "is not an object");
        }
    }
    Ok(())
}

/// The next value; of an object or array, which no scalar field takes, only that it is one.
#[inline]
fn scalar<'a>(scanner: &mut Scanner<'a>) -> Result<Value<'a>, Fault> {
    let value = scanner.value()?;
    if matches!(value, Value::Object | Value::Array) {
        scanner.pass(&value)?;
    }
    Ok(value)
}

/// Reads the next value as the named kind into a slot of the draft's event.
macro_rules! read {
    ($pass:ident, $scanner:ident, $kind:ident, $prefix:expr, $name:expr => $($slot:ident).+) => {{
        let value = scalar($scanner)?;
        $pass.draft.event.$($slot).+ = $pass.$kind(value, $prefix, $name);
    }};
}

/// A reader of the fields of one object of the event model: name → kind and slot.
macro_rules! fields {
    ($(#[$doc:meta])* $reader:ident, $prefix:literal, { $($name:literal => $kind:ident $($slot:ident).+),+ $(,)? } $($more:tt)*) => {
        $(#[$doc])*
        fn $reader<'a>(p: &mut Pass<'a>, s: &mut Scanner<'a>, key: &str) -> Result<(), Fault> {
            match key {
                $($name => read!(p, s, $kind, $prefix, $name => $($slot).+),)+
                _ => return fields!(@more p, s, key, $prefix $($more)*),
            }
            Ok(())
        }
    };
    (@more $p:ident, $s:ident, $key:ident, $prefix:literal) => { $p.unknown($s, $prefix, $key) };
    (@more $p:ident, $s:ident, $key:ident, $prefix:literal else $next:ident) => { $next($p, $s, $key) };
}

fields! {
    /// The texts and numbers of the event itself; what is more than one value is in [`event_part`].
    event_field, "", {
        "store_id" => text store_id,
        "user_id" => text user_id,
        "anonymous_id" => text anonymous_id,
        "session_id" => text session_id,
        "currency" => text currency,
        "cart_id" => text cart_id,
        "query" => text query,
        "stock" => quantity stock,
        "delta" => quantity delta,
    } else event_part
}

fn event_part<'a>(p: &mut Pass<'a>, s: &mut Scanner<'a>, key: &str) -> Result<(), Fault> {
    match key {
        "type" | "event" => {
            if let Some(name) = p.text(scalar(s)?, "", "type") {
                p.draft.event_type = EventType::from_name(&name);
                if p.draft.event_type.is_none() {
                    p.draft.unknown_type = Some(name);
                }
            }
            Ok(())
        }
        "event_id" => {
            if let Some(id) = p.text(scalar(s)?, "", "event_id") {
                p.draft.event.event_id = id;
            }
            Ok(())
        }
        "time" => {
            p.time(scalar(s)?);
            Ok(())
        }
        "product" => product(p, s, "product."),
        "products" => products(p, s),
        "order" => object(p, s, "order.", order_field),
        "search" => object(p, s, "search.", search_field),
        "review" => object(p, s, "review.", review_field),
        "customer" => object(p, s, "customer.", customer_field),
        "context" => object(p, s, "context.", context_field),
        "properties" => {
            match s.raw()? {
                raw if raw.starts_with('{') => p.properties.set_sent(raw.into()),
                "null" => {}
                _ => p.draft.fail(
                    RejectCode::InvalidField,
                    "properties",
                    "is not an object; accepted is a JSON object",
                ),
            }
            Ok(())
        }
        _ => p.unknown(s, "", key),
    }
}

/// One object is one product, and `{}` is none.
fn product<'a>(p: &mut Pass<'a>, s: &mut Scanner<'a>, prefix: &str) -> Result<(), Fault> {
    let mut opened = false;
    object(p, s, prefix, |p, s, key| {
        if !opened {
            p.draft.event.products.push(Product::default());
            opened = true;
        }
        product_field(p, s, key, prefix)
    })
}

fn product_field<'a>(
    p: &mut Pass<'a>,
    s: &mut Scanner<'a>,
    key: &str,
    prefix: &str,
) -> Result<(), Fault> {
    macro_rules! field {
        ($kind:ident, $slot:ident) => {{
            let read = p.$kind(scalar(s)?, prefix, stringify!($slot));
            if let Some(product) = p.draft.event.products.last_mut() {
                product.$slot = read;
            }
        }};
    }
    match key {
        "product_id" => {
            let read = p.text(scalar(s)?, prefix, "product_id");
            if let Some(product) = p.draft.event.products.last_mut() {
                product.product_id = read.unwrap_or_default();
            }
        }
        "sku" => field!(text, sku),
        "name" => field!(text, name),
        "category" => field!(text, category),
        "brand" => field!(text, brand),
        "variant" => field!(text, variant),
        "price" => field!(amount, price),
        "cost" => field!(amount, cost),
        "quantity" => field!(quantity, quantity),
        "coupon" => field!(text, coupon),
        "position" => field!(whole, position),
        _ => return p.unknown(s, prefix, key),
    }
    Ok(())
}

fn products<'a>(p: &mut Pass<'a>, s: &mut Scanner<'a>) -> Result<(), Fault> {
    match s.value()? {
        Value::Array => {
            let mut index = 0;
            while s.item()? {
                match PREFIXES.get(index) {
                    Some(prefix) => product(p, s, prefix)?,
                    None => product(p, s, &format!("products.{index}."))?,
                }
                index += 1;
            }
        }
        Value::Null => {}
        other => {
            s.pass(&other)?;
            p.draft.fail(
                RejectCode::InvalidField,
                "products",
                "is not an array of product objects",
            );
        }
    }
    Ok(())
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

fields! {
    order_field, "order.", {
        "order_id" => text order.order_id,
        "total" => amount order.total,
        "revenue" => amount order.revenue,
        "subtotal" => amount order.subtotal,
        "discount" => amount order.discount,
        "tax" => amount order.tax,
        "shipping" => amount order.shipping,
        "coupon" => text order.coupon,
        "payment_method" => text order.payment_method,
        "status" => text order.status,
    }
}

fields! { search_field, "search.", { "query" => text query } }

fields! {
    review_field, "review.", { "rating" => number review_rating, "body" => text review_body }
}

fields! {
    customer_field, "customer.", { "age_group" => text age_group, "gender" => text gender }
}

fields! {
    context_field, "context.", {
        "ip" => text context.ip,
        "user_agent" => text context.user_agent,
        "locale" => text context.locale,
        "country" => text context.country,
        "region" => text context.region,
        "city" => text context.city,
        "lat" => number context.lat,
        "lon" => number context.lon,
    } else context_part
}

fn context_part<'a>(p: &mut Pass<'a>, s: &mut Scanner<'a>, key: &str) -> Result<(), Fault> {
    match key {
        "page" => object(p, s, "context.page.", page_field),
        "campaign" => object(p, s, "context.campaign.", campaign_field),
        "device" => object(p, s, "context.device.", device_field),
        _ => p.unknown(s, "context.", key),
    }
}

fields! {
    page_field, "context.page.", {
        "url" => text context.page_url,
        "path" => text context.page_path,
        "title" => text context.page_title,
        "referrer" => text context.page_referrer,
    }
}

fields! {
    campaign_field, "context.campaign.", {
        "source" => text context.campaign_source,
        "medium" => text context.campaign_medium,
        "name" => text context.campaign_name,
        "term" => text context.campaign_term,
        "content" => text context.campaign_content,
    }
}

fields! {
    device_field, "context.device.", {
        "type" => text context.device_type,
        "os" => text context.device_os,
        "browser" => text context.device_browser,
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
