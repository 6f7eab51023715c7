//! Renders events as lines of the REES46 (Kaggle "multi category store") CSV, as far as it has words for them.

use super::Simulator;
use super::catalogue::FIRST_PRODUCT_ID;
use super::event::{Body, Line, SimEvent, SimKind};
use super::rng::mix;
use super::text::{money, number, text, time, uuid};

/// Category ids count up from here.
const FIRST_CATEGORY_ID: u64 = 2_053_013_552_326_770_905;
/// User ids count up from here, over all stores in turn.
const FIRST_USER_ID: u64 = 512_000_000;

impl Simulator {
    /// Appends `event` as CSV lines in the columns event_time, event_type, product_id, category_id, category_code,
    /// brand, price, user_id, user_session, without a last line end. An order gives one line for each of its lines.
    /// False, with nothing appended, when REES46 has no such event.
    pub fn render_rees46(&self, event: &SimEvent, out: &mut Vec<u8>) -> bool {
        let name = match event.kind {
            SimKind::ProductViewed => "view",
            SimKind::ProductAdded => "cart",
            SimKind::ProductRemoved => "remove_from_cart",
            SimKind::OrderCompleted => "purchase",
            _ => return false,
        };
        match event.body {
            Body::Line { line, .. } => self.csv(event, name, line, out),
            Body::Order { ref lines, .. } => {
                for (i, line) in lines.as_slice().iter().enumerate() {
                    if i > 0 {
                        out.push(b'\n');
                    }
                    self.csv(event, name, *line, out);
                }
            }
            _ => return false,
        }
        true
    }

    fn csv(&self, event: &SimEvent, name: &str, line: Line, out: &mut Vec<u8>) {
        let store = &self.stores[event.store as usize];
        let product = &store.catalogue.products[line.product as usize];
        time(out, event.time, true);
        out.push(b',');
        text(out, name);
        out.push(b',');
        number(out, FIRST_PRODUCT_ID + u64::from(line.product));
        out.push(b',');
        number(out, FIRST_CATEGORY_ID + u64::from(product.category));
        out.push(b',');
        text(
            out,
            &store.catalogue.shelves[usize::from(product.category)].code,
        );
        out.push(b',');
        // The data set writes brands in small letters.
        out.extend(product.brand.bytes().map(|b| b.to_ascii_lowercase()));
        out.push(b',');
        money(out, line.price.into());
        out.push(b',');
        if let Some(who) = &event.who {
            number(
                out,
                FIRST_USER_ID + who.visitor * self.stores.len() as u64 + u64::from(event.store),
            );
            out.push(b',');
            let session = mix(self.key ^ who.session);
            uuid(out, session, mix(session), 4);
        } else {
            out.push(b',');
        }
    }
}
