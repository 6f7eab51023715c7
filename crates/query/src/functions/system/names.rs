//! Names to oids and back: regclass, regtype and the like.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::datatypes::FieldRef;
use datafusion::error::{DataFusionError, Result};

use super::{Definition, Gives};
use crate::functions::Cell;
use crate::pg_catalog::{
    Catalog, OID_ALIAS, OWNER, OWNER_OID, PgType, READER_OID, schema_name, schema_oid, type_oid,
};
use crate::settings::{quoted, split_names};

const fn name(
    name: &'static str,
    of: &'static str,
    body: fn(&Catalog, &[Cell<'_>], &[FieldRef]) -> Result<Cell<'static>>,
) -> Definition {
    Definition {
        name,
        args: (1, 1),
        gives: Gives::Oid(of),
        nulls: false,
        body,
    }
}

pub(super) const FUNCTIONS: &[Definition] = &[
    name("to_oid_oid", "oid", |_, args, _| match &args[0] {
        Cell::Text(text) => text.trim().parse::<u32>().map_or_else(
            |_| {
                Err(DataFusionError::Execution(format!(
                    "invalid input syntax for type oid: \"{text}\""
                )))
            },
            |oid| Ok(Cell::Int(i64::from(oid.cast_signed()))),
        ),
        other => Ok(Cell::Int(other.as_int())),
    }),
    name("to_regclass_oid", "regclass", |catalog, args, _| {
        found(args, |text| relation(catalog, text), "relation")
    }),
    name("to_regclass", "regclass", |catalog, args, _| {
        Ok(relation(catalog, args[0].as_str()).map_or(Cell::Null, |oid| Cell::Int(oid.into())))
    }),
    name("to_regtype_oid", "regtype", |catalog, args, _| {
        found(args, |text| type_of(catalog, text), "type")
    }),
    name("to_regtype", "regtype", |catalog, args, _| {
        Ok(type_of(catalog, args[0].as_str()).map_or(Cell::Null, |oid| Cell::Int(oid.into())))
    }),
    name("to_regnamespace_oid", "regnamespace", |_, args, _| {
        found(args, |text| schema_oid(&one_name(text)?), "schema")
    }),
    name("to_regnamespace", "regnamespace", |_, args, _| {
        let oid = one_name(args[0].as_str()).and_then(|name| schema_oid(&name));
        Ok(oid.map_or(Cell::Null, |oid| Cell::Int(oid.into())))
    }),
    name("to_regproc_oid", "regproc", |_, args, _| {
        found(args, procedure, "function")
    }),
    name("to_regproc", "regproc", |_, args, _| {
        Ok(procedure(args[0].as_str()).map_or(Cell::Null, |oid| Cell::Int(oid.into())))
    }),
    name("to_regprocedure_oid", "regproc", |_, args, _| {
        found(args, |text| procedure(text.split('(').next()?), "function")
    }),
    name("to_regrole_oid", "regrole", |catalog, args, _| {
        found(args, |text| role(catalog, &one_name(text)?), "role")
    }),
    name("to_regcollation_oid", "oid", |_, args, _| {
        found(args, |text| collation(&one_name(text)?), "collation")
    }),
    Definition {
        name: "oid_name",
        args: (1, 1),
        gives: Gives::Text,
        nulls: false,
        body: |catalog, args, fields| {
            let alias = fields[0].metadata().get(OID_ALIAS);
            let alias = alias.map_or("oid", String::as_str);
            Ok(Cell::text(oid_name(catalog, alias, args[0].as_int())))
        },
    },
];

fn found(
    args: &[Cell<'_>],
    find: impl Fn(&str) -> Option<i32>,
    what: &str,
) -> Result<Cell<'static>> {
    let Cell::Text(text) = &args[0] else {
        return Ok(Cell::Int(args[0].as_int()));
    };
    // Digits are the oid itself.
    if let Ok(oid) = text.trim().parse::<u32>() {
        return Ok(Cell::Int(i64::from(oid.cast_signed())));
    }
    if text.as_ref() == "-" {
        return Ok(Cell::Int(0));
    }
    let missing = || DataFusionError::Execution(format!("{what} \"{text}\" does not exist"));
    Ok(Cell::Int(find(text).ok_or_else(missing)?.into()))
}

/// The parts of a name between points.
pub(super) fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut within) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        match c {
            '"' => {
                within = !within;
                part.push(c);
            }
            '.' if !within => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts.iter().filter_map(|part| one_name(part)).collect()
}

fn one_name(text: &str) -> Option<String> {
    let mut names = split_names(text);
    (names.len() == 1).then(|| names.remove(0))
}

/// The oid of a relation by its name, with or without its schema.
pub(super) fn relation(catalog: &Catalog, text: &str) -> Option<i32> {
    let parts = parts(text);
    let objects = catalog.objects()?;
    let path = catalog.settings.path();
    match parts.as_slice() {
        [name] => objects.relation_oid(None, name, &path),
        [schema, name] | [_, schema, name] => objects.relation_oid(Some(schema), name, &path),
        _ => None,
    }
}

fn type_of(catalog: &Catalog, text: &str) -> Option<i32> {
    type_oid(&text.to_lowercase()).or_else(|| relation(catalog, text).map(|oid| oid + 1))
}

static PROCEDURES: LazyLock<HashMap<&'static str, i32>> = LazyLock::new(|| {
    let lines = include_str!("../../pg_catalog/rows.tsv").lines();
    let rows = lines.filter_map(|line| line.strip_prefix("pg_proc\t"));
    rows.filter_map(|row| {
        let mut parts = row.split('\t');
        let oid = parts.next()?.parse().ok()?;
        Some((parts.next()?, oid))
    })
    .collect()
});

