//! What the server is, who asks, what may be done, and how objects are written.

use datafusion::error::{DataFusionError, Result};

use super::names::{parts, relation, role_name};
use super::{Definition, Gives};
use crate::catalog::CATALOG;
use crate::functions::Cell;
use crate::pg_catalog::{
    Catalog, PgType, backend_pid, builtin_relation, schema_name, view_definition,
};
use crate::settings::{SERVER_VERSION, quoted};

type Answer = Result<Cell<'static>>;

const fn function(
    name: &'static str,
    args: (usize, usize),
    gives: Gives,
    body: super::Body,
) -> Definition {
    Definition {
        name,
        args,
        gives,
        nulls: false,
        body,
    }
}

/// Gives none whatever the arguments are: there are no such objects here.
const fn nothing(name: &'static str, args: (usize, usize), gives: Gives) -> Definition {
    function(name, args, gives, |_, _, _| Ok(Cell::Null))
}

/// Whether one may; everyone here may read and nothing else.
const fn privilege(name: &'static str, reads: &'static [&'static str]) -> Definition {
    let body: super::Body = match reads {
        [_, ..] if matches!(reads[0].as_bytes()[0], b's') => may_select,
        [_, ..] if matches!(reads[0].as_bytes()[0], b'u') => may_use,
        _ => may_connect,
    };
    function(name, (2, 4), Gives::Bool, body)
}

pub(super) const FUNCTIONS: &[Definition] = &[
    function("version", (0, 0), Gives::Text, |_, _, _| {
        Ok(Cell::text(format!(
            "PostgreSQL {SERVER_VERSION}, {}-bit",
            usize::BITS
        )))
    }),
    function("current_database", (0, 0), Gives::Text, |_, _, _| {
        Ok(Cell::text(CATALOG))
    }),
    function("current_user", (0, 0), Gives::Text, user),
    function("session_user", (0, 0), Gives::Text, user),
    function("current_schema", (0, 0), Gives::Text, |catalog, _, _| {
        Ok(schemas(catalog)
            .into_iter()
            .next()
            .map_or(Cell::Null, Cell::text))
    }),
    function(
        "current_schemas",
        (1, 1),
        Gives::TextList,
        |catalog, args, _| {
            let mut all = schemas(catalog);
            if args[0] == Cell::Bool(true) && !all.iter().any(|schema| schema == "pg_catalog") {
                all.insert(0, "pg_catalog".to_owned());
            }
            Ok(text_list(all))
        },
    ),
    function(
        "current_setting",
        (1, 2),
        Gives::Text,
        |catalog, args, _| match catalog.settings.show(args[0].as_str()) {
            Ok(setting) => Ok(Cell::text(setting.value)),
            Err(_) if args.get(1) == Some(&Cell::Bool(true)) => Ok(Cell::Null),
            Err(error) => Err(DataFusionError::Execution(error.message)),
        },
    ),
    function("set_config", (3, 3), Gives::Text, |catalog, args, _| {
        let changed = catalog
            .settings
            .set(args[0].as_str(), &[args[1].as_str().to_owned()]);
        changed.map_or_else(
            |error| Err(DataFusionError::Execution(error.message)),
            |changed| Ok(Cell::text(changed.value)),
        )
    }),
    Definition {
        name: "pg_typeof",
        args: (1, 1),
        gives: Gives::Text,
        nulls: true,
        body: |_, _, fields| {
            if fields[0].data_type().is_null() {
                return Ok(Cell::text("unknown"));
            }
            let kind = PgType {
                modifier: -1,
                ..PgType::of_field(&fields[0])
            };
            Ok(Cell::text(kind.sql_name()))
        },
    },
    Definition {
        name: "format_type",
        args: (2, 2),
        gives: Gives::Text,
        nulls: true,
        body: |catalog, args, _| {
            let Cell::Int(oid) = args[0] else {
                return Ok(Cell::Null);
            };
            let kind = PgType {
                oid: i32::try_from(oid).unwrap_or(0),
                modifier: i32::try_from(match args[1] {
                    Cell::Int(modifier) => modifier,
                    _ => -1,
                })
                .unwrap_or(-1),
            };
            if oid == 0 {
                return Ok(Cell::text("-"));
            }
            let named = kind.sql_name();
            let of_a_table = || {
                catalog
                    .objects()?
                    .relation(kind.oid - 1)
                    .map(|(_, name)| quoted(name))
            };
            Ok(Cell::text(match named.as_str() {
                "???" => of_a_table().unwrap_or(named),
                _ => named,
            }))
        },
    },
    function("pg_is_in_recovery", (0, 0), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(false))
    }),
    function("pg_backend_pid", (0, 0), Gives::Int4, |_, _, _| {
        Ok(Cell::Int(backend_pid().into()))
    }),
    function("txid_current", (0, 0), Gives::Int8, |_, _, _| {
        Ok(Cell::Int(1))
    }),
    function(
        "pg_postmaster_start_time",
        (0, 0),
        Gives::Moment,
        |_, _, _| Ok(Cell::Moment(started())),
    ),
    function("pg_conf_load_time", (0, 0), Gives::Moment, |_, _, _| {
        Ok(Cell::Moment(started()))
    }),
    function("inet_server_port", (0, 0), Gives::Int4, |_, _, _| {
        Ok(Cell::Null)
    }),
    function("inet_server_addr", (0, 0), Gives::Text, |_, _, _| {
        Ok(Cell::Null)
    }),
    function("inet_client_port", (0, 0), Gives::Int4, |_, _, _| {
        Ok(Cell::Null)
    }),
    function("inet_client_addr", (0, 0), Gives::Text, |_, _, _| {
        Ok(Cell::Null)
    }),
    function(
        "pg_get_userbyid",
        (1, 1),
        Gives::Text,
        |catalog, args, _| {
            let oid = args[0].as_int();
            Ok(Cell::text(
                role_name(catalog, oid).unwrap_or_else(|| format!("unknown (OID={oid})")),
            ))
        },
    ),
    function("pg_encoding_to_char", (1, 1), Gives::Text, |_, args, _| {
        Ok(Cell::text(if args[0].as_int() == 6 { "UTF8" } else { "" }))
    }),
    function("pg_char_to_encoding", (1, 1), Gives::Int4, |_, args, _| {
        Ok(Cell::Int(
            if args[0].as_str().eq_ignore_ascii_case("utf8") {
                6
            } else {
                -1
            },
        ))
    }),
    function("pg_client_encoding", (0, 0), Gives::Text, |_, _, _| {
        Ok(Cell::text("UTF8"))
    }),
    function("pg_get_viewdef", (1, 2), Gives::Text, |catalog, args, _| {
        Ok(relation_of(catalog, &args[0])
            .filter(|(schema, name)| builtin_relation(schema, name).is_none_or(|b| b.kind == "v"))
            .map_or(Cell::Null, |(schema, name)| {
                Cell::text(view_definition(&schema, &name))
            }))
    }),
    nothing("pg_get_expr", (2, 3), Gives::Text),
    nothing("pg_get_indexdef", (1, 3), Gives::Text),
    nothing("pg_get_constraintdef", (1, 2), Gives::Text),
    nothing("pg_get_partkeydef", (1, 1), Gives::Text),
    nothing("pg_get_partition_constraintdef", (1, 1), Gives::Text),
    nothing("pg_get_triggerdef", (1, 2), Gives::Text),
    nothing("pg_get_ruledef", (1, 2), Gives::Text),
    nothing("pg_get_functiondef", (1, 1), Gives::Text),
    nothing("pg_get_function_result", (1, 1), Gives::Text),
    nothing("pg_get_function_arguments", (1, 1), Gives::Text),
    nothing("pg_get_function_identity_arguments", (1, 1), Gives::Text),
    nothing("pg_get_function_sqlbody", (1, 1), Gives::Text),
    nothing("pg_get_serial_sequence", (2, 2), Gives::Text),
    nothing("pg_get_statisticsobjdef", (1, 1), Gives::Text),
    nothing("pg_get_statisticsobjdef_columns", (1, 1), Gives::Text),
    nothing("pg_tablespace_location", (1, 1), Gives::Text),
    nothing("obj_description", (1, 2), Gives::Text),
    nothing("col_description", (2, 2), Gives::Text),
    nothing("shobj_description", (2, 2), Gives::Text),
    nothing("pg_sequence_last_value", (1, 1), Gives::Int8),
    nothing("pg_index_column_has_property", (3, 3), Gives::Bool),
    nothing("pg_indexam_has_property", (2, 2), Gives::Bool),
    nothing("pg_stat_get_numscans", (1, 1), Gives::Int8),
    nothing("pg_partition_ancestors", (1, 1), Gives::IntList),
    function("pg_relation_size", (1, 2), Gives::Int8, |_, _, _| {
        Ok(Cell::Int(0))
    }),
    function("pg_total_relation_size", (1, 1), Gives::Int8, |_, _, _| {
        Ok(Cell::Int(0))
    }),
    function("pg_table_size", (1, 1), Gives::Int8, |_, _, _| {
        Ok(Cell::Int(0))
    }),
    function("pg_indexes_size", (1, 1), Gives::Int8, |_, _, _| {
        Ok(Cell::Int(0))
    }),
    function("pg_database_size", (1, 1), Gives::Int8, |_, _, _| {
        Ok(Cell::Int(0))
    }),
    function("pg_tablespace_size", (1, 1), Gives::Int8, |_, _, _| {
        Ok(Cell::Int(0))
    }),
    function("pg_size_pretty", (1, 1), Gives::Text, |_, args, _| {
        Ok(Cell::text(size(args[0].as_int())))
    }),
    function(
        "pg_relation_is_publishable",
        (1, 1),
        Gives::Bool,
        |_, _, _| Ok(Cell::Bool(false)),
    ),
    function(
        "pg_relation_is_updatable",
        (2, 2),
        Gives::Int4,
        |_, _, _| Ok(Cell::Int(0)),
    ),
    function("pg_column_is_updatable", (3, 3), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(false))
    }),
    function(
        "pg_table_is_visible",
        (1, 1),
        Gives::Bool,
        |catalog, args, _| {
            let id = i32::try_from(args[0].as_int()).unwrap_or(0);
            let visible = catalog.objects().and_then(|objects| {
                let (_, name) = objects.relation(id)?;
                objects.relation_oid(None, name, &catalog.settings.path())
            });
            Ok(Cell::Bool(visible == Some(id)))
        },
    ),
    function(
        "pg_type_is_visible",
        (1, 1),
        Gives::Bool,
        |catalog, args, _| {
            let id = i32::try_from(args[0].as_int()).unwrap_or(0);
            let own = catalog
                .objects()
                .and_then(|objects| objects.relation(id - 1));
            let hidden =
                own.is_some_and(|(schema, _)| !catalog.settings.path().iter().any(|s| s == schema));
            Ok(Cell::Bool(!hidden))
        },
    ),
    function("pg_function_is_visible", (1, 1), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(true))
    }),
    function("pg_operator_is_visible", (1, 1), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(true))
    }),
    function("pg_collation_is_visible", (1, 1), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(true))
    }),
    function("pg_opclass_is_visible", (1, 1), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(true))
    }),
    function(
        "pg_statistics_obj_is_visible",
        (1, 1),
        Gives::Bool,
        |_, _, _| Ok(Cell::Bool(true)),
    ),
    function("pg_is_other_temp_schema", (1, 1), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(false))
    }),
    function("pg_my_temp_schema", (0, 0), Gives::Oid("oid"), |_, _, _| {
        Ok(Cell::Int(0))
    }),
    function("pg_has_role", (2, 3), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(true))
    }),
    privilege("has_table_privilege", &["select"]),
    privilege("has_column_privilege", &["select"]),
    privilege("has_any_column_privilege", &["select"]),
    privilege("has_schema_privilege", &["usage"]),
    privilege("has_type_privilege", &["usage"]),
    privilege("has_language_privilege", &["usage"]),
    privilege("has_function_privilege", &["execute"]),
    privilege("has_database_privilege", &["connect"]),
    privilege("has_sequence_privilege", &["select"]),
    privilege("has_tablespace_privilege", &["create"]),
    privilege("has_foreign_data_wrapper_privilege", &["usage"]),
    privilege("has_server_privilege", &["usage"]),
    function("row_security_active", (1, 1), Gives::Bool, |_, _, _| {
        Ok(Cell::Bool(false))
    }),
    function("quote_ident", (1, 1), Gives::Text, |_, args, _| {
        Ok(Cell::text(quoted_identifier(args[0].as_str())))
    }),
    function("parse_ident", (1, 2), Gives::TextList, |_, args, _| {
        Ok(text_list(parts(args[0].as_str())))
    }),
    Definition {
        name: "array_or_empty",
        args: (1, 1),
        gives: Gives::Same,
        nulls: true,
        body: |_, args, fields| match &args[0] {
            Cell::List(items) => Ok(Cell::List(std::sync::Arc::clone(items))),
            _ => match fields[0].data_type() {
                arrow::datatypes::DataType::List(item) => {
                    Ok(Cell::List(arrow::array::new_empty_array(item.data_type())))
                }
                _ => Ok(Cell::Null),
            },
        },
    },
    Definition {
        name: "_pg_expandarray",
        args: (1, 1),
        gives: Gives::Expanded,
        nulls: true,
        body: |_, args, _| {
            Ok(match &args[0] {
                Cell::List(items) => Cell::List(std::sync::Arc::clone(items)),
                _ => Cell::Null,
            })
        },
    },
    function("_pg_char_max_length", (2, 2), Gives::Int4, |_, args, _| {
        let (oid, modifier) = (args[0].as_int(), args[1].as_int());
        let known = [1042, 1043].contains(&oid) && modifier >= 4;
        Ok(if known {
            Cell::Int(modifier - 4)
        } else {
            Cell::Null
        })
    }),
    function(
        "_pg_numeric_precision",
        (2, 2),
        Gives::Int4,
        |_, args, _| {
            Ok(match (args[0].as_int(), args[1].as_int()) {
                (21, _) => Cell::Int(16),
                (23, _) => Cell::Int(32),
                (20, _) => Cell::Int(64),
                (700, _) => Cell::Int(24),
                (701, _) => Cell::Int(53),
                (1700, modifier) if modifier >= 4 => Cell::Int((modifier - 4) >> 16),
                _ => Cell::Null,
            })
        },
    ),
    function("_pg_numeric_scale", (2, 2), Gives::Int4, |_, args, _| {
        Ok(match (args[0].as_int(), args[1].as_int()) {
            (20 | 21 | 23, _) => Cell::Int(0),
            (1700, modifier) if modifier >= 4 => Cell::Int((modifier - 4) & 0x7ff),
            _ => Cell::Null,
        })
    }),
    function(
        "_pg_datetime_precision",
        (2, 2),
        Gives::Int4,
        |_, args, _| {
            Ok(match (args[0].as_int(), args[1].as_int()) {
                (1082, _) => Cell::Int(0),
                (1083 | 1114 | 1184 | 1266, modifier) => {
                    Cell::Int(if modifier < 0 { 6 } else { modifier })
                }
                _ => Cell::Null,
            })
        },
    ),
];

