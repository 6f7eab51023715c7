//! By which version of the rules of counting the silver and gold of each store were counted (docs/decisions/0009).
//!
//! ```text
//! <data-dir>/lake/GENERATION/RULES
//! * 2                    stores that are not named
//! shop 1                 a store counted by older rules
//! # 4fa91b22f29a85bf     XXH3 of the lines above
//! ```
//! A generation without a readable file was counted by the rules from before there were versions: number 1. The file of a generation
//! is written when it is first opened by a program whose rules it does not know, and with every new generation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tradewind_model::StoreId;
use tradewind_stream::RULES;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{LakeError, Result};
use crate::layout;

/// The rules of folders that name none.
const FIRST: u32 = 1;

/// The rules a generation was counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountedBy {
    others: u32,
    stores: BTreeMap<StoreId, u32>,
}

impl CountedBy {
    /// Reads the file of a generation; makes it when it is not there or of an older program.
    pub(crate) fn open(root: &Path, generation: &str) -> Result<Self> {
        let file = file_of(root, generation);
        let known = match std::fs::read_to_string(&file) {
            Ok(text) => {
                let read = Self::parse(&text);
                if read.is_none() {
                    tracing::warn!(file = %file.display(), "cannot be read; its stores are taken for counted by the first rules until they are replayed");
                }
                read
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            // Flipped bits: no text any more.
            Err(e) if e.kind() == std::io::ErrorKind::InvalidData => None,
            Err(e) => {
                return Err(LakeError::storage(
                    format!("reading `{}`", file.display()),
                    e,
                ));
            }
        };
        if let Some(newer) = known.as_ref().filter(|known| known.others > RULES) {
            return Err(LakeError::Inconsistent(format!(
                "`{}` names rules {} of counting, this program knows {RULES} at most; open the folder with a newer one",
                file.display(),
                newer.others
            )));
        }
        if let Some(known) = known.as_ref().filter(|known| known.others == RULES) {
            return Ok(known.clone());
        }
        let mut counted = known.unwrap_or(Self {
            others: FIRST,
            stores: BTreeMap::new(),
        });
        for store in stores_of(root)? {
            counted.stores.entry(store).or_insert(counted.others);
        }
        counted.others = RULES;
        counted.write(root, generation)?;
        Ok(counted)
    }

    /// The rules a store was counted by.
    pub(crate) fn of(&self, store: &StoreId) -> u32 {
        self.stores.get(store).copied().unwrap_or(self.others)
    }

    /// Notes that all of a store was counted by today's rules.
    pub(crate) fn counted_anew(&mut self, store: &StoreId) {
        self.stores.remove(store);
    }

    /// Makes them those of a generation: a synced file renamed over the old one.
    pub(crate) fn write(&self, root: &Path, generation: &str) -> Result<()> {
        let file = file_of(root, generation);
        let folder = root.join(generation);
        let write = || -> std::io::Result<()> {
            use std::io::Write as _;
            std::fs::create_dir_all(&folder)?;
            let new = file.with_extension("new");
            let mut out = std::fs::File::create(&new)?;
            out.write_all(self.text().as_bytes())?;
            out.sync_all()?;
            std::fs::rename(&new, &file)?;
            std::fs::File::open(&folder)?.sync_all()
        };
        write().map_err(|e| LakeError::storage(format!("writing `{}`", file.display()), e))
    }

    fn text(&self) -> String {
        let mut text = format!("* {}\n", self.others);
        for (store, rules) in &self.stores {
            text.push_str(&format!("{store} {rules}\n"));
        }
        let sum = xxh3_64(text.as_bytes());
        text.push_str(&format!("# {sum:016x}\n"));
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let (lines, sum) = text.strip_suffix('\n')?.rsplit_once("# ")?;
        if sum != format!("{:016x}", xxh3_64(lines.as_bytes())) {
            return None;
        }
        let mut lines = lines.lines();
        let others = lines.next()?.strip_prefix("* ")?.parse().ok()?;
        let stores = lines
            .map(|line| {
                let (store, rules) = line.split_once(' ')?;
                Some((StoreId::new(store).ok()?, rules.parse().ok()?))
            })
            .collect::<Option<_>>()?;
        Some(Self { others, stores })
    }
}

fn file_of(root: &Path, generation: &str) -> PathBuf {
    root.join(generation).join("RULES")
}

/// The stores that bronze has records of.
fn stores_of(root: &Path) -> Result<Vec<StoreId>> {
    let folder = layout::table_dir(root, layout::MAIN, &layout::TableName::BronzeEvents);
    let wrong = |e| LakeError::storage(format!("reading `{}`", folder.display()), e);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(wrong(e)),
    };
    let mut stores = Vec::new();
    for entry in entries {
        let name = entry.map_err(wrong)?.file_name();
        let store = name.to_str().and_then(|n| n.strip_prefix("store_id="));
        stores.extend(store.and_then(|s| StoreId::new(s).ok()));
    }
    Ok(stores)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> StoreId {
        StoreId::new(name).unwrap()
    }

    #[test]
    fn a_new_lake_is_counted_by_todays_rules_and_an_old_one_by_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let new = CountedBy::open(dir.path(), "main").unwrap();
        assert_eq!(new.of(&store("shop")), RULES);
        std::fs::remove_file(file_of(dir.path(), "main")).unwrap();
        std::fs::create_dir_all(dir.path().join("main/bronze/events/store_id=shop")).unwrap();
        let mut old = CountedBy::open(dir.path(), "main").unwrap();
        assert_eq!(
            (old.of(&store("shop")), old.of(&store("later"))),
            (FIRST, RULES)
        );
        assert_eq!(CountedBy::open(dir.path(), "main").unwrap(), old);
        old.counted_anew(&store("shop"));
        old.write(dir.path(), "g1").unwrap();
        let replayed = CountedBy::open(dir.path(), "g1").unwrap();
        assert_eq!(replayed.of(&store("shop")), RULES);
    }

    #[test]
    fn a_damaged_file_is_told_apart_and_a_newer_one_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("main/bronze/events/store_id=shop")).unwrap();
        let whole = CountedBy {
            others: RULES,
            stores: BTreeMap::from([(store("a.b"), 1)]),
        };
        assert_eq!(CountedBy::parse(&whole.text()), Some(whole.clone()));
        for at in 0..whole.text().len() {
            let mut bytes = whole.text().into_bytes();
            bytes[at] ^= 1;
            let flipped = String::from_utf8(bytes).unwrap();
            assert_eq!(CountedBy::parse(&flipped), None, "{flipped}");
            assert_eq!(CountedBy::parse(&whole.text()[..at]), None);
        }
        std::fs::write(file_of(dir.path(), "main"), "* 2\n").unwrap();
        let read = CountedBy::open(dir.path(), "main").unwrap();
        assert_eq!(read.of(&store("shop")), FIRST);
        let newer = CountedBy {
            others: RULES + 1,
            stores: BTreeMap::new(),
        };
        newer.write(dir.path(), "main").unwrap();
        let told = CountedBy::open(dir.path(), "main").unwrap_err().to_string();
        assert!(told.contains("open the folder with a newer one"), "{told}");
    }
}
