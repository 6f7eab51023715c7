//! Mapping files: how the columns of somebody's CSV become the fields of the event model.
//!
//! A mapping is TOML. `[columns]` names the field of each column, `[constants]` fields that are the same in every line,
//! `[templates]` fields put together from columns, `[values.COLUMN]` replaces a column's values, `[time]` tells how times are
//! written, `store` names the column that holds the store, `dedup` the columns that identify an event. A column that no
//! entry names is kept in `properties` under its own name.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cell::NumberStyle;
use crate::mapping_apply::{Field, TimeReader};
use crate::store::StoreZone;
use crate::validate::distance;

/// A mapping that cannot be used, with the entry at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Not TOML, or an unknown key.
    #[error("the mapping is not valid: {0}")]
    Toml(String),
    /// A target that the event model does not have.
    #[error("`{entry}` maps to `{field}`, which is no field of an event{hint}")]
    UnknownField {
        /// The mapping's entry.
        entry: String,
        /// The field named.
        field: String,
        /// The nearest known field, as a hint.
        hint: String,
    },
    /// A column that the file does not have.
    #[error(
        "the mapping names column `{column}`, which the file does not have; its columns are {columns}"
    )]
    MissingColumn {
        /// The column named.
        column: String,
        /// What the header holds.
        columns: String,
    },
    /// The time zone is unknown.
    #[error("time.zone: {0}")]
    Zone(#[from] crate::store::UnknownZone),
    /// No way to find an event's type or time.
    #[error("the mapping names no {0}; add it under [columns], [constants] or [templates]")]
    Missing(&'static str),
    /// Something else is off.
    #[error("{0}")]
    Invalid(String),
}

/// A mapping file as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MappingSpec {
    /// What the mapping is called in messages.
    pub name: String,
    /// The character between fields.
    pub delimiter: Option<String>,
    /// The character before decimals, `.` or `,`; without it most numbers tell by themselves.
    pub decimal: Option<String>,
    /// A character between groups of thousands, besides spaces, apostrophes and the one of `.` and `,` that marks no decimals.
    pub thousands: Option<String>,
    /// The encoding of files that are not UTF-8 or UTF-16, such as `windows-1252`.
    pub encoding: Option<String>,
    /// The column that names the store, for files of several stores.
    pub store: Option<String>,
    /// The columns whose values together identify an event; without them every line is its own event.
    pub dedup: Vec<String>,
    /// Column → field.
    pub columns: BTreeMap<String, String>,
    /// Field → value.
    pub constants: BTreeMap<String, String>,
    /// Field → text with `{column}` and `{event_id}` in it.
    pub templates: BTreeMap<String, String>,
    /// Column → (value → replacement).
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// How times are written.
    pub time: TimeSpec,
}

/// How a mapping's times are written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeSpec {
    /// `rfc3339` (default), `unix_s`, `unix_ms`, `unix_us`, or a strftime format.
    pub format: Option<String>,
    /// The IANA zone of times that name none.
    pub zone: Option<String>,
}

/// A mapping that ships with Tradewind.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// The format's name.
    pub name: &'static str,
    /// The mapping's TOML. Its text is part of what an imported file is known by: a changed one lets files be imported again.
    pub mapping: &'static str,
    /// Columns that a file may lack.
    pub optional: &'static [&'static str],
}

/// The mappings that ship with Tradewind.
pub const SHIPPED: &[Shipped] = &[Shipped {
    name: "rees46",
    mapping: include_str!("../mappings/rees46.toml"),
    optional: &["category_code", "brand", "user_session", "price"],
}];

/// What one column's values do.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) field: Field,
    pub(crate) values: BTreeMap<String, String>,
}

/// One piece of a template.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Literal(String),
    Column(usize),
    EventId,
}

/// A mapping bound to a file's header, ready to read its lines.
#[derive(Debug, Clone)]
pub struct CsvDecoder {
    mapping_text: String,
    header: String,
    pub(crate) delimiter: u8,
    pub(crate) columns: Vec<Column>,
    pub(crate) constants: Vec<(Field, String)>,
    pub(crate) templates: Vec<(Field, Vec<Piece>)>,
    pub(crate) time: TimeReader,
    pub(crate) numbers: NumberStyle,
    store_column: Option<usize>,
    dedup: Vec<usize>,
}

