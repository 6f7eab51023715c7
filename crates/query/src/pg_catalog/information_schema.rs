//! The views of `information_schema`, as PostgreSQL 15 fills them.

use arrow::array::RecordBatch;
use datafusion::error::Result;

use super::builtin::{Builtin, RELATIONS};
use super::objects::{OWNER, Objects, SCHEMAS};
use super::rows::{Rows, int, text, yes};
use super::system::{Login, view_definition};
use super::types::PgType;
use crate::catalog::CATALOG;
use crate::functions::Cell;

/// The rows of a view of `information_schema`.
///
/// # Errors
/// When a row does not fit its columns: a fault of this file.
pub(crate) fn rows(
    builtin: &'static Builtin,
    objects: &Objects,
    login: &Login,
) -> Result<RecordBatch> {
    let mut rows = Rows::new(builtin);
    match builtin.name {
        "information_schema_catalog_name" => rows.add([("catalog_name", text(CATALOG))]),
        "schemata" => {
            for (_, name) in SCHEMAS {
                rows.add([
                    ("catalog_name", text(CATALOG)),
                    ("schema_name", text(name)),
                    ("schema_owner", text(OWNER)),
                ]);
            }
        }
        "tables" => tables(&mut rows, objects),
        "views" => {
            for own in objects.relations.iter().filter(|own| own.view) {
                rows.add([
                    ("table_catalog", text(CATALOG)),
                    ("table_schema", text(own.schema)),
                    ("table_name", text(&own.name)),
                    (
                        "view_definition",
                        text(view_definition(own.schema, &own.name)),
                    ),
                    ("check_option", text("NONE")),
                    ("is_updatable", yes(false)),
                    ("is_insertable_into", yes(false)),
                    ("is_trigger_updatable", yes(false)),
                    ("is_trigger_deletable", yes(false)),
                    ("is_trigger_insertable_into", yes(false)),
                ]);
            }
        }
        "columns" => columns(&mut rows, objects),
        "table_privileges" | "role_table_grants" => {
            for own in &objects.relations {
                rows.add([
                    ("grantor", text(OWNER)),
                    ("grantee", text(&login.user)),
                    ("table_catalog", text(CATALOG)),
                    ("table_schema", text(own.schema)),
                    ("table_name", text(&own.name)),
                    ("privilege_type", text("SELECT")),
                    ("is_grantable", yes(false)),
                    ("with_hierarchy", yes(true)),
                ]);
            }
        }
        "column_privileges" | "role_column_grants" => {
            for own in &objects.relations {
                for field in own.columns.fields() {
                    rows.add([
                        ("grantor", text(OWNER)),
                        ("grantee", text(&login.user)),
                        ("table_catalog", text(CATALOG)),
                        ("table_schema", text(own.schema)),
                        ("table_name", text(&own.name)),
                        ("column_name", text(field.name())),
                        ("privilege_type", text("SELECT")),
                        ("is_grantable", yes(false)),
                    ]);
                }
            }
        }
        "enabled_roles" => rows.add([("role_name", text(&login.user))]),
        "character_sets" => rows.add([
            ("character_set_name", text("UTF8")),
            ("character_repertoire", text("UCS")),
            ("form_of_use", text("UTF8")),
            ("default_collate_catalog", text(CATALOG)),
            ("default_collate_schema", text("pg_catalog")),
            ("default_collate_name", text("C")),
        ]),
        "collations" => {
            for name in ["default", "C", "POSIX", "ucs_basic"] {
                rows.add([
                    ("collation_catalog", text(CATALOG)),
                    ("collation_schema", text("pg_catalog")),
                    ("collation_name", text(name)),
                    ("pad_attribute", text("NO PAD")),
                ]);
            }
        }
        // Without rows here: constraints, keys, routines, sequences, triggers, domains…
        _ => {}
    }
    rows.finish()
}

