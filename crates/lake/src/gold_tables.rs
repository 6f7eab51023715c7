//! Definitions of the gold tables: SQL files, those that ship embedded and a data folder's own.
//!
//! A file `<name>.sql` is one SELECT over `silver.*` that gives `store_id`, `date` and the table's columns for one store and some
//! dates: `$store` stands for the store's id as text, `$dates` for a list of dates, to be used as `date IN ($dates)`. A file
//! `<name>.also.sql` beside it may give further `store_id, date` whose rows depend on the given ones. A file of the data folder
//! replaces a shipped one of the same name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tradewind_model::{Date, FormatHash, StoreId};

use crate::error::{LakeError, Result};
use crate::layout::TableName;
use crate::schema::table_schema;

/// What a gold table is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldDefinition {
    /// The table's name within `gold`.
    pub name: String,
    /// The SELECT, with placeholders.
    pub sql: String,
    /// The SELECT of further dates, with placeholders.
    pub also: Option<String>,
    /// The silver tables it reads.
    pub sources: Vec<TableName>,
}

const SHIPPED: [(&str, &str); 7] = [
    (
        "brand_performance",
        include_str!("../gold/brand_performance.sql"),
    ),
    (
        "carts_abandoned",
        include_str!("../gold/carts_abandoned.sql"),
    ),
    (
        "category_hourly",
        include_str!("../gold/category_hourly.sql"),
    ),
    ("city_sales", include_str!("../gold/city_sales.sql")),
    ("daily_metrics", include_str!("../gold/daily_metrics.sql")),
    ("funnel_daily", include_str!("../gold/funnel_daily.sql")),
    (
        "product_performance",
        include_str!("../gold/product_performance.sql"),
    ),
];
const SHIPPED_ALSO: [(&str, &str); 1] = [(
    "daily_metrics",
    include_str!("../gold/daily_metrics.also.sql"),
)];

/// Every gold definition of a lake.
#[derive(Debug, Clone, Default)]
pub(crate) struct GoldTables(BTreeMap<String, Arc<GoldDefinition>>);

impl GoldTables {
    /// The shipped definitions and those of a folder, which may be absent.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let mut also: BTreeMap<String, String> = SHIPPED_ALSO
            .into_iter()
            .map(|(n, sql)| (n.to_owned(), sql.to_owned()))
            .collect();
        let mut files: BTreeMap<String, String> = SHIPPED
            .into_iter()
            .map(|(n, sql)| (n.to_owned(), sql.to_owned()))
            .collect();
        for (name, text) in read_folder(folder)? {
            match name.strip_suffix(".also") {
                Some(name) => {
                    also.insert(name.to_owned(), text);
                }
                None => {
                    // The shipped companion belongs to the shipped file.
                    if !folder.join(format!("{name}.also.sql")).exists() {
                        also.remove(&name);
                    }
                    files.insert(name, text);
                }
            }
        }
        let mut tables = BTreeMap::new();
        for (name, sql) in files {
            let definition = GoldDefinition::new(&name, sql, also.remove(&name))?;
            tables.insert(name, Arc::new(definition));
        }
        Ok(Self(tables))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<GoldDefinition>> {
        self.0.values()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<GoldDefinition>> {
        self.0.get(name)
    }
}

fn read_folder(folder: &Path) -> Result<Vec<(String, String)>> {
    let context = || format!("reading `{}`", folder.display());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LakeError::storage(context(), e)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| LakeError::storage(context(), e))?.path();
        let Some(name) = path
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.strip_suffix(".sql"))
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|e| LakeError::storage(format!("reading `{}`", path.display()), e))?;
        files.push((name.to_owned(), text));
    }
    files.sort();
    Ok(files)
}

impl GoldDefinition {
    /// Checks a definition.
    ///
    /// # Errors
    /// [`LakeError::GoldFile`] when its name is no table name, it lacks a placeholder or reads no silver table.
    pub fn new(name: &str, sql: String, also: Option<String>) -> Result<Self> {
        let wrong = |problem: &str| LakeError::GoldFile {
            file: format!("{name}.sql"),
            problem: problem.to_owned(),
        };
        if name.is_empty()
            || !name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err(wrong(
                "is not named like a table; use lower case letters, digits and `_`",
            ));
        }
        if !sql.contains("$store") || !sql.contains("$dates") {
            return Err(wrong(
                "lacks `$store` or `$dates`; filter silver tables with `store_id = $store AND date IN ($dates)`",
            ));
        }
        let sources: Vec<TableName> = TableName::FIXED
            .into_iter()
            .filter(|t| t.schema() == "silver" && reads(&sql, &t.to_string()))
            .collect();
        if sources.is_empty() {
            return Err(wrong("reads no table of `silver`"));
        }
        Ok(Self {
            name: name.to_owned(),
            sql,
            also,
            sources,
        })
    }

    /// The text with the placeholders filled in. Store ids need no escaping.
    #[must_use]
    pub fn fill(text: &str, store: &StoreId, dates: &[Date]) -> String {
        let dates: Vec<String> = dates.iter().map(|d| format!("DATE '{d}'")).collect();
        text.replace("$store", &format!("'{store}'"))
            .replace("$dates", &dates.join(", "))
    }

    /// Names this very definition in the log of its table, so that a changed one is computed anew.
    pub(crate) fn transaction_id(&self, source: &TableName) -> String {
        let mut text = format!("{}\0{}", self.sql, self.also.as_deref().unwrap_or_default());
        // The same SQL gives other columns when those of its source change their type.
        for field in table_schema(source).iter().flat_map(|s| s.fields()) {
            let _ = write!(text, "\0{} {}", field.name(), field.data_type());
        }
        format!("tradewind/gold/{}/{source}", FormatHash::of(&text))
    }
}

/// Whether SQL names a table: the name is not part of a longer word.
fn reads(sql: &str, table: &str) -> bool {
    sql.match_indices(table).any(|(at, _)| {
        !sql[at + table.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_definitions_name_their_sources() {
        let tables = GoldTables::load(Path::new("/nowhere")).unwrap();
        assert_eq!(tables.names().count(), 7);
        let daily = tables.get("daily_metrics").unwrap();
        assert!(daily.also.is_some());
        assert!(
            daily.sources.contains(&TableName::SilverSessions)
                && !daily.sources.contains(&TableName::SilverCarts)
        );
    }

    #[test]
    fn a_folders_file_joins_or_replaces() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("mine.sql"),
            "SELECT * FROM silver.carts WHERE store_id = $store AND date IN ($dates)",
        )
        .unwrap();
        std::fs::write(
            dir.path().join("daily_metrics.sql"),
            "SELECT 1 FROM silver.events WHERE x = $store AND y IN ($dates)",
        )
        .unwrap();
        let tables = GoldTables::load(dir.path()).unwrap();
        assert_eq!(
            tables.get("mine").unwrap().sources,
            [TableName::SilverCarts]
        );
        assert!(tables.get("daily_metrics").unwrap().also.is_none());
        std::fs::write(dir.path().join("Bad name.sql"), "SELECT 1").unwrap();
        assert!(GoldTables::load(dir.path()).is_err());
    }

    #[test]
    fn placeholders_become_literals() {
        let filled = GoldDefinition::fill(
            "s = $store AND d IN ($dates)",
            &StoreId::new("a-1").unwrap(),
            &[Date(0), Date(1)],
        );
        assert_eq!(
            filled,
            "s = 'a-1' AND d IN (DATE '1970-01-01', DATE '1970-01-02')"
        );
    }
}
