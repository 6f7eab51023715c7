//! Reads one CSV record into a draft by a bound mapping, borrowing every field that has no quotes to undo.

use std::borrow::Cow;

use chrono::NaiveDateTime;

use crate::amount::Amount;
use crate::event::{EventType, Product, Text};
use crate::leaf::whole_number;
use crate::mapping::{CsvDecoder, Piece};
use crate::properties::Properties;
use crate::quantity::Quantity;
use crate::store::StoreZone;
use crate::time::Micros;
use crate::validate::{Draft, RejectCode, Rejection};

macro_rules! fields {
    (
        text { $($text:ident $text_path:literal $($text_place:ident).+;)* }
        amount { $($amount:ident $amount_path:literal $($amount_place:ident).+;)* }
        quantity { $($quantity:ident $quantity_path:literal $($quantity_place:ident).+;)* }
        number { $($number:ident $number_path:literal $($number_place:ident).+;)* }
        product_text { $($ptext:ident $ptext_path:literal $ptext_place:ident;)* }
        product_amount { $($pamount:ident $pamount_path:literal $pamount_place:ident;)* }
        product_quantity { $($pquantity:ident $pquantity_path:literal $pquantity_place:ident;)* }
        product_whole { $($pwhole:ident $pwhole_path:literal $pwhole_place:ident;)* }
    ) => {
        /// A field of the event model that a column can feed.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum Field {
            Type, EventId, Time, ProductId,
            $($text,)* $($amount,)* $($quantity,)* $($number,)* $($ptext,)* $($pamount,)* $($pquantity,)* $($pwhole,)*
            Property(String),
            Ignore,
        }

        impl Field {
            /// Every path a mapping may name, besides `properties.NAME`.
            pub(crate) const PATHS: &'static [&'static str] = &[
                "type", "event_id", "time", "product.product_id", "ignore",
                $($text_path,)* $($amount_path,)* $($quantity_path,)* $($number_path,)* $($ptext_path,)* $($pamount_path,)*
                $($pquantity_path,)* $($pwhole_path,)*
            ];

            pub(crate) fn from_path(path: &str) -> Option<Self> {
                Some(match path {
                    "type" => Self::Type,
                    "event_id" => Self::EventId,
                    "time" => Self::Time,
                    "product.product_id" => Self::ProductId,
                    "ignore" => Self::Ignore,
                    $($text_path => Self::$text,)*
                    $($amount_path => Self::$amount,)*
                    $($quantity_path => Self::$quantity,)*
                    $($number_path => Self::$number,)*
                    $($ptext_path => Self::$ptext,)*
                    $($pamount_path => Self::$pamount,)*
                    $($pquantity_path => Self::$pquantity,)*
                    $($pwhole_path => Self::$pwhole,)*
                    other => Self::Property(other.strip_prefix("properties.").filter(|n| !n.is_empty())?.to_owned()),
                })
            }

            fn set<'a>(&self, row: &mut Row<'a, '_>, value: Text<'a>, source: &str) {
                match self {
                    Self::Type => row.set_type(value),
                    Self::EventId => row.draft.event.event_id = value,
                    Self::Time => row.set_time(&value, source),
                    Self::ProductId => row.product().product_id = value,
                    $(Self::$text => row.draft.event.$($text_place).+ = Some(value),)*
                    $(Self::$amount => row.draft.event.$($amount_place).+ = row.amount(&value, source),)*
                    $(Self::$quantity => row.draft.event.$($quantity_place).+ = row.quantity(&value, source),)*
                    $(Self::$number => row.draft.event.$($number_place).+ = row.number(&value, source),)*
                    $(Self::$ptext => row.product().$ptext_place = Some(value),)*
                    $(Self::$pamount => { let amount = row.amount(&value, source); row.product().$pamount_place = amount; })*
                    $(Self::$pquantity => { let quantity = row.quantity(&value, source); row.product().$pquantity_place = quantity; })*
                    $(Self::$pwhole => { let whole = row.whole(&value, source); row.product().$pwhole_place = whole; })*
                    Self::Property(name) => row.properties.add_text(name, &value),
                    Self::Ignore => {}
                }
            }
        }
    };
}

