//! Names seen in events, interned to small numbers once per event; operators then work on integers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tradewind_model::{Context, Product, Text};

use crate::state::{Changes, Map, StateError, StateTable, decode, key_number};

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Dimension {
    /// `product_id`
    Product = 0,
    /// Category path
    Category = 1,
    /// Brand
    Brand = 2,
    /// City, with its country
    City = 3,
}

/// A name and what is known of the thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Name {
    /// What it is.
    pub dimension: Dimension,
    /// The id or name itself, the key.
    pub key: String,
    /// Product: its display name.
    pub name: Option<String>,
    /// Product: its category.
    pub category: Option<String>,
    /// Product: its brand.
    pub brand: Option<String>,
    /// City: its country.
    pub country: Option<String>,
    /// City: degrees north.
    pub lat: Option<f64>,
    /// City: degrees east.
    pub lon: Option<f64>,
}

/// Interned names of one store in one partition.
#[derive(Debug, Clone, Default)]
pub struct Names {
    index: Map<(Dimension, String), u32>,
    names: Vec<Arc<Name>>,
    dirty: Vec<u32>,
}

impl Names {
    fn intern(&mut self, dimension: Dimension, key: &str) -> u32 {
        // The borrowed look-up avoids an allocation for the names that are already known.
        if let Some(number) = self.index.get(&(dimension, key) as &dyn NameKey) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.index.insert((dimension, key.to_owned()), number);
        self.names.push(Arc::new(Name {
            dimension,
            key: key.to_owned(),
            name: None,
            category: None,
            brand: None,
            country: None,
            lat: None,
            lon: None,
        }));
        self.dirty.push(number);
        number
    }

    /// The numbers of a product line, learning names on the way.
    pub fn line(&mut self, product: &Product<'_>) -> LineNames {
        let number = self.intern(Dimension::Product, &product.product_id);
        let known = &self.names[number as usize];
        let differs = |have: &Option<String>, text: &Option<Text<'_>>| {
            text.is_some() && have.as_deref() != text.as_deref()
        };
        if differs(&known.name, &product.name)
            || differs(&known.category, &product.category)
            || differs(&known.brand, &product.brand)
        {
            let known = Arc::make_mut(&mut self.names[number as usize]);
            for (slot, text) in [
                (&mut known.name, &product.name),
                (&mut known.category, &product.category),
                (&mut known.brand, &product.brand),
            ] {
                if let Some(text) = text {
                    *slot = Some(text.to_string());
                }
            }
            self.dirty.push(number);
        }
        LineNames {
            product: number,
            category: product
                .category
                .as_deref()
                .map(|c| self.intern(Dimension::Category, c)),
            brand: product
                .brand
                .as_deref()
                .map(|b| self.intern(Dimension::Brand, b)),
        }
    }

    /// The number of the event's city.
    pub fn city(&mut self, context: &Context<'_>) -> Option<u32> {
        let city = context.city.as_deref()?;
        let number = self.intern(Dimension::City, city);
        let known = &self.names[number as usize];
        let new_country =
            context.country.is_some() && known.country.as_deref() != context.country.as_deref();
        if new_country || known.lat.is_none() && context.lat.is_some() {
            let known = Arc::make_mut(&mut self.names[number as usize]);
            if new_country {
                known.country = context.country.as_deref().map(str::to_owned);
            }
            if known.lat.is_none() {
                known.lat = context.lat;
                known.lon = context.lon;
            }
            self.dirty.push(number);
        }
        Some(number)
    }

    /// The name of a number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Name> {
        self.names.get(number as usize).map(AsRef::as_ref)
    }

    /// All names, by number.
    #[must_use]
    pub fn all(&self) -> &[Arc<Name>] {
        &self.names
    }

    /// Names known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no name is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, changes: &mut Changes) {
        self.dirty.sort_unstable();
        self.dirty.dedup();
        for number in self.dirty.drain(..) {
            changes.put(
                StateTable::Names,
                &number.to_be_bytes(),
                self.names[number as usize].as_ref(),
            );
        }
    }

    /// Takes a name from a checkpoint; numbers come in order.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read or a number is missing.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let number = u32::from_be_bytes(key_number(StateTable::Names, key)?);
        let name: Name = decode(StateTable::Names, value)?;
        if number as usize != self.names.len() {
            return Err(StateError {
                table: StateTable::Names,
                reason: format!("number {number} is out of order"),
            });
        }
        self.index
            .insert((name.dimension, name.key.clone()), number);
        self.names.push(Arc::new(name));
        Ok(())
    }
}

/// The numbers of a product line's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineNames {
    /// Product.
    pub product: u32,
    /// Category, when the line named one.
    pub category: Option<u32>,
    /// Brand, when the line named one.
    pub brand: Option<u32>,
}

/// Lets the index be asked with borrowed text.
trait NameKey {
    fn parts(&self) -> (Dimension, &str);
}

impl NameKey for (Dimension, String) {
    fn parts(&self) -> (Dimension, &str) {
        (self.0, &self.1)
    }
}

impl NameKey for (Dimension, &str) {
    fn parts(&self) -> (Dimension, &str) {
        (self.0, self.1)
    }
}

impl PartialEq for dyn NameKey + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn NameKey + '_ {}

impl std::hash::Hash for dyn NameKey + '_ {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl<'a> std::borrow::Borrow<dyn NameKey + 'a> for (Dimension, String) {
    fn borrow(&self) -> &(dyn NameKey + 'a) {
        self
    }
}
