//! Names seen in events, interned to small numbers once per event; operators then work on integers.
//!
//! A name that no pane, cart or order speaks of any more is forgotten and its number given out again: the index grows with what
//! is live, not with history.

use std::sync::Arc;

use roaring::RoaringBitmap;
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
    /// By number; shared with the snapshots that were made of it.
    names: Arc<Vec<Arc<Name>>>,
    /// By number of a product: the numbers of its category and brand, where they were asked for since the last forgetting.
    kinds: Vec<(Option<u32>, Option<u32>)>,
    /// Numbers that nothing has; the lowest is given out first, whatever the history.
    free: RoaringBitmap,
    dirty: Vec<u32>,
}

/// What stands at a number that is not given out. No event has it: ids and names are never empty.
fn nobody() -> Arc<Name> {
    new_name(Dimension::Product, "")
}

fn new_name(dimension: Dimension, key: &str) -> Arc<Name> {
    Arc::new(Name {
        dimension,
        key: key.to_owned(),
        name: None,
        category: None,
        brand: None,
        country: None,
        lat: None,
        lon: None,
    })
}

impl Names {
    fn intern(&mut self, dimension: Dimension, key: &str) -> u32 {
        // The borrowed look-up avoids an allocation for the names that are already known.
        if let Some(number) = self.index.get(&(dimension, key) as &dyn NameKey) {
            return *number;
        }
        let names = Arc::make_mut(&mut self.names);
        let name = new_name(dimension, key);
        let number = match self.free.min() {
            Some(number) => {
                self.free.remove(number);
                names[number as usize] = name;
                number
            }
            None => {
                names.push(name);
                u32::try_from(names.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.index.insert((dimension, key.to_owned()), number);
        self.dirty.push(number);
        number
    }

    fn change(&mut self, number: u32) -> &mut Name {
        self.dirty.push(number);
        Arc::make_mut(&mut Arc::make_mut(&mut self.names)[number as usize])
    }

    /// Forgets every name whose number is not among the live ones.
    pub fn keep_only(&mut self, live: &RoaringBitmap) {
        let mut gone = Vec::new();
        self.index.retain(|_, number| {
            let keep = live.contains(*number);
            if !keep {
                gone.push(*number);
            }
            keep
        });
        if gone.is_empty() {
            return;
        }
        self.kinds.clear();
        let (names, nobody) = (Arc::make_mut(&mut self.names), nobody());
        for number in &gone {
            names[*number as usize] = Arc::clone(&nobody);
        }
        self.dirty.extend(&gone);
        self.free.extend(gone);
        // As after a restart, which knows of no number above the highest in use.
        while let Some(last) = names.len().checked_sub(1)
            && u32::try_from(last).is_ok_and(|last| self.free.remove(last))
        {
            names.pop();
        }
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
            if let Some(kinds) = self.kinds.get_mut(number as usize) {
                *kinds = (None, None);
            }
            let known = self.change(number);
            for (slot, text) in [
                (&mut known.name, &product.name),
                (&mut known.category, &product.category),
                (&mut known.brand, &product.brand),
            ] {
                if let Some(text) = text {
                    *slot = Some(text.to_string());
                }
            }
        }
        let (mut category, mut brand) =
            self.kinds.get(number as usize).copied().unwrap_or_default();
        // What the line names is by now what is known of the product.
        let unknown = |kind: Option<u32>, text: &Option<Text<'_>>| kind.is_none() && text.is_some();
        if unknown(category, &product.category) || unknown(brand, &product.brand) {
            let mut number_of = |kind: Dimension, text: &Option<Text<'_>>| {
                text.as_deref().map(|text| self.intern(kind, text))
            };
            category = number_of(Dimension::Category, &product.category).or(category);
            brand = number_of(Dimension::Brand, &product.brand).or(brand);
            if self.kinds.len() <= number as usize {
                self.kinds.resize(number as usize + 1, (None, None));
            }
            self.kinds[number as usize] = (category, brand);
        }
        LineNames {
            product: number,
            category: category.filter(|_| product.category.is_some()),
            brand: brand.filter(|_| product.brand.is_some()),
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
            let known = self.change(number);
            if new_country {
                known.country = context.country.as_deref().map(str::to_owned);
            }
            if known.lat.is_none() {
                known.lat = context.lat;
                known.lon = context.lon;
            }
        }
        Some(number)
    }

    /// The name of a number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Name> {
        self.names.get(number as usize).map(AsRef::as_ref)
    }