fields! {
    text {
        StoreId "store_id" store_id; UserId "user_id" user_id; AnonymousId "anonymous_id" anonymous_id;
        SessionId "session_id" session_id; Currency "currency" currency; CartId "cart_id" cart_id; Query "search.query" query;
        OrderId "order.order_id" order.order_id; OrderCoupon "order.coupon" order.coupon;
        PaymentMethod "order.payment_method" order.payment_method; OrderStatus "order.status" order.status;
        ReviewBody "review.body" review_body; Ip "context.ip" context.ip; UserAgent "context.user_agent" context.user_agent;
        Locale "context.locale" context.locale; PageUrl "context.page.url" context.page_url;
        PagePath "context.page.path" context.page_path; PageTitle "context.page.title" context.page_title;
        PageReferrer "context.page.referrer" context.page_referrer;
        CampaignSource "context.campaign.source" context.campaign_source;
        CampaignMedium "context.campaign.medium" context.campaign_medium;
        CampaignName "context.campaign.name" context.campaign_name;
        CampaignTerm "context.campaign.term" context.campaign_term;
        CampaignContent "context.campaign.content" context.campaign_content;
        DeviceType "context.device.type" context.device_type; DeviceOs "context.device.os" context.device_os;
        DeviceBrowser "context.device.browser" context.device_browser; Country "context.country" context.country;
        Region "context.region" context.region; City "context.city" context.city;
        AgeGroup "customer.age_group" age_group; Gender "customer.gender" gender;
    }
    amount {
        OrderTotal "order.total" order.total; OrderRevenue "order.revenue" order.revenue;
        OrderSubtotal "order.subtotal" order.subtotal; OrderDiscount "order.discount" order.discount;
        OrderTax "order.tax" order.tax; OrderShipping "order.shipping" order.shipping;
    }
    quantity { Stock "stock" stock; Delta "delta" delta; }
    number { Rating "review.rating" review_rating; Lat "context.lat" context.lat; Lon "context.lon" context.lon; }
    product_text {
        Sku "product.sku" sku; ProductName "product.name" name; Category "product.category" category;
        Brand "product.brand" brand; Variant "product.variant" variant; ProductCoupon "product.coupon" coupon;
    }
    product_amount { Price "product.price" price; Cost "product.cost" cost; }
    product_quantity { Quantity "product.quantity" quantity; }
    product_whole { Position "product.position" position; }
}

/// How a mapping's times are read.
#[derive(Debug, Clone)]
pub(crate) struct TimeReader {
    form: TimeForm,
    zone: StoreZone,
}

#[derive(Debug, Clone)]
enum TimeForm {
    /// RFC 3339 and its relatives, with or without a zone of their own.
    Iso,
    Unix(i64),
    Strftime(String),
}

impl TimeReader {
    pub(crate) fn new(format: Option<&str>, zone: StoreZone) -> Self {
        let form = match format {
            // Spellings that the fast ISO reader knows, whether or not they carry a zone.
            None
            | Some(
                "rfc3339" | "%Y-%m-%d %H:%M:%S UTC" | "%Y-%m-%d %H:%M:%S" | "%Y-%m-%dT%H:%M:%S",
            ) => TimeForm::Iso,
            Some("unix_s") => TimeForm::Unix(Micros::SECOND),
            Some("unix_ms") => TimeForm::Unix(1_000),
            Some("unix_us") => TimeForm::Unix(1),
            Some(format) => TimeForm::Strftime(format.to_owned()),
        };
        Self { form, zone }
    }

    fn read(&self, text: &str) -> Option<Micros> {
        match &self.form {
            TimeForm::Iso => {
                Micros::parse(text).or_else(|| Micros::parse_naive(text).map(|t| self.zoned(t)))
            }
            TimeForm::Unix(scale) => {
                let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
                let whole = whole.parse::<i64>().ok()?.checked_mul(*scale)?;
                let fraction = match fraction {
                    "" => 0,
                    digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                        let places = digits.len().min(6);
                        let value: i64 = digits[..places].parse().ok()?;
                        value * scale / 10_i64.pow(u32::try_from(places).ok()?)
                    }
                    _ => return None,
                };
                whole.checked_add(fraction).map(Micros)
            }
            TimeForm::Strftime(format) => {
                if let Ok(zoned) = chrono::DateTime::parse_from_str(text, format) {
                    return Some(Micros(zoned.timestamp_micros()));
                }
                let naive = NaiveDateTime::parse_from_str(text, format).ok()?;
                Some(self.zone.utc_of(naive))
            }
        }
    }

    fn zoned(&self, naive: Micros) -> Micros {
        if self.zone == StoreZone::UTC {
            return naive;
        }
        chrono::DateTime::from_timestamp_micros(naive.0)
            .map_or(naive, |t| self.zone.utc_of(t.naive_utc()))
    }
}

