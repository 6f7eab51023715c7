//! Names of columns: two of one SELECT may have the same, which DataFusion does not know.
//!
//! A second one gets a mark after its name that no SQL can write; [`shown`] takes it off where names are told.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem, Value};

use super::translate::{builtin_name, take};

/// Stands between a name and its number.
const MARK: char = '\u{1}';

/// The name as it is told.
pub(crate) fn shown(name: &str) -> &str {
    name.split(MARK).next().unwrap_or(name)
}

/// The name PostgreSQL gives a column of an expression.
pub(crate) fn of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => {
            parts.last().map_or_else(unnamed, |part| part.value.clone())
        }
        Expr::Function(function) => builtin_name(&function.name).unwrap_or_else(unnamed),
        Expr::Cast {
            expr, data_type, ..
        } => match of(expr) {
            name if name == "?column?" => match data_type
                .to_string()
                .to_lowercase()
                .split(['(', ' '])
                .next()
            {
                Some(name) => type_name(name),
                None => name,
            },
            name => name,
        },
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => of(inner),
        Expr::Case { else_result, .. } => match else_result.as_deref() {
            Some(value @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_))) => of(value),
            _ => "case".to_owned(),
        },
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Trim { .. } => "btrim".to_owned(),
        Expr::Ceil { .. } => "ceil".to_owned(),
        Expr::Floor { .. } => "floor".to_owned(),
        Expr::Overlay { .. } => "overlay".to_owned(),
        Expr::Array(_) => "array".to_owned(),
        Expr::Exists { .. } => "exists".to_owned(),
        Expr::Interval(_) => "interval".to_owned(),
        Expr::AtTimeZone { .. } => "timezone".to_owned(),
        Expr::Tuple(_) => "row".to_owned(),
        Expr::TypedString(typed) => type_name(&typed.data_type.to_string().to_lowercase()),
        Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => "bool".to_owned(),
        _ => unnamed(),
    }
}

fn unnamed() -> String {
    "?column?".to_owned()
}

fn type_name(name: &str) -> String {
    match name {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "double" | "float" => "float8",
        "real" => "float4",
        "boolean" => "bool",
        "character" | "char" => "bpchar",
        "decimal" => "numeric",
        name if name.starts_with("timestamp with time") => "timestamptz",
        name => name,
    }
    .to_owned()
}

/// Gives the columns of one SELECT PostgreSQL's names, each its own as far as DataFusion is concerned.
pub(super) fn distinct(select: &mut Select) {
    let beside_all = select.projection.iter().any(|item| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    });
    let alone = select.projection.len() == 1;
    let mut seen: HashMap<String, usize> = HashMap::new();
    for item in &mut select.projection {
        let (name, of_column) = match item {
            SelectItem::UnnamedExpr(expr) => {
                let column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                (of(expr), column)
            }
            SelectItem::ExprWithAlias { alias, .. } => (alias.value.clone(), false),
            _ => continue,
        };
        let count = seen.entry(name.to_lowercase()).or_insert(0);
        *count += 1;
        let count = *count;
        match item {
            // A column keeps its table's name, by which it may be asked for again.
            SelectItem::UnnamedExpr(_) if of_column && count == 1 && !beside_all => {}
            SelectItem::UnnamedExpr(expr) => {
                // A name that stands for a column, or for nothing, is not to be found by another's mention of it.
                let function = matches!(expr, Expr::Function(_));
                let plain = function && count == 1 && !beside_all;
                let alias = if plain {
                    Ident::with_quote('"', name)
                } else if alone && select.distinct.is_some() {
                    continue;
                } else {
                    Ident::with_quote('"', format!("{name}{MARK}{count}"))
                };
                let expr = take(expr);
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
            SelectItem::ExprWithAlias { alias, .. } if count > 1 => {
                *alias = Ident::with_quote('"', format!("{name}{MARK}{count}"));
            }
            _ => {}
        }
    }
}
