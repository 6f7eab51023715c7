//! An [`Event`] as native JSON again, for senders that only have events: exact money as text, the id always included.

use tradewind_model::{Amount, Event, Product, Quantity};

/// Appends the event as one JSON object without a line end. Reading it back gives the same event.
pub fn event_to_json(event: &Event<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text("type", Some(event.event_type.name()));
    object.text(
        "event_id",
        Some(&event.event_id)
            .filter(|id| !id.is_empty())
            .map(AsRef::as_ref),
    );
    object.text("time", Some(&event.time.to_rfc3339()));
    object.text("store_id", event.store_id.as_deref());
    object.text("user_id", event.user_id.as_deref());
    object.text("anonymous_id", event.anonymous_id.as_deref());
    object.text("session_id", event.session_id.as_deref());
    object.text("currency", event.currency.as_deref());
    object.text("cart_id", event.cart_id.as_deref());
    object.quantity("stock", event.stock);
    object.quantity("delta", event.delta);
    match event.products.as_slice() {
        [] => {}
        [one] => object.nested("product", |o| product(o, one)),
        many => {
            object.key("products");
            for (i, line) in many.iter().enumerate() {
                object.out.push(if i == 0 { b'[' } else { b',' });
                let mut item = Object::open(object.out);
                product(&mut item, line);
                item.close();
            }
            object.out.push(b']');
        }
    }
    object.nested("order", |o| {
        let order = &event.order;
        o.text("order_id", order.order_id.as_deref());
        o.money("total", order.total);
        o.money("revenue", order.revenue);
        o.money("subtotal", order.subtotal);
        o.money("discount", order.discount);
        o.money("tax", order.tax);
        o.money("shipping", order.shipping);
        o.text("coupon", order.coupon.as_deref());
        o.text("payment_method", order.payment_method.as_deref());
        o.text("status", order.status.as_deref());
    });
    object.nested("search", |o| o.text("query", event.query.as_deref()));
    object.nested("review", |o| {
        o.number("rating", event.review_rating);
        o.text("body", event.review_body.as_deref());
    });
    object.nested("customer", |o| {
        o.text("age_group", event.age_group.as_deref());
        o.text("gender", event.gender.as_deref());
    });
    object.nested("context", |o| context(o, &event.context));
    if let Some(properties) = &event.properties {
        object.key("properties");
        object.out.extend_from_slice(properties.as_bytes());
    }
    object.close();
}

fn product(o: &mut Object<'_>, line: &Product<'_>) {
    o.text("product_id", Some(&line.product_id));
    o.text("sku", line.sku.as_deref());
    o.text("name", line.name.as_deref());
    o.text("category", line.category.as_deref());
    o.text("brand", line.brand.as_deref());
    o.text("variant", line.variant.as_deref());
    o.money("price", line.price);
    o.money("cost", line.cost);
    o.quantity("quantity", line.quantity);
    o.text("coupon", line.coupon.as_deref());
    o.whole("position", line.position);
}

fn context(o: &mut Object<'_>, context: &tradewind_model::Context<'_>) {
    o.text("ip", context.ip.as_deref());
    o.text("user_agent", context.user_agent.as_deref());
    o.text("locale", context.locale.as_deref());
    o.text("country", context.country.as_deref());
    o.text("region", context.region.as_deref());
    o.text("city", context.city.as_deref());
    o.number("lat", context.lat);
    o.number("lon", context.lon);
    o.nested("page", |p| {
        p.text("url", context.page_url.as_deref());
        p.text("path", context.page_path.as_deref());
        p.text("title", context.page_title.as_deref());
        p.text("referrer", context.page_referrer.as_deref());
    });
    o.nested("campaign", |c| {
        c.text("source", context.campaign_source.as_deref());
        c.text("medium", context.campaign_medium.as_deref());
        c.text("name", context.campaign_name.as_deref());
        c.text("term", context.campaign_term.as_deref());
        c.text("content", context.campaign_content.as_deref());
    });
    o.nested("device", |d| {
        d.text("type", context.device_type.as_deref());
        d.text("os", context.device_os.as_deref());
        d.text("browser", context.device_browser.as_deref());
    });
}

/// An object being written; fields without a value are left out.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(name);
            push_text(self.out, value);
        }
    }

    fn money(&mut self, name: &str, value: Option<Amount>) {
        if let Some(value) = value {
            self.key(name);
            self.out
                .extend_from_slice(format!("\"{value}\"").as_bytes());
        }
    }

    fn whole(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.key(name);
            self.out.extend_from_slice(value.to_string().as_bytes());
        }
    }

    fn quantity(&mut self, name: &str, value: Option<Quantity>) {
        if let Some(value) = value {
            self.key(name);
            self.out.extend_from_slice(value.to_string().as_bytes());
        }
    }

    fn number(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value.filter(|v| v.is_finite()) {
            self.key(name);
            self.out.extend_from_slice(value.to_string().as_bytes());
        }
    }

    /// An object inside, left out when nothing was written into it.
    fn nested(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        let (start, was_empty) = (self.out.len(), self.empty);
        self.key(name);
        let mut inner = Object::open(self.out);
        write(&mut inner);
        if inner.empty {
            self.out.truncate(start);
            self.empty = was_empty;
        } else {
            inner.close();
        }
    }
}

/// Appends a JSON string literal.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut from = 0;
    for (i, b) in text.bytes().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[from..i]);
        from = i + 1;
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_model::validate::Envelope;
    use tradewind_model::{Decoder, Micros, Store, StoreId};

    const EVENTS: [&str; 3] = [
        r#"{"type":"order_completed","event_id":"e\"1\u0001\n","time":"2026-01-02T03:04:05.000006Z","user_id":"u","currency":"USD",
           "products":[{"product_id":"p1","price":"0.1","quantity":2},{"product_id":"p2","name":"ß","cost":1.5,"extra":[1]}],
           "order":{"order_id":"o1","total":12.3456,"tax":0},"context":{"ip":"1.2.3.4","lat":-1.25,"page":{"url":"x"},"device":{"os":"y"}},
           "properties":{"a": {"b":1}},"unknown":"z"}"#,
        r#"{"type":"product_reviewed","event_id":"2","time":1767225600000,"anonymous_id":"a","product":{"product_id":"p"},
           "review":{"rating":4.5,"body":"good"},"customer":{"gender":"f"},"cart_id":"c","session_id":"s"}"#,
        r#"{"type":"inventory_adjusted","event_id":"3","time":1767225600001,"product":{"product_id":"p"},"delta":-4}"#,
    ];

    #[test]
    fn reading_it_back_gives_the_same_event() {
        let store = Store::new(StoreId::new("s").unwrap());
        let envelope = Envelope {
            received_at: Micros(1_800_000_000_000_000),
            event_id: "",
        };
        for raw in EVENTS {
            let event = Decoder::Json
                .decode(raw.as_bytes(), &envelope, &store)
                .unwrap();
            let mut out = Vec::new();
            event_to_json(&event, &mut out);
            let again = Decoder::Json.decode(&out, &envelope, &store).unwrap();
            assert_eq!(event, again, "{}", String::from_utf8_lossy(&out));
        }
    }
}