/// Splits a CSV record (RFC 4180) into fields, borrowing where no quote has to be undone.
///
/// # Errors
/// A fragment saying what is wrong with the quotes.
pub(crate) fn split_fields(raw: &[u8], delimiter: u8) -> Result<Vec<Cow<'_, [u8]>>, &'static str> {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    let mut fields = Vec::with_capacity(16);
    let mut at = 0;
    loop {
        if raw.get(at) == Some(&b'"') {
            let (field, end) = quoted(raw, at + 1)?;
            fields.push(field);
            match raw.get(end) {
                None => return Ok(fields),
                Some(b) if *b == delimiter => at = end + 1,
                Some(_) => return Err("has text after a closing quote"),
            }
        } else {
            let rest = &raw[at..];
            match rest.iter().position(|b| *b == delimiter) {
                Some(end) => {
                    fields.push(Cow::Borrowed(&rest[..end]));
                    at += end + 1;
                }
                None => {
                    fields.push(Cow::Borrowed(rest));
                    return Ok(fields);
                }
            }
        }
    }
}

/// Reads a quoted field from after its opening quote; gives the field and the position after the closing quote.
fn quoted(raw: &[u8], start: usize) -> Result<(Cow<'_, [u8]>, usize), &'static str> {
    let mut owned: Option<Vec<u8>> = None;
    let mut from = start;
    loop {
        let Some(quote) = raw[from..]
            .iter()
            .position(|b| *b == b'"')
            .map(|i| from + i)
        else {
            return Err("has a quote that is not closed");
        };
        if raw.get(quote + 1) == Some(&b'"') {
            owned
                .get_or_insert_default()
                .extend_from_slice(&raw[from..=quote]);
            from = quote + 2;
        } else {
            let field = match owned {
                Some(mut bytes) => {
                    bytes.extend_from_slice(&raw[from..quote]);
                    Cow::Owned(bytes)
                }
                None => Cow::Borrowed(&raw[start..quote]),
            };
            return Ok((field, quote + 1));
        }
    }
}

/// A draft on its way.
struct Row<'a, 'd> {
    draft: Draft<'a>,
    properties: Properties<'a>,
    decoder: &'d CsvDecoder,
}

impl<'a> Row<'a, '_> {
    fn product(&mut self) -> &mut Product<'a> {
        if self.draft.event.products.is_empty() {
            self.draft.event.products.push(Product::default());
        }
        &mut self.draft.event.products[0]
    }

    fn set_type(&mut self, name: Text<'a>) {
        self.draft.event_type = EventType::from_name(name.trim());
        if self.draft.event_type.is_none() {
            self.draft.unknown_type = Some(name);
        }
    }

    fn set_time(&mut self, text: &str, source: &str) {
        match self.decoder.time.read(text.trim()) {
            Some(time) => self.draft.time = Some(time),
            None => self.fail(
                RejectCode::InvalidTime,
                source,
                text,
                "a time as the mapping's [time] says",
            ),
        }
    }

    fn amount(&mut self, text: &str, source: &str) -> Option<Amount> {
        let accepted = match self.decoder.numbers.plain(text) {
            Ok(plain) => match Amount::parse_cell(&plain) {
                Ok(amount) => return Some(amount),
                Err(_) => "a decimal with at most 4 places",
            },
            Err(accepted) => accepted,
        };
        self.fail(RejectCode::InvalidField, source, text, accepted);
        None
    }

    fn quantity(&mut self, text: &str, source: &str) -> Option<Quantity> {
        let accepted = match self.decoder.numbers.plain(text) {
            Ok(plain) => match Quantity::parse_cell(&plain) {
                Ok(quantity) => return Some(quantity),
                Err(_) => "a decimal with at most 3 places",
            },
            Err(accepted) => accepted,
        };
        self.fail(RejectCode::InvalidField, source, text, accepted);
        None
    }

    fn whole(&mut self, text: &str, source: &str) -> Option<i64> {
        let plain = self.decoder.numbers.plain(text).unwrap_or(text.into());
        let whole = whole_number(&plain);
        if whole.is_none() {
            self.fail(RejectCode::InvalidField, source, text, "a whole number");
        }
        whole
    }

    fn number(&mut self, text: &str, source: &str) -> Option<f64> {
        let plain = self.decoder.numbers.plain(text).unwrap_or(text.into());
        let number = plain.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        if number.is_none() {
            self.fail(RejectCode::InvalidField, source, text, "a number");
        }
        number
    }

    fn fail(&mut self, code: RejectCode, source: &str, found: &str, accepted: &str) {
        let shown: String = found.chars().take(60).collect();
        self.draft.fail(
            code,
            source,
            format!("is `{shown}`; accepted is {accepted}"),
        );
    }
}

