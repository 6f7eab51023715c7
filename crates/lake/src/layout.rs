//! Names of the tables and their places on disk.
//!
//! ```text
//! <data-dir>/lake/CURRENT            the name of the generation that is read, one line; absent = `main`
//! <data-dir>/lake/main/bronze/events a Delta table
//! <data-dir>/lake/main/silver/…
//! <data-dir>/lake/main/gold/…
//! ```
//! A replay writes silver and gold of another generation beside this one and then replaces `CURRENT` with one rename.
//! Bronze belongs to no generation: it stays under `main` for ever.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{LakeError, Result};

/// A table of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableName {
    /// `bronze.events`: every record byte for byte as received.
    BronzeEvents,
    /// `bronze.quarantine`: what could not become silver, with the reason.
    BronzeQuarantine,
    /// `silver.events`: every new event, typed.
    SilverEvents,
    /// `silver.line_items`: one row a product of an event.
    SilverLineItems,
    /// `silver.orders`: one row an order as it stands.
    SilverOrders,
    /// `silver.sessions`: one row a session.
    SilverSessions,
    /// `silver.carts`: one row a cart.
    SilverCarts,
    /// A gold table by its name.
    Gold(String),
}

impl TableName {
    /// The tables whose columns are fixed here.
    pub const FIXED: [Self; 7] = [
        Self::BronzeEvents,
        Self::BronzeQuarantine,
        Self::SilverEvents,
        Self::SilverLineItems,
        Self::SilverOrders,
        Self::SilverSessions,
        Self::SilverCarts,
    ];

    /// The SQL schema.
    #[must_use]
    pub fn schema(&self) -> &'static str {
        match self {
            Self::BronzeEvents | Self::BronzeQuarantine => "bronze",
            Self::Gold(_) => "gold",
            _ => "silver",
        }
    }

    /// The name within the schema.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::BronzeEvents | Self::SilverEvents => "events",
            Self::BronzeQuarantine => "quarantine",
            Self::SilverLineItems => "line_items",
            Self::SilverOrders => "orders",
            Self::SilverSessions => "sessions",
            Self::SilverCarts => "carts",
            Self::Gold(name) => name,
        }
    }

    /// The fixed table of a schema and name, or the gold table of that name.
    #[must_use]
    pub fn of(schema: &str, name: &str) -> Option<Self> {
        if schema == "gold" {
            return Some(Self::Gold(name.to_owned()));
        }
        Self::FIXED
            .into_iter()
            .find(|t| t.schema() == schema && t.name() == name)
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema(), self.name())
    }
}

/// The generation written by live processing of a new lake.
pub(crate) const MAIN: &str = "main";

/// Reads which generation is current.
pub(crate) fn current_generation(root: &Path) -> Result<String> {
    let file = root.join("CURRENT");
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let name = text.trim();
            if name.is_empty() || name.contains(['/', '\\', '.']) {
                return Err(LakeError::Inconsistent(format!(
                    "`{}` names no generation: `{name}`; {}",
                    file.display(),
                    there_are(root)
                )));
            }
            let is_there = if name == MAIN {
                generations(root).is_empty() || root.join(MAIN).join("silver").is_dir()
            } else {
                root.join(name).is_dir()
            };
            if !is_there {
                return Err(LakeError::Inconsistent(format!(
                    "`{}` names generation `{name}`, which does not exist; {}",
                    file.display(),
                    there_are(root)
                )));
            }
            Ok(name.to_owned())
        }
        // A replay makes the first one, and deletes `main`'s silver when the new generation has taken its place.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            if generations(root).is_empty() || root.join(MAIN).join("silver").is_dir() {
                return Ok(MAIN.to_owned());
            }
            Err(LakeError::Inconsistent(format!(
                "`{}`, which names the generation of silver and gold that is read, is gone; {}",
                file.display(),
                there_are(root)
            )))
        }
        Err(e) => Err(LakeError::storage(
            format!("reading `{}`", file.display()),
            e,
        )),
    }
}

/// The generations that replays made.
fn generations(root: &Path) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.strip_prefix('g')
                .is_some_and(|n| n.parse::<u64>().is_ok())
        })
        .collect();
    found.sort_unstable();
    found
}

fn there_are(root: &Path) -> String {
    let mut found = generations(root);
    if root.join(MAIN).join("silver").is_dir() {
        found.push(MAIN.to_owned());
    }
    format!(
        "write the name of the newest that is whole into it (there are: {})",
        found.join(", ")
    )
}

/// Makes another generation current: a synced file renamed over the old one.
pub(crate) fn set_current_generation(root: &Path, name: &str) -> Result<()> {
    let (new, file) = (root.join("CURRENT.new"), root.join("CURRENT"));
    let write = || -> std::io::Result<()> {
        use std::io::Write as _;
        let mut out = std::fs::File::create(&new)?;
        writeln!(out, "{name}")?;
        out.sync_all()?;
        std::fs::rename(&new, &file)?;
        std::fs::File::open(root)?.sync_all()
    };
    write().map_err(|e| {
        LakeError::storage(
            format!(
                "making `{name}` the current generation in `{}`",
                root.display()
            ),
            e,
        )
    })
}

/// The folder of a table.
pub(crate) fn table_dir(root: &Path, generation: &str, table: &TableName) -> PathBuf {
    let generation = if table.schema() == "bronze" {
        MAIN
    } else {
        generation
    };
    root.join(generation)
        .join(table.schema())
        .join(table.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_generation_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(current_generation(dir.path()).unwrap(), MAIN);
        set_current_generation(dir.path(), "g2").unwrap();
        let told = current_generation(dir.path()).unwrap_err().to_string();
        assert!(told.contains("`g2`, which does not exist"), "{told}");
        std::fs::create_dir(dir.path().join("g2")).unwrap();
        assert_eq!(current_generation(dir.path()).unwrap(), "g2");
        // Nor is `main` there any more once a replay took its place, whether it is named or nothing is.
        for wrong in ["../etc", "g5", MAIN] {
            std::fs::write(dir.path().join("CURRENT"), wrong).unwrap();
            let told = current_generation(dir.path()).unwrap_err().to_string();
            assert!(told.contains("(there are: g2)"), "{told}");
        }
        std::fs::remove_file(dir.path().join("CURRENT")).unwrap();
        let told = current_generation(dir.path()).unwrap_err().to_string();
        assert!(told.contains("is gone") && told.contains("g2"), "{told}");
    }

    #[test]
    fn names_round_trip() {
        for table in TableName::FIXED {
            assert_eq!(TableName::of(table.schema(), table.name()), Some(table));
        }
        assert_eq!(TableName::of("silver", "nothing"), None);
    }
}