fn tables(rows: &mut Rows, objects: &Objects) {
    let builtins = RELATIONS.iter().map(|b| (b.schema, b.name, b.kind == "v"));
    let own = objects
        .relations
        .iter()
        .map(|own| (own.schema, own.name.as_str(), own.view));
    for (schema, name, view) in builtins.chain(own) {
        rows.add([
            ("table_catalog", text(CATALOG)),
            ("table_schema", text(schema)),
            ("table_name", text(name)),
            ("table_type", text(if view { "VIEW" } else { "BASE TABLE" })),
            ("is_insertable_into", yes(false)),
            ("is_typed", yes(false)),
        ]);
    }
}

fn columns(rows: &mut Rows, objects: &Objects) {
    for builtin in RELATIONS.iter() {
        for (column, at) in builtin.columns.iter().zip(1_i32..) {
            let kind = PgType {
                oid: column.type_oid,
                modifier: column.modifier,
            };
            self::column(
                rows,
                (builtin.schema, builtin.name),
                column.name,
                kind,
                at,
                !column.not_null,
            );
        }
    }
    for own in &objects.relations {
        let types: Vec<(&str, PgType)> = own.types().collect();
        for (((name, kind), field), at) in types.into_iter().zip(own.columns.fields()).zip(1_i32..)
        {
            column(
                rows,
                (own.schema, &own.name),
                name,
                kind,
                at,
                field.is_nullable(),
            );
        }
    }
}

/// Digits, base and digits after the point of a number's type.
fn numeric(kind: PgType) -> [Cell<'static>; 3] {
    match kind.oid {
        21 => [int(16), int(2), int(0)],
        23 => [int(32), int(2), int(0)],
        20 => [int(64), int(2), int(0)],
        700 => [int(24), int(2), Cell::Null],
        701 => [int(53), int(2), Cell::Null],
        1700 if kind.modifier >= 4 => {
            let digits = kind.modifier - 4;
            [int(digits >> 16), int(10), int(digits & 0x7ff)]
        }
        1700 => [Cell::Null, int(10), Cell::Null],
        _ => [Cell::Null, Cell::Null, Cell::Null],
    }
}

fn column(
    rows: &mut Rows,
    (schema, table): (&str, &str),
    name: &str,
    kind: PgType,
    at: i32,
    nullable: bool,
) {
    let array = kind.name().starts_with('_') || matches!(kind.oid, 22 | 30);
    let [precision, radix, scale] = numeric(kind);
    let plain = PgType {
        oid: kind.oid,
        modifier: -1,
    };
    let of_time = match kind.oid {
        1082 => int(0),
        1083 | 1114 | 1184 | 1186 => int(if kind.modifier < 0 { 6 } else { kind.modifier }),
        _ => Cell::Null,
    };
    let length = match (kind.oid, kind.modifier) {
        (1042 | 1043, modifier) if modifier >= 4 => int(modifier - 4),
        _ => Cell::Null,
    };
    let bytes = match (kind.oid, kind.modifier) {
        (1042 | 1043, modifier) if modifier >= 4 => int((modifier - 4) * 4),
        (25 | 1042 | 1043, _) => int(1_073_741_824),
        _ => Cell::Null,
    };
    rows.add([
        ("table_catalog", text(CATALOG)),
        ("table_schema", text(schema)),
        ("table_name", text(table)),
        ("column_name", text(name)),
        ("ordinal_position", int(at)),
        ("is_nullable", yes(nullable)),
        (
            "data_type",
            text(if array {
                "ARRAY".to_owned()
            } else {
                plain.sql_name()
            }),
        ),
        ("character_maximum_length", length),
        ("character_octet_length", bytes),
        ("numeric_precision", precision),
        ("numeric_precision_radix", radix),
        ("numeric_scale", scale),
        ("datetime_precision", of_time),
        ("udt_catalog", text(CATALOG)),
        ("udt_schema", text("pg_catalog")),
        ("udt_name", text(kind.name())),
        ("dtd_identifier", text(at.to_string())),
        ("is_self_referencing", yes(false)),
        ("is_identity", yes(false)),
        ("identity_cycle", yes(false)),
        ("is_generated", text("NEVER")),
        ("is_updatable", yes(false)),
    ]);
}
