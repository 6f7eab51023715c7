//! What `pg_catalog` tells of this server: schemas, tables, columns, roles and settings.

use arrow::array::RecordBatch;
use datafusion::error::Result;

use super::builtin::{Builtin, RELATIONS};
use super::objects::{
    DATABASE_OID, OWNER, OWNER_OID, Objects, READER_OID, Relation, SCHEMAS, schema_oid,
};
use super::rows::{Rows, int, text};
use super::types::PgType;
use crate::catalog::CATALOG;
use crate::functions::Cell;
use crate::settings::{Effect, SETTINGS, Settings, shown_name};

/// `pg_class`'s own oid and the like: what `classoid` names.
const HEAP: i32 = 2;
const DEFAULT_TABLESPACE: i32 = 1663;
const UTF8: i32 = 6;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The name the client gave itself.
    pub(crate) user: String,
}

/// The rows of a relation of `pg_catalog`.
///
/// # Errors
/// When a row does not fit its columns: a fault of this file.
pub(crate) fn rows(
    builtin: &'static Builtin,
    objects: &Objects,
    settings: &Settings,
    login: &Login,
) -> Result<RecordBatch> {
    let mut rows = Rows::new(builtin);
    match builtin.name {
        "pg_namespace" => {
            for (oid, name) in SCHEMAS {
                rows.add([
                    ("oid", int(oid)),
                    ("nspname", text(name)),
                    ("nspowner", int(OWNER_OID)),
                ]);
            }
        }
        "pg_class" => {
            for builtin in RELATIONS.iter() {
                let columns = i32::try_from(builtin.columns.len()).unwrap_or(i32::MAX);
                class(
                    &mut rows,
                    builtin.oid,
                    builtin.name,
                    builtin.schema,
                    builtin.kind == "v",
                    builtin.row_type,
                    columns,
                );
            }
            for own in &objects.relations {
                let columns = i32::try_from(own.columns.fields().len()).unwrap_or(i32::MAX);
                class(
                    &mut rows,
                    own.oid,
                    &own.name,
                    own.schema,
                    own.view,
                    own.row_type(),
                    columns,
                );
            }
        }
        "pg_attribute" => attributes(&mut rows, objects),
        "pg_type" => {
            for own in &objects.relations {
                row_type(&mut rows, own);
            }
        }
        "pg_database" => rows.add([
            ("oid", int(DATABASE_OID)),
            ("datname", text(CATALOG)),
            ("datdba", int(OWNER_OID)),
            ("encoding", int(UTF8)),
            ("datlocprovider", text("c")),
            ("datallowconn", Cell::Bool(true)),
            ("datconnlimit", int(-1)),
            ("dattablespace", int(DEFAULT_TABLESPACE)),
            ("datcollate", text("C")),
            ("datctype", text("C.UTF-8")),
        ]),
        "pg_roles" | "pg_authid" | "pg_user" | "pg_shadow" => roles(&mut rows, builtin.name, login),
        "pg_settings" => setting_rows(&mut rows, settings),
        "pg_tables" => {
            for builtin in RELATIONS.iter().filter(|builtin| builtin.kind == "r") {
                table(&mut rows, builtin.schema, builtin.name);
            }
            for own in objects.relations.iter().filter(|own| !own.view) {
                table(&mut rows, own.schema, &own.name);
            }
        }
        "pg_views" => {
            for own in objects.relations.iter().filter(|own| own.view) {
                rows.add([
                    ("schemaname", text(own.schema)),
                    ("viewname", text(&own.name)),
                    ("viewowner", text(OWNER)),
                    ("definition", text(view_definition(own.schema, &own.name))),
                ]);
            }
        }
        "pg_stat_user_tables"
        | "pg_stat_all_tables"
        | "pg_statio_user_tables"
        | "pg_statio_all_tables" => {
            for own in objects.relations.iter().filter(|own| !own.view) {
                rows.add([
                    ("relid", int(own.oid)),
                    ("schemaname", text(own.schema)),
                    ("relname", text(&own.name)),
                ]);
            }
        }
        "pg_stat_database" => rows.add([("datid", int(DATABASE_OID)), ("datname", text(CATALOG))]),
        "pg_stat_activity" => rows.add([
            ("datid", int(DATABASE_OID)),
            ("datname", text(CATALOG)),
            ("pid", int(backend_pid())),
            ("usesysid", int(READER_OID)),
            ("usename", text(&login.user)),
            (
                "application_name",
                text(
                    settings
                        .show("application_name")
                        .map(|c| c.value)
                        .unwrap_or_default(),
                ),
            ),
            ("state", text("active")),
            ("backend_type", text("client backend")),
        ]),
        "pg_timezone_names" => {
            for zone in chrono_tz::TZ_VARIANTS {
                zone_name(&mut rows, zone);
            }
        }
        // The rest is what every server has, or empty: there are no indexes, constraints, functions of one's own, triggers…
        _ => {}
    }
    rows.finish()
}

