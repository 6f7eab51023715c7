//! Renders the context of an event: what the shopper's browser says about itself, the page and the place.

use super::Simulator;
use super::catalogue::FIRST_PRODUCT_ID;
use super::devices::{DEVICES, Device, SOURCES, Source};
use super::event::{Body, Page, SimEvent, SimKind, Who};
use super::render::field;
use super::store::SimStore;
use super::text::{hex, number, text};

impl Simulator {
    pub(super) fn context(&self, store: &SimStore, who: &Who, event: &SimEvent, out: &mut Vec<u8>) {
        text(out, r#","context":{"ip":""#);
        address(who.traits, out);
        out.push(b'"');
        text(out, &self.devices[usize::from(who.device)]);
        page(store, event, SOURCES[usize::from(who.source)].referrer, out);
        text(out, &self.sources[usize::from(who.source)]);
        text(out, &store.cities[usize::from(who.city)]);
    }
}

/// `,"user_agent":"…","device":{…}` of each device.
pub(super) fn devices() -> Vec<String> {
    let json = |d: &Device| {
        format!(
            r#","user_agent":"{}","device":{{"type":"{}","os":"{}","browser":"{}"}}"#,
            d.user_agent, d.kind, d.os, d.browser
        )
    };
    DEVICES.iter().map(json).collect()
}

/// `,"campaign":{…}` of each source of visits, or nothing.
pub(super) fn sources() -> Vec<String> {
    let json = |s: &Source| match s.campaign {
        Some((source, medium, name)) => {
            format!(r#","campaign":{{"source":"{source}","medium":"{medium}","name":"{name}"}}"#)
        }
        None => String::new(),
    };
    SOURCES.iter().map(json).collect()
}

/// An address from the ranges reserved for documentation.
fn address(traits: u64, out: &mut Vec<u8>) {
    match traits >> 16 & 7 {
        0..=2 => {
            text(out, "2001:db8:");
            hex(out, traits >> 24, 4);
            out.push(b':');
            hex(out, traits >> 40, 4);
            text(out, "::1");
        }
        net => {
            text(out, if net < 6 { "203.0.113." } else { "198.51.100." });
            number(out, 1 + (traits >> 24) % 254);
        }
    }
}

fn page(store: &SimStore, event: &SimEvent, referrer: &str, out: &mut Vec<u8>) {
    let path = |out: &mut Vec<u8>| match event.body {
        Body::Page(Page::Category(shelf)) => {
            text(out, &store.catalogue.shelves[usize::from(shelf)].path)
        }
        Body::Page(Page::Account) | Body::Login => text(out, "/account"),
        Body::Page(Page::Delivery) => text(out, "/delivery"),
        Body::Page(Page::ThankYou) => text(out, "/checkout/thank-you"),
        Body::Page(Page::Home) | Body::Promotion(_) => text(out, "/"),
        Body::Search { .. } => text(out, "/search"),
        Body::Line { line, .. } => {
            text(out, "/p/");
            number(out, FIRST_PRODUCT_ID + u64::from(line.product));
        }
        Body::Coupon { .. } => text(out, "/cart"),
        Body::Cart { step: 0, .. } if event.kind == SimKind::CartViewed => text(out, "/cart"),
        _ => text(out, "/checkout"),
    };
    text(out, r#","page":{"url":"https://"#);
    text(out, &store.id);
    text(out, ".example");
    path(out);
    if let Body::Search { shelf, query } = event.body {
        text(out, "?q=");
        let query = &store.catalogue.shelves[usize::from(shelf)].queries[usize::from(query)];
        out.extend(query.bytes().flat_map(encoded).filter(|&b| b != 0));
    }
    text(out, r#"","path":""#);
    path(out);
    text(out, r#"","title":""#);
    text(
        out,
        match event.body {
            Body::Line { line, .. } => &store.catalogue.products[line.product as usize].name,
            Body::Page(Page::Category(shelf)) => store.catalogue.shelves[usize::from(shelf)].title,
            Body::Search { .. } => "Search",
            Body::Page(Page::ThankYou) => "Thank you",
            Body::Cart { .. } | Body::Coupon { .. } | Body::Order { .. } => "Checkout",
            _ => &store.name,
        },
    );
    out.push(b'"');
    if event.landing && !referrer.is_empty() {
        field(out, "referrer", referrer);
    }
    out.push(b'}');
}

/// A byte of a search as it stands in an address; unused places are 0.
fn encoded(byte: u8) -> [u8; 3] {
    match byte {
        b' ' => [b'+', 0, 0],
        b'&' => *b"%26",
        b'\'' => *b"%27",
        _ => [byte, 0, 0],
    }
}