    /// All names, by number; one without key stands at a number that is not given out.
    #[must_use]
    pub fn all(&self) -> &Arc<Vec<Arc<Name>>> {
        &self.names
    }

    /// Names known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no name is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Writes what changed since the last call.
    pub fn save(&mut self, changes: &mut Changes) {
        self.dirty.sort_unstable();
        self.dirty.dedup();
        for number in self.dirty.drain(..) {
            let key = number.to_be_bytes();
            match self.names.get(number as usize) {
                Some(name) if !name.key.is_empty() => {
                    changes.put(StateTable::Names, &key, name.as_ref());
                }
                _ => changes.remove(StateTable::Names, &key),
            }
        }
    }

    /// Takes a name from a checkpoint; numbers come in order.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read or does not come in order.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), StateError> {
        let number = u32::from_be_bytes(key_number(StateTable::Names, key)?);
        let name: Name = decode(StateTable::Names, value)?;
        let names = Arc::make_mut(&mut self.names);
        if (number as usize) < names.len() {
            return Err(StateError {
                table: StateTable::Names,
                reason: format!("number {number} is out of order"),
            });
        }
        while names.len() < number as usize {
            self.free
                .insert(u32::try_from(names.len()).unwrap_or(u32::MAX));
            names.push(nobody());
        }
        self.index
            .insert((name.dimension, name.key.clone()), number);
        names.push(Arc::new(name));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::split_key;
    use tradewind_model::{StoreId, Topic, TopicPartition};

    fn line(names: &mut Names, id: &str, brand: &str) -> LineNames {
        names.line(&Product {
            product_id: id.into(),
            brand: Some(brand.into()),
            ..Product::default()
        })
    }

    #[test]
    fn names_nobody_speaks_of_are_forgotten_and_stay_forgotten_after_a_restart() {
        let at = TopicPartition::new(Topic::UserEvents, 0);
        let store = StoreId::new("shop").unwrap();
        let mut names = Names::default();
        for i in 0..100 {
            line(&mut names, &format!("p{i}"), "acme");
        }
        let mut stored = std::collections::BTreeMap::new();
        let mut save = |names: &mut Names| {
            let mut changes = Changes::new(at, &store);
            names.save(&mut changes);
            for (key, value) in changes.entries {
                match value {
                    Some(value) => stored.insert(key, value),
                    None => stored.remove(&key),
                };
            }
            let mut restored = Names::default();
            for (key, value) in &stored {
                let (_, _, _, key) = split_key(key).unwrap();
                restored.restore(key, value).unwrap();
            }
            restored
        };
        assert_eq!(save(&mut names).len(), 101);
        let kept = line(&mut names, "p7", "acme");
        let live = [kept.product, kept.brand.unwrap()].into_iter().collect();
        let before = Arc::clone(names.all());
        names.keep_only(&live);
        assert_eq!(names.len(), 2);
        assert_eq!(before[0].key, "p0", "a snapshot keeps what it showed");
        let mut restored = save(&mut names);
        for names in [&mut names, &mut restored] {
            assert_eq!(line(names, "p7", "acme"), kept);
            let fresh = line(names, "new", "acme");
            assert!(fresh.product < 101, "a free number is given out again");
            assert_eq!(names.get(fresh.product).unwrap().key, "new");
            assert_eq!(names.len(), 3);
        }
    }
}