/// The process of this server, as every connection is told.
pub(crate) fn backend_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(i32::MAX)
}

/// What a view's definition says: live views are made by the running server, of no SQL.
pub(crate) fn view_definition(schema: &str, name: &str) -> String {
    format!(" SELECT * FROM {schema}.{name};")
}

fn class(
    rows: &mut Rows,
    oid: i32,
    name: &str,
    schema: &str,
    view: bool,
    row_type: i32,
    columns: i32,
) {
    rows.add([
        ("oid", int(oid)),
        ("relname", text(name)),
        ("relnamespace", int(schema_oid(schema).unwrap_or(0))),
        ("reltype", int(row_type)),
        ("relowner", int(OWNER_OID)),
        ("relam", int(if view { 0 } else { HEAP })),
        ("relfilenode", int(if view { 0 } else { oid })),
        // Not counted, as before the first ANALYZE.
        ("reltuples", Cell::Float(-1.0)),
        ("relpersistence", text("p")),
        ("relkind", text(if view { "v" } else { "r" })),
        ("relnatts", int(columns)),
        ("relhasrules", Cell::Bool(view)),
        ("relispopulated", Cell::Bool(true)),
        ("relreplident", text(if view { "n" } else { "d" })),
    ]);
}

fn attributes(rows: &mut Rows, objects: &Objects) {
    for builtin in RELATIONS.iter() {
        for (column, at) in builtin.columns.iter().zip(1_i32..) {
            let kind = PgType {
                oid: column.type_oid,
                modifier: column.modifier,
            };
            attribute(rows, builtin.oid, column.name, kind, at, column.not_null);
        }
    }
    for own in &objects.relations {
        for ((name, kind), at) in own.types().zip(1_i32..) {
            let nullable = own.columns.fields()[usize::try_from(at - 1).unwrap_or(0)].is_nullable();
            attribute(rows, own.oid, name, kind, at, !nullable);
        }
    }
}

fn attribute(rows: &mut Rows, relation: i32, name: &str, kind: PgType, at: i32, not_null: bool) {
    let (by_value, align, storage) = kind.storage();
    rows.add([
        ("attrelid", int(relation)),
        ("attname", text(name)),
        ("atttypid", int(kind.oid)),
        ("attstattarget", int(-1)),
        ("attlen", int(kind.length())),
        ("attnum", int(at)),
        ("attcacheoff", int(-1)),
        ("atttypmod", int(kind.modifier)),
        ("attndims", int(i32::from(kind.name().starts_with('_')))),
        ("attbyval", Cell::Bool(by_value)),
        ("attalign", text(align)),
        ("attstorage", text(storage)),
        ("attnotnull", Cell::Bool(not_null)),
        ("attislocal", Cell::Bool(true)),
        ("attcollation", int(kind.collation())),
    ]);
}