fn user(catalog: &Catalog, _: &[Cell<'_>], _: &[arrow::datatypes::FieldRef]) -> Answer {
    Ok(Cell::text(catalog.login.user.clone()))
}

/// The schemas on the search path that there are.
fn schemas(catalog: &Catalog) -> Vec<String> {
    let mut path = catalog.settings.path();
    path.retain(|schema| crate::pg_catalog::schema_oid(schema).is_some());
    path
}

pub(super) fn text_list(texts: Vec<String>) -> Cell<'static> {
    let texts = arrow::array::StringArray::from(texts);
    Cell::List(std::sync::Arc::new(texts))
}

/// When this process began to answer.
fn started() -> i64 {
    static STARTED: std::sync::LazyLock<i64> =
        std::sync::LazyLock::new(|| chrono::Utc::now().timestamp_micros());
    *STARTED
}

fn relation_of(catalog: &Catalog, cell: &Cell<'_>) -> Option<(String, String)> {
    let id = match cell {
        Cell::Text(text) => relation(catalog, text)?,
        other => i32::try_from(other.as_int()).ok()?,
    };
    let (schema, name) = catalog.objects()?.relation(id)?;
    Some((schema.to_owned(), name.to_owned()))
}

/// The privileges asked for; one of them is enough.
fn asked(args: &[Cell<'_>]) -> Vec<String> {
    let last = args.last().map(Cell::as_str).unwrap_or_default();
    let each = last
        .split(',')
        .map(|p| p.trim().to_lowercase().replace(" with grant option", "?"));
    each.collect()
}

fn unknown_privilege(privilege: &str) -> DataFusionError {
    DataFusionError::Execution(format!("unrecognized privilege type: \"{privilege}\""))
}

const PRIVILEGES: [&str; 14] = [
    "select",
    "insert",
    "update",
    "delete",
    "truncate",
    "references",
    "trigger",
    "usage",
    "create",
    "connect",
    "temporary",
    "temp",
    "execute",
    "rule",
];

fn may(args: &[Cell<'_>], granted: &[&str]) -> Answer {
    let asked = asked(args);
    for privilege in &asked {
        if !PRIVILEGES.contains(&privilege.trim_end_matches('?')) {
            return Err(unknown_privilege(privilege));
        }
    }
    Ok(Cell::Bool(
        asked
            .iter()
            .any(|privilege| granted.contains(&privilege.as_str())),
    ))
}

fn may_select(catalog: &Catalog, args: &[Cell<'_>], _: &[arrow::datatypes::FieldRef]) -> Answer {
    // (user, relation[, column], privilege) or (relation[, column], privilege): the relation is the first that is one.
    let known = args[..args.len() - 1].iter().find_map(|cell| match cell {
        Cell::Text(text) => relation(catalog, text).map(|_| ()),
        Cell::Int(oid) => {
            let oid = i32::try_from(*oid).ok()?;
            catalog.objects()?.relation(oid).map(|_| ())
        }
        _ => None,
    });
    if known.is_none() {
        return match args.iter().rev().nth(1) {
            Some(Cell::Text(name)) => Err(DataFusionError::Execution(format!(
                "relation \"{name}\" does not exist"
            ))),
            _ => Ok(Cell::Null),
        };
    }
    may(args, &["select"])
}

fn may_use(catalog: &Catalog, args: &[Cell<'_>], _: &[arrow::datatypes::FieldRef]) -> Answer {
    let named = args.iter().rev().nth(1);
    if let Some(Cell::Int(oid)) = named
        && i32::try_from(*oid).ok().and_then(schema_name).is_none()
        && catalog.objects().is_some()
        && *oid > 16_000
    {
        return Ok(Cell::Null);
    }
    may(args, &["usage"])
}

fn may_connect(_: &Catalog, args: &[Cell<'_>], _: &[arrow::datatypes::FieldRef]) -> Answer {
    may(args, &["connect", "execute", "usage"])
}

/// Words that SQL reserves; as names they need quotes.
const RESERVED: [&str; 40] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "case",
    "cast",
    "check",
    "column",
    "cross",
    "desc",
    "distinct",
    "else",
    "end",
    "except",
    "false",
    "for",
    "from",
    "full",
    "group",
    "having",
    "in",
    "inner",
    "intersect",
    "into",
    "is",
    "join",
    "left",
    "like",
    "limit",
    "not",
    "null",
    "on",
    "or",
    "order",
    "select",
    "user",
    "where",
];

fn quoted_identifier(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("\"{name}\"");
    }
    quoted(name)
}

/// Bytes as `pg_size_pretty` writes them.
fn size(bytes: i64) -> String {
    let mut value = bytes.unsigned_abs();
    let sign = if bytes < 0 { "-" } else { "" };
    if value < 10 * 1024 {
        return format!("{sign}{value} bytes");
    }
    // Half units, so that the last shift rounds.
    value >>= 9;
    for unit in ["kB", "MB", "GB", "TB"] {
        if value < 20 * 1024 - 1 {
            return format!("{sign}{} {unit}", value.div_ceil(2));
        }
        value >>= 10;
    }
    format!("{sign}{} PB", value.div_ceil(2))
}