impl CsvDecoder {
    /// Binds a mapping to a header line.
    ///
    /// # Errors
    /// [`MappingError`] naming the entry that cannot be used.
    pub fn new(mapping_text: &str, header: &str) -> Result<Self, MappingError> {
        let spec: MappingSpec =
            toml::from_str(mapping_text).map_err(|e| MappingError::Toml(e.to_string()))?;
        let delimiter = match spec.delimiter.as_deref() {
            None => b',',
            Some("\\t" | "tab") => b'\t',
            Some(one) if one.len() == 1 => one.as_bytes()[0],
            Some(other) => {
                return Err(MappingError::Invalid(format!(
                    "delimiter `{other}` is not one character"
                )));
            }
        };
        let header = header
            .trim_start_matches('\u{feff}')
            .trim_end_matches(['\r', '\n']);
        let names: Vec<String> = crate::mapping_apply::split_fields(header.as_bytes(), delimiter)
            .map_err(|e| MappingError::Invalid(format!("the header line {e}")))?
            .into_iter()
            .map(|f| String::from_utf8_lossy(&f).trim().to_owned())
            .collect();
        let position = |column: &str| {
            let mut found = (0..names.len()).filter(|i| names[*i] == column);
            let (first, second) = (found.next(), found.next());
            if let (Some(first), Some(second)) = (first, second) {
                return Err(MappingError::Invalid(format!(
                    "the mapping names column `{column}`, which stands twice in the header (columns {} and {}); rename one of them",
                    first + 1,
                    second + 1
                )));
            }
            first.ok_or_else(|| MappingError::MissingColumn {
                column: column.to_owned(),
                columns: names
                    .iter()
                    .map(|n| format!("`{n}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
        };
        let numbers = number_style(&spec)?;
        for column in spec.columns.keys().chain(spec.values.keys()) {
            position(column)?;
        }
        let columns = names
            .iter()
            .map(|name| {
                let field = match spec.columns.get(name) {
                    Some(path) => field_of(&format!("columns.{name}"), path)?,
                    None => Field::Property(name.clone()),
                };
                let values = spec.values.get(name).cloned().unwrap_or_default();
                Ok(Column {
                    name: name.clone(),
                    field,
                    values,
                })
            })
            .collect::<Result<Vec<_>, MappingError>>()?;
        let constants = spec
            .constants
            .iter()
            .map(|(path, value)| Ok((field_of(&format!("constants.{path}"), path)?, value.clone())))
            .collect::<Result<Vec<_>, MappingError>>()?;
        let templates = spec
            .templates
            .iter()
            .map(|(path, text)| {
                Ok((
                    field_of(&format!("templates.{path}"), path)?,
                    pieces(text, &position)?,
                ))
            })
            .collect::<Result<Vec<_>, MappingError>>()?;
        let zone = spec.time.zone.as_deref().map(StoreZone::new).transpose()?;
        let decoder = Self {
            delimiter,
            numbers,
            time: TimeReader::new(spec.time.format.as_deref(), zone.unwrap_or(StoreZone::UTC)),
            store_column: spec.store.as_deref().map(position).transpose()?,
            dedup: spec
                .dedup
                .iter()
                .map(|c| position(c))
                .collect::<Result<_, _>>()?,
            mapping_text: mapping_text.to_owned(),
            header: header.to_owned(),
            columns,
            constants,
            templates,
        };
        for (field, what) in [
            (Field::Type, "event type (`type`)"),
            (Field::Time, "event time (`time`)"),
        ] {
            if !decoder.gives(&field) {
                return Err(MappingError::Missing(what));
            }
        }
        Ok(decoder)
    }

    fn gives(&self, field: &Field) -> bool {
        self.columns.iter().any(|c| c.field == *field)
            || self.constants.iter().any(|(f, _)| f == field)
            || self.templates.iter().any(|(f, _)| f == field)
    }

    /// The header the mapping is bound to.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The mapping file's text.
    #[must_use]
    pub fn mapping_text(&self) -> &str {
        &self.mapping_text
    }

    /// The character between fields.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The value of the store column in a line, `None` when the mapping names no store column.
    #[must_use]
    pub fn store_of(&self, raw: &[u8]) -> Option<String> {
        let fields = crate::mapping_apply::split_fields(raw, self.delimiter).ok()?;
        let value = fields.get(self.store_column?)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Whether the mapping names a store column.
    #[must_use]
    pub fn has_store_column(&self) -> bool {
        self.store_column.is_some()
    }

    /// The values that identify the event of a line, joined by a unit separator; `None` when the mapping names none.
    #[must_use]
    pub fn dedup_key(&self, raw: &[u8]) -> Option<Vec<u8>> {
        if self.dedup.is_empty() {
            return None;
        }
        let fields = crate::mapping_apply::split_fields(raw, self.delimiter).ok()?;
        let mut key = Vec::new();
        for index in &self.dedup {
            key.extend_from_slice(fields.get(*index)?);
            key.push(0x1f);
        }
        Some(key)
    }
}

fn number_style(spec: &MappingSpec) -> Result<NumberStyle, MappingError> {
    let decimal = match spec.decimal.as_deref() {
        None => None,
        Some(".") => Some(b'.'),
        Some(",") => Some(b','),
        Some(other) => {
            return Err(MappingError::Invalid(format!(
                "decimal `{other}` is neither `.` nor `,`"
            )));
        }
    };
    let mut characters = spec.thousands.iter().flat_map(|t| t.chars());
    let (thousands, more) = (characters.next(), characters.next());
    let is_decimal = decimal.is_some_and(|d| thousands == Some(char::from(d)));
    if spec.thousands.is_some() && (thousands.is_none() || more.is_some() || is_decimal) {
        return Err(MappingError::Invalid(
            "thousands is one character other than the decimal one".to_owned(),
        ));
    }
    Ok(NumberStyle { decimal, thousands })
}

/// The character between the fields of a mapping's files, a comma when the mapping cannot be read.
#[must_use]
pub fn delimiter_of(mapping_text: &str) -> u8 {
    let spec: MappingSpec = toml::from_str(mapping_text).unwrap_or_default();
    match spec.delimiter.as_deref() {
        Some("\\t" | "tab") => b'\t',
        Some(one) => one.bytes().next().unwrap_or(b','),
        None => b',',
    }
}

/// The encoding that a mapping names for its files.
#[must_use]
pub fn encoding_of(mapping_text: &str) -> Option<String> {
    toml::from_str::<MappingSpec>(mapping_text).ok()?.encoding
}

/// A mapping without the columns that a file lacks and the format can do without: the file then has all that the mapping names. What stays is
/// the same text when nothing is missing, so that the format keeps its hash.
#[must_use]
pub fn without_missing(mapping_text: &str, header: &str, optional: &[&str]) -> String {
    let Ok(mut table) = mapping_text.parse::<toml::Table>() else {
        return mapping_text.to_owned();
    };
    let header = header.trim_start_matches('\u{feff}');
    let delimiter = delimiter_of(mapping_text);
    let Ok(fields) = crate::mapping_apply::split_fields(header.as_bytes(), delimiter) else {
        return mapping_text.to_owned();
    };
    let names: Vec<String> = fields
        .iter()
        .map(|f| String::from_utf8_lossy(f).trim().to_owned())
        .collect();
    let mut changed = false;
    for column in optional.iter().filter(|c| !names.iter().any(|n| n == *c)) {
        for section in ["columns", "values"] {
            if let Some(toml::Value::Table(columns)) = table.get_mut(section) {
                changed |= columns.remove(*column).is_some();
            }
        }
    }
    if changed {
        table.to_string()
    } else {
        mapping_text.to_owned()
    }
}

fn field_of(entry: &str, path: &str) -> Result<Field, MappingError> {
    Field::from_path(path).ok_or_else(|| {
        let nearest = Field::PATHS.iter().min_by_key(|p| distance(p, path));
        MappingError::UnknownField {
            entry: entry.to_owned(),
            field: path.to_owned(),
            hint: nearest.map_or_else(String::new, |n| {
                format!("; did you mean `{n}`? (`properties.NAME` keeps anything)")
            }),
        }
    })
}

fn pieces(
    template: &str,
    position: &impl Fn(&str) -> Result<usize, MappingError>,
) -> Result<Vec<Piece>, MappingError> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            out.push(Piece::Literal(rest[..open].to_owned()));
        }
        let close = rest[open..].find('}').ok_or_else(|| {
            MappingError::Invalid(format!("template `{template}` has a `{{` without `}}`"))
        })?;
        let name = &rest[open + 1..open + close];
        out.push(if name == "event_id" {
            Piece::EventId
        } else {
            Piece::Column(position(name)?)
        });
        rest = &rest[open + close + 1..];
    }
    if !rest.is_empty() {
        out.push(Piece::Literal(rest.to_owned()));
    }
    Ok(out)
}