fn row_type(rows: &mut Rows, own: &Relation) {
    rows.add([
        ("oid", int(own.row_type())),
        ("typname", text(&own.name)),
        ("typnamespace", int(schema_oid(own.schema).unwrap_or(0))),
        ("typowner", int(OWNER_OID)),
        ("typlen", int(-1)),
        ("typtype", text("c")),
        ("typcategory", text("C")),
        ("typisdefined", Cell::Bool(true)),
        ("typdelim", text(",")),
        ("typrelid", int(own.oid)),
        ("typinput", int(2290)),
        ("typoutput", int(2291)),
        ("typreceive", int(2402)),
        ("typsend", int(2403)),
        ("typalign", text("d")),
        ("typstorage", text("x")),
        ("typtypmod", int(-1)),
    ]);
}

fn roles(rows: &mut Rows, relation: &str, login: &Login) {
    let all = [
        (OWNER_OID, OWNER.to_owned()),
        (READER_OID, login.user.clone()),
    ];
    for (oid, name) in all {
        // One who calls himself as the owner does is he for all that can be told.
        if oid == READER_OID && name == OWNER {
            continue;
        }
        let login = Cell::Bool(oid == READER_OID);
        match relation {
            "pg_roles" | "pg_authid" => rows.add([
                ("oid", int(oid)),
                ("rolname", text(name)),
                ("rolinherit", Cell::Bool(true)),
                ("rolcanlogin", login),
                ("rolconnlimit", int(-1)),
            ]),
            _ => rows.add([("usename", text(name)), ("usesysid", int(oid))]),
        }
    }
}

fn setting_rows(rows: &mut Rows, settings: &Settings) {
    for known in SETTINGS {
        let kind = match known.default {
            "on" | "off" => "bool",
            number if number.parse::<i64>().is_ok() => "integer",
            number if number.parse::<f64>().is_ok() => "real",
            _ => "string",
        };
        let context = match known.effect {
            Effect::Fixed => "internal",
            _ => "user",
        };
        let value = settings.value(known);
        let reset = settings.reset_value(known);
        let milliseconds =
            crate::settings::milliseconds(&value).filter(|_| known.name.ends_with("_timeout"));
        let shown = milliseconds.map_or_else(|| value.clone(), |all| all.to_string());
        rows.add([
            ("name", text(shown_name(known))),
            ("setting", text(shown)),
            (
                "unit",
                if known.name.ends_with("_timeout") {
                    text("ms")
                } else {
                    Cell::Null
                },
            ),
            ("category", text("Client Connection Defaults")),
            ("short_desc", text(known.about)),
            ("context", text(context)),
            ("vartype", text(kind)),
            (
                "source",
                text(if value == known.default {
                    "default"
                } else {
                    "session"
                }),
            ),
            ("boot_val", text(known.default)),
            ("reset_val", text(reset)),
            ("pending_restart", Cell::Bool(false)),
        ]);
    }
}

fn table(rows: &mut Rows, schema: &str, name: &str) {
    let no = || Cell::Bool(false);
    rows.add([
        ("schemaname", text(schema)),
        ("tablename", text(name)),
        ("tableowner", text(OWNER)),
        ("hasindexes", no()),
        ("hasrules", no()),
        ("hastriggers", no()),
        ("rowsecurity", no()),
    ]);
}

fn zone_name(rows: &mut Rows, zone: chrono_tz::Tz) {
    use chrono::{Offset as _, TimeZone as _};
    use chrono_tz::OffsetComponents as _;
    let offset = zone.offset_from_utc_datetime(&chrono::Utc::now().naive_utc());
    let seconds = i64::from(offset.fix().local_minus_utc());
    let away = crate::functions::Interval::new(0, 0, seconds * 1_000_000);
    rows.add([
        ("name", text(zone.name())),
        ("abbrev", text(offset.to_string())),
        ("utc_offset", Cell::Interval(away)),
        ("is_dst", Cell::Bool(!offset.dst_offset().is_zero())),
    ]);
}