impl CsvDecoder {
    /// Reads the fields of one record. `event_id` is the id given at the door, for templates.
    ///
    /// # Errors
    /// [`Rejection`] when the record does not have the header's columns.
    pub fn draft<'a>(&'a self, raw: &'a [u8], event_id: &'a str) -> Result<Draft<'a>, Rejection> {
        let malformed = |message: String| Rejection::new(RejectCode::Malformed, "", message);
        let text = std::str::from_utf8(raw).map_err(|e| {
            malformed(format!(
                "invalid UTF-8 at byte {} of the line; convert the file to UTF-8, or name its encoding with --encoding or in the mapping (encoding = \"windows-1252\")",
                e.valid_up_to()
            ))
        })?;
        let mut fields = split_fields(text.as_bytes(), self.delimiter)
            .map_err(|e| malformed(format!("the line {e}")))?;
        // A delimiter at the end of the header or of the line makes a column without a name, or a field without a value.
        let nameless = (self.columns.iter().rev()).take_while(|column| column.name.is_empty());
        let least = self.columns.len() - nameless.count();
        while fields.len() > self.columns.len() && fields.last().is_some_and(|f| f.is_empty()) {
            fields.pop();
        }
        if fields.len() > self.columns.len() || fields.len() < least {
            return Err(malformed(format!(
                "the line has {} fields, the header has {}",
                fields.len(),
                self.columns.len()
            )));
        }
        let mut row = Row {
            draft: Draft::new(),
            properties: Properties::default(),
            decoder: self,
        };
        for (field, value) in &self.constants {
            field.set(&mut row, Cow::Borrowed(value), "constants");
        }
        for (pieces_field, pieces) in &self.templates {
            let mut value = String::new();
            for piece in pieces {
                match piece {
                    Piece::Literal(text) => value.push_str(text),
                    Piece::Column(index) => {
                        value.push_str(&String::from_utf8_lossy(&fields[*index]))
                    }
                    Piece::EventId => value.push_str(event_id),
                }
            }
            pieces_field.set(&mut row, Cow::Owned(value), "templates");
        }
        for (column, value) in self.columns.iter().zip(fields) {
            if value.is_empty() {
                continue;
            }
            let value = match value {
                // The whole line is UTF-8 and fields are cut at ASCII, so each field is UTF-8 too.
                Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
                Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            };
            let replacement = match column.values.get(value.as_ref()) {
                None if !column.values.is_empty() => column.values.get(value.trim()),
                found => found,
            };
            match replacement {
                Some(replacement) => {
                    column
                        .field
                        .set(&mut row, Cow::Borrowed(replacement), &column.name)
                }
                None => column.field.set(&mut row, value, &column.name),
            }
        }
        row.draft.event.properties = row.properties.finish();
        Ok(row.draft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::SHIPPED;

    const HEADER: &str = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session";

    #[test]
    fn rees46_lines_become_events() {
        let decoder = CsvDecoder::new(SHIPPED[0].mapping, HEADER).unwrap();
        let line = b"2019-10-01 00:00:00 UTC,purchase,44600062,2103807459595387724,,shiseido,35.79,541312140,72d7\r\n";
        let draft = decoder.draft(line, "id1").unwrap();
        assert!(draft.problem.is_none());
        assert_eq!(draft.event_type, Some(EventType::OrderCompleted));
        assert_eq!(draft.time.unwrap().to_rfc3339(), "2019-10-01T00:00:00Z");
        let event = draft.event;
        assert_eq!(event.order.order_id.as_deref(), Some("id1"));
        assert_eq!(event.products[0].price, Some(Amount::from_raw(357_900)));
        assert_eq!(event.products[0].category, None);
        assert_eq!(event.session_id.as_deref(), Some("72d7"));
        assert_eq!(
            event.properties.as_deref(),
            Some(r#"{"category_id":"2103807459595387724"}"#)
        );
    }

    #[test]
    fn a_short_line_says_so() {
        let decoder = CsvDecoder::new(SHIPPED[0].mapping, HEADER).unwrap();
        let rejection = decoder
            .draft(b"2019-10-01 02:50:00 UTC,view,109", "x")
            .unwrap_err();
        assert_eq!(rejection.message, "the line has 3 fields, the header has 9");
    }

    #[test]
    fn quotes_are_undone() {
        let fields = split_fields(b"a,\"b,\"\"c\"\"\",\"\",d\r\n", b',').unwrap();
        let fields: Vec<&[u8]> = fields.iter().map(AsRef::as_ref).collect();
        assert_eq!(fields, [b"a".as_slice(), b"b,\"c\"", b"", b"d"]);
        assert!(split_fields(b"\"open", b',').is_err());
        assert!(split_fields(b"\"a\"b", b',').is_err());
    }

    #[test]
    fn headers_and_lines_of_spreadsheets_are_read() {
        const MAPPING: &str = "[columns]\nwhen = \"time\"\nwhat = \"type\"\norder = \"order.order_id\"\ntotal = \"order.total\"\n";
        let read = |header: &str, line: &str| {
            let decoder = CsvDecoder::new(MAPPING, header).unwrap();
            let draft = decoder.draft(line.as_bytes(), "x").unwrap();
            let order = draft.event.order;
            (
                order.order_id.map(Cow::into_owned),
                order.total.map(Amount::raw),
            )
        };
        let want = (Some("O".to_owned()), Some(100_000));
        let at = "2026-11-10 09:00:00Z";
        assert_eq!(
            read(
                "when, what , order,total",
                &format!("{at}, order_completed ,O, 10 ")
            ),
            want
        );
        assert_eq!(
            read(
                "when,what,order,total,",
                &format!("{at},order_completed,O,10,")
            ),
            want
        );
        assert_eq!(
            read(
                "when,what,order,total,",
                &format!("{at},order_completed,O,10")
            ),
            want
        );
        assert_eq!(
            read(
                "when,what,order,total",
                &format!("{at},order_completed,O,10,,")
            ),
            want
        );
    }

    #[test]
    fn a_mapped_column_that_stands_twice_is_refused() {
        const MAPPING: &str =
            "[columns]\nwhen = \"time\"\nwhat = \"type\"\ntotal = \"order.total\"\n";
        let told = CsvDecoder::new(MAPPING, "when,what,total,note,total")
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("`total`") && told.contains("columns 3 and 5"),
            "{told}"
        );
        assert!(CsvDecoder::new(MAPPING, "when,what,total,note,note").is_ok());
    }

    #[test]
    fn a_ready_format_does_without_columns_it_does_not_need() {
        let rees46 = SHIPPED[0];
        assert_eq!(
            crate::mapping::without_missing(rees46.mapping, HEADER, rees46.optional),
            rees46.mapping
        );
        let header = "event_time,event_type,product_id,price,user_id";
        let mapping = crate::mapping::without_missing(rees46.mapping, header, rees46.optional);
        let decoder = CsvDecoder::new(&mapping, header).unwrap();
        let draft = decoder
            .draft(b"2019-10-01 00:00:00 UTC,view,1,2.50,7", "x")
            .unwrap();
        assert_eq!(draft.event_type, Some(EventType::ProductViewed));
        assert_eq!(
            draft.event.products[0].price,
            Some(Amount::from_raw(25_000))
        );
        let told = CsvDecoder::new(&mapping, "event_time,event_type,price,user_id").unwrap_err();
        assert!(told.to_string().contains("`product_id`"), "{told}");
    }

    #[test]
    fn mistakes_in_a_mapping_are_named() {
        let error = CsvDecoder::new("[columns]\nevent_time = \"tme\"\n", HEADER).unwrap_err();
        assert!(
            error.to_string().contains("did you mean `time`?"),
            "{error}"
        );
        let error = CsvDecoder::new("[columns]\nwhen = \"time\"\n", HEADER).unwrap_err();
        assert!(error.to_string().contains("column `when`"), "{error}");
        let error = CsvDecoder::new("colums = 1", HEADER).unwrap_err();
        assert!(error.to_string().contains("colums"), "{error}");
    }
}