fn procedure(text: &str) -> Option<i32> {
    PROCEDURES.get(parts(text).last()?.as_str()).copied()
}

fn role(catalog: &Catalog, name: &str) -> Option<i32> {
    match name {
        OWNER => Some(OWNER_OID),
        name if name == catalog.login.user => Some(READER_OID),
        _ => None,
    }
}

/// The name of a role.
pub(super) fn role_name(catalog: &Catalog, oid: i64) -> Option<String> {
    match i32::try_from(oid).ok()? {
        OWNER_OID => Some(OWNER.to_owned()),
        READER_OID => Some(catalog.login.user.clone()),
        _ => None,
    }
}

fn collation(name: &str) -> Option<i32> {
    match name {
        "default" => Some(100),
        "C" | "c" => Some(950),
        "POSIX" | "posix" => Some(951),
        _ => None,
    }
}

/// An object's name as its type shows it: without its schema when that is on the search path.
fn oid_name(catalog: &Catalog, alias: &str, oid: i64) -> String {
    let id = i32::try_from(oid).unwrap_or(0);
    if id == 0 && alias != "oid" {
        return "-".to_owned();
    }
    let known = match alias {
        "regclass" => catalog.objects().and_then(|objects| {
            let (schema, name) = objects.relation(id)?;
            let path = catalog.settings.path();
            if objects.relation_oid(None, name, &path) == Some(id) {
                return Some(quoted(name));
            }
            Some(format!("{}.{}", quoted(schema), quoted(name)))
        }),
        "regtype" => {
            let kind = PgType {
                oid: id,
                modifier: -1,
            };
            Some(kind.sql_name()).filter(|name| name != "???")
        }
        "regnamespace" => schema_name(id).map(quoted),
        "regproc" => PROCEDURES
            .iter()
            .find(|(_, oid)| **oid == id)
            .map(|(name, _)| (*name).to_owned()),
        "regrole" => role_name(catalog, oid).map(|name| quoted(&name)),
        _ => None,
    };
    known.unwrap_or_else(|| id.cast_unsigned().to_string())
}
