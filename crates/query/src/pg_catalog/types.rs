//! PostgreSQL's types: their names, and which one an Arrow type is.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::datatypes::{DataType, Field};

use super::builtin::OID_ALIAS;

/// A type of PostgreSQL's with its modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PgType {
    pub(crate) oid: i32,
    /// Digits of a numeric and the like; -1 for none.
    pub(crate) modifier: i32,
}

impl PgType {
    const fn plain(oid: i32) -> Self {
        Self { oid, modifier: -1 }
    }

    /// The type of a column.
    pub(crate) fn of_field(field: &Field) -> Self {
        match field.metadata().get(OID_ALIAS).map(String::as_str) {
            Some("oid") => Self::plain(26),
            Some("regproc") => Self::plain(24),
            Some("regclass") => Self::plain(2205),
            Some("regtype") => Self::plain(2206),
            Some("regnamespace") => Self::plain(4089),
            Some("regrole") => Self::plain(4096),
            _ => Self::of(field.data_type()),
        }
    }

    /// The type that values of an Arrow type are sent as.
    pub(crate) fn of(kind: &DataType) -> Self {
        Self::plain(match kind {
            DataType::Boolean => 16,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => 21,
            DataType::Int32 | DataType::UInt16 => 23,
            DataType::Int64 | DataType::UInt32 => 20,
            DataType::UInt64 => 1700,
            DataType::Float16 | DataType::Float32 => 700,
            DataType::Float64 => 701,
            DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
                // 38 digits are as many as there are: PostgreSQL's numeric without a modifier.
                if *precision == 38 {
                    return Self::plain(1700);
                }
                return Self {
                    oid: 1700,
                    modifier: ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + 4,
                };
            }
            DataType::Date32 | DataType::Date64 => 1082,
            DataType::Time32(_) | DataType::Time64(_) => 1083,
            DataType::Timestamp(_, None) => 1114,
            DataType::Timestamp(_, Some(_)) => 1184,
            DataType::Interval(_) | DataType::Duration(_) => 1186,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => 17,
            DataType::Dictionary(_, value) => return Self::of(value),
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::FixedSizeList(item, _)
            | DataType::ListView(item) => {
                let item = Self::of_field(item);
                return Self::plain(array_of(item.oid).unwrap_or(1009));
            }
            DataType::Struct(_) | DataType::Map(..) | DataType::Union(..) => 2249,
            _ => 25,
        })
    }

    /// As `format_type` writes it.
    pub(crate) fn sql_name(self) -> String {
        let Some(known) = TYPES.get(&self.oid) else {
            return "???".to_owned();
        };
        if known.element != 0 && known.name.starts_with('_') {
            let element = Self {
                oid: known.element,
                modifier: self.modifier,
            };
            return format!("{}[]", element.sql_name());
        }
        let modifier = self.modifier;
        match self.oid {
            1700 if modifier >= 4 => {
                let digits = modifier - 4;
                format!("numeric({},{})", digits >> 16, digits & 0x7ff)
            }
            1043 if modifier >= 4 => format!("character varying({})", modifier - 4),
            1042 if modifier >= 4 => format!("character({})", modifier - 4),
            1114 if modifier >= 0 => format!("timestamp({modifier}) without time zone"),
            1184 if modifier >= 0 => format!("timestamp({modifier}) with time zone"),
            1083 if modifier >= 0 => format!("time({modifier}) without time zone"),
            _ => long_name(known.name).to_owned(),
        }
    }

    /// The name in `pg_type`.
    pub(crate) fn name(self) -> &'static str {
        TYPES.get(&self.oid).map_or("text", |known| known.name)
    }

    /// Bytes of a value; -1 when they differ.
    pub(crate) fn length(self) -> i16 {
        TYPES.get(&self.oid).map_or(-1, |known| known.length)
    }

    /// `typbyval`, `typalign` and `typstorage`.
    pub(crate) fn storage(self) -> (bool, &'static str, &'static str) {
        TYPES.get(&self.oid).map_or((false, "i", "x"), |known| {
            (known.by_value, known.align, known.storage)
        })
    }

    /// The collation of its values.
    pub(crate) fn collation(self) -> i32 {
        TYPES.get(&self.oid).map_or(0, |known| known.collation)
    }
}

