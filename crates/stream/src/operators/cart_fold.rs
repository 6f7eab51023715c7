//! One visitor's carts as a fold over what the visitor did, in order of (time, event id): what a cart is, and how an act changes it.

use serde::{Deserialize, Serialize};
use tradewind_model::{Amount, Event, EventType, Micros, Quantity};

use crate::operators::Facts;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    Converted,
    Recovered,
    Emptied,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) product: u32,
    pub(super) units: Quantity,
    pub(super) price: Amount,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cart {
    pub(super) started: Micros,
    pub(super) last_activity: Micros,
    pub(super) cart_id: Option<String>,
    pub(super) items: Vec<Item>,
    pub(super) checkout: bool,
    pub(super) end: Option<(Micros, End)>,
    /// Its row has not been handed out since it changed.
    pub(super) changed: bool,
}

impl Cart {
    pub(super) fn units(&self) -> Quantity {
        self.items.iter().map(|i| i.units).sum()
    }

    /// A cart of nothing is none: it has ended, also when nothing was all that was put in.
    fn end_when_empty(&mut self, time: Micros) {
        self.items.retain(|i| i.units > Quantity::ZERO);
        if self.items.is_empty() {
            self.end = Some((time, End::Emptied));
        }
    }

    /// Takes quantities that were stored in whole units for what they are.
    pub(super) fn of_whole_units(&mut self) {
        for item in &mut self.items {
            item.units = Quantity::from_units(item.units.raw());
        }
    }

    pub(super) fn value(&self) -> Amount {
        self.items.iter().map(|i| i.units.at(i.price)).sum()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Act {
    Add {
        product: u32,
        units: Quantity,
        price: Option<Amount>,
    },
    /// `None` takes the product out whatever its units.
    Remove {
        product: u32,
        units: Option<Quantity>,
    },
    Look,
    Checkout,
    Order,
}

impl Act {
    /// Takes quantities that were stored in whole units for what they are.
    pub(super) fn of_whole_units(&mut self) {
        match self {
            Self::Add { units, .. }
            | Self::Remove {
                units: Some(units), ..
            } => *units = Quantity::from_units(units.raw()),
            Self::Remove { units: None, .. } | Self::Look | Self::Checkout | Self::Order => {}
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Happened {
    pub(super) at: (Micros, String),
    pub(super) cart_id: Option<String>,
    pub(super) act: Act,
}

pub(super) fn act(facts: &Facts<'_, '_>) -> Option<Act> {
    let event: &Event<'_> = facts.event;
    let product = facts.lines.first().map(|l| l.product);
    Some(match event.event_type {
        EventType::ProductAdded => Act::Add {
            product: product?,
            units: event.product()?.units(),
            price: event.product()?.price,
        },
        EventType::ProductRemoved => Act::Remove {
            product: product?,
            units: event.product()?.quantity,
        },
        EventType::CartViewed => Act::Look,
        EventType::CheckoutStarted
        | EventType::CheckoutStepViewed
        | EventType::CheckoutStepCompleted
        | EventType::PaymentInfoEntered => Act::Checkout,
        // One that is sent again says nothing of a cart begun since.
        EventType::OrderCompleted if !facts.repeats => Act::Order,
        _ => return None,
    })
}

pub(super) fn fold(settled: Option<&Cart>, recent: &[Happened], quiet: i64) -> Vec<Cart> {
    let mut carts: Vec<Cart> = settled.cloned().into_iter().collect();
    for happened in recent {
        step(&mut carts, happened, quiet);
    }
    carts
}

/// One step of the fold.
pub(super) fn step(carts: &mut Vec<Cart>, happened: &Happened, quiet: i64) {
    let time = happened.at.0;
    if let Act::Add { .. } = happened.act
        && carts.last().is_none_or(|c| c.end.is_some())
    {
        carts.push(Cart {
            started: time,
            last_activity: time,
            cart_id: None,
            items: Vec::new(),
            checkout: false,
            end: None,
            changed: true,
        });
    }
    let Some(cart) = carts.last_mut().filter(|c| c.end.is_none()) else {
        return;
    };
    // An order that comes very late may be of a cart that was settled and forgotten: it says nothing of one begun after it.
    if time < cart.started {
        return;
    }
    if happened.cart_id.is_some() && cart.cart_id.is_none() {
        cart.cart_id.clone_from(&happened.cart_id);
    }
    cart.changed = true;
    let was_quiet = time.0 - cart.last_activity.0 > quiet;
    cart.last_activity = cart.last_activity.max(time);
    match &happened.act {
        Act::Add {
            product,
            units,
            price,
        } => {
            match cart.items.iter_mut().find(|i| i.product == *product) {
                Some(item) => {
                    item.units += *units;
                    item.price = price.unwrap_or(item.price);
                }
                None => cart.items.push(Item {
                    product: *product,
                    units: *units,
                    price: price.unwrap_or_default(),
                }),
            }
            cart.end_when_empty(time);
        }
        Act::Remove { product, units } => {
            if let Some(item) = cart.items.iter_mut().find(|i| i.product == *product) {
                item.units = units.map_or(Quantity::ZERO, |u| (item.units - u).max(Quantity::ZERO));
            }
            cart.end_when_empty(time);
        }
        Act::Look => {}
        Act::Checkout => cart.checkout = true,
        Act::Order => {
            cart.end = Some((
                time,
                if was_quiet {
                    End::Recovered
                } else {
                    End::Converted
                },
            ))
        }
    }
}