struct Known {
    name: &'static str,
    length: i16,
    by_value: bool,
    element: i32,
    array: i32,
    align: &'static str,
    storage: &'static str,
    collation: i32,
}

static TYPES: LazyLock<HashMap<i32, Known>> = LazyLock::new(|| {
    let lines = include_str!("rows.tsv").lines();
    let rows = lines.filter_map(|line| line.strip_prefix("pg_type\t"));
    rows.filter_map(|row| {
        let parts: Vec<&'static str> = row.split('\t').collect();
        let known = Known {
            name: parts.get(1)?,
            length: parts.get(4)?.parse().ok()?,
            by_value: *parts.get(5)? == "t",
            element: parts.get(13)?.parse().ok()?,
            array: parts.get(14)?.parse().ok()?,
            align: parts.get(22)?,
            storage: parts.get(23)?,
            collation: parts.get(28)?.parse().ok()?,
        };
        Some((parts.first()?.parse().ok()?, known))
    })
    .collect()
});

fn array_of(element: i32) -> Option<i32> {
    TYPES
        .get(&element)
        .map(|known| known.array)
        .filter(|oid| *oid != 0)
}

/// The names SQL has for types that `pg_type` names otherwise.
const LONG_NAMES: [(&str, &str); 15] = [
    ("bool", "boolean"),
    ("int2", "smallint"),
    ("int4", "integer"),
    ("int8", "bigint"),
    ("float4", "real"),
    ("float8", "double precision"),
    ("varchar", "character varying"),
    ("bpchar", "character"),
    ("timestamp", "timestamp without time zone"),
    ("timestamptz", "timestamp with time zone"),
    ("time", "time without time zone"),
    ("timetz", "time with time zone"),
    ("bit", "bit"),
    ("varbit", "bit varying"),
    ("char", "\"char\""),
];

fn long_name(name: &'static str) -> &'static str {
    LONG_NAMES
        .iter()
        .find(|(short, _)| *short == name)
        .map_or(name, |(_, long)| long)
}

/// The oid of a type by any of its names, in lower case.
pub(crate) fn type_oid(name: &str) -> Option<i32> {
    let name = name
        .trim()
        .trim_start_matches("pg_catalog.")
        .trim_matches('"');
    let (base, array) = match name.strip_suffix("[]") {
        Some(base) => (base.trim(), true),
        None => (name, false),
    };
    let base = base.split('(').next().unwrap_or(base).trim();
    let short = match base {
        "int" => "int4",
        "decimal" => "numeric",
        "float" => "float8",
        other => LONG_NAMES
            .iter()
            .find(|(_, long)| *long == other)
            .map_or(other, |(short, _)| short),
    };
    let oid = TYPES
        .iter()
        .find(|(_, known)| known.name == short)
        .map(|(oid, _)| *oid)?;
    if array { array_of(oid) } else { Some(oid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_as_format_type_names_them() {
        let money = PgType::of(&DataType::Decimal128(18, 4));
        assert_eq!((money.oid, money.modifier), (1700, 1_179_656));
        assert_eq!(money.sql_name(), "numeric(18,4)");
        assert_eq!(PgType::plain(1009).sql_name(), "text[]");
        assert_eq!(PgType::plain(1184).sql_name(), "timestamp with time zone");
        assert_eq!(
            PgType {
                oid: 1043,
                modifier: 7
            }
            .sql_name(),
            "character varying(3)"
        );
        assert_eq!(PgType::plain(9).sql_name(), "???");
        assert_eq!(type_oid("double precision"), Some(701));
        assert_eq!(type_oid("timestamp with time zone"), Some(1184));
        assert_eq!(type_oid("integer[]"), Some(1007));
        assert_eq!(type_oid("nothing"), None);
    }
}
