//! Functions by PostgreSQL's names.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident,
    ObjectName, OrderByKind, Query, Select, SelectItem, SetExpr, Value,
};

use super::refused;
use super::translate::{builtin_name, call, take};
use crate::error::QueryError;

/// Functions that give several rows where they stand in a SELECT list.
const ROWS: [&str; 5] = [
    "_pg_expandarray",
    "generate_series",
    "generate_subscripts",
    "regexp_split_to_table",
    "string_to_table",
];

/// Functions under another of their names.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("every", "bool_and"),
    ("variance", "var_samp"),
    ("stddev", "stddev_samp"),
    ("transaction_timestamp", "now"),
    ("statement_timestamp", "now"),
    ("current_timestamp", "now"),
];

/// Words that are functions without parentheses, and the functions they are.
const WORDS: [(&str, &str); 8] = [
    ("current_user", "current_user"),
    ("session_user", "session_user"),
    ("user", "current_user"),
    ("current_role", "current_user"),
    ("current_catalog", "current_database"),
    ("current_schema", "current_schema"),
    ("localtimestamp", "localtimestamp"),
    ("localtime", "localtime"),
];

/// The arguments of `make_interval`, by name.
const INTERVAL_PARTS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];

/// Functions of DataFusion under a name that means something else in PostgreSQL, or that PostgreSQL lacks under a name that
/// suggests one of its own; with the way out.
const REFUSED: [(&str, &str); 9] = [
    ("date_format", "use to_char"),
    ("to_local_time", "use AT TIME ZONE"),
    ("to_unixtime", "use extract(epoch FROM …)"),
    ("from_unixtime", "use to_timestamp"),
    (
        "current_time",
        "the type `time with time zone` is not offered: use localtime",
    ),
    ("timeofday", "use to_char(clock_timestamp(), …)"),
    ("pg_sleep", "queries do not wait"),
    ("setseed", "random() cannot be repeated"),
    ("nanvl", "use CASE"),
];

/// Before an expression's parts are looked at.
pub(super) fn before(expr: &mut Expr) -> Result<(), QueryError> {
    if let Expr::Subquery(query) = expr
        && super::subqueries::nothing(query)
    {
        *expr = super::translate::null();
    }
    if let Expr::Value(value) = expr
        && let Value::Number(number, _) = &mut value.value
        && let Some(plain) = without_exponent(number)
    {
        if plain.contains('.') {
            *number = plain;
        } else {
            // A numeric, though it is whole.
            *expr = call("to_numeric", vec![super::translate::text(&plain)]);
        }
    }
    // Words that the parser takes for columns.
    if let Expr::Identifier(ident) = expr
        && ident.quote_style.is_none()
    {
        let name = ident.value.to_lowercase();
        if [
            "current_role",
            "current_schema",
            "localtimestamp",
            "localtime",
        ]
        .contains(&name.as_str())
        {
            *expr = word(&name);
        }
    }
    if let Expr::Function(function) = expr
        && let FunctionArguments::Subquery(query) = &mut function.args
        && builtin_name(&function.name).as_deref() == Some("array")
    {
        *expr = array_of(std::mem::replace(query, empty_query()));
    }
    Ok(())
}

/// `1.5e3` as `1500`.
fn without_exponent(number: &str) -> Option<String> {
    let lower = number.to_lowercase();
    let (digits, exponent) = lower.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    if exponent.abs() > 36 {
        return None;
    }
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let all = format!("{whole}{places}");
    if point <= 0 {
        let zeros = "0".repeat(usize::try_from(-point).ok()?);
        return Some(format!("0.{zeros}{all}"));
    }
    let point = usize::try_from(point).ok()?;
    if point >= all.len() {
        return Some(format!("{all:0<point$}"));
    }
    Some(format!("{}.{}", &all[..point], &all[point..]))
}

fn word(name: &str) -> Expr {
    let now = || call("now", Vec::new());
    match name {
        "localtimestamp" => return call("to_stamp", vec![now()]),
        "localtime" => return call("to_time_of_day", vec![now()]),
        "current_date" => return call("to_day", vec![now()]),
        "current_timestamp" => return now(),
        _ => {}
    }
    let function = WORDS.iter().find(|(word, _)| *word == name);
    call(function.map_or(name, |(_, function)| function), Vec::new())
}

/// The functions of one SELECT.
pub(super) fn select(select: &mut Select) -> Result<(), QueryError> {
    // `GROUP BY ()` is one group of all rows, as no GROUP BY with an aggregate.
    if let GroupByExpr::Expressions(exprs, modifiers) = &mut select.group_by
        && modifiers.is_empty()
        && let [Expr::Tuple(parts)] = exprs.as_slice()
        && parts.is_empty()
    {
        exprs.clear();
    }
    super::subqueries::erase(select);
    super::names::distinct(select);
    Ok(())
}

/// After its arguments were translated.
pub(super) fn function(function: &mut Function) -> Result<Option<Expr>, QueryError> {
    let Some(name) = builtin_name(&function.name) else {
        return Err(refused(format!(
            "function {} does not exist; functions have no schema but pg_catalog",
            function.name
        )));
    };
    // An array that is unnested already is written with quotes.
    let is_array = function
        .name
        .0
        .first()
        .and_then(|part| part.as_ident())
        .is_some_and(|ident| ident.quote_style.is_some());
    function.name = ObjectName::from(vec![quoted_where_needed(&name)]);
    if let Some((_, way_out)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(refused(format!(
            "the function {name} is not offered; {way_out}"
        )));
    }
    let bare = matches!(&function.args, FunctionArguments::None)
        || matches!(&function.args, FunctionArguments::List(list) if list.args.is_empty());
    if bare
        && (WORDS.iter().any(|(word, _)| *word == name)
            || name == "current_date"
            || name == "current_timestamp")
    {
        return Ok(Some(word(&name)));
    }
    if let Some((_, known)) = OTHER_NAMES.iter().find(|(other, _)| *other == name) {
        function.name = ObjectName::from(vec![Ident::new(*known)]);
    }
    if name == "make_interval"
        && let FunctionArguments::List(list) = &mut function.args
        && list
            .args
            .iter()
            .any(|arg| !matches!(arg, FunctionArg::Unnamed(_)))
    {
        list.args = interval_parts(&list.args)?;
    }
    if ROWS.contains(&name.as_str()) && function.over.is_none() && !is_array {
        let rows = Expr::Function(function.clone());
        return Ok(Some(call("unnest", vec![rows])));
    }
    if name == "unnest"
        && let FunctionArguments::List(list) = &function.args
        && list.args.len() > 1
    {
        return Err(refused(
            "unnest takes one array here; unnest the others in queries of their own",
        ));
    }
    Ok(None)
}

/// The arguments of `make_interval` in their order; those not named are 0.
fn interval_parts(args: &[FunctionArg]) -> Result<Vec<FunctionArg>, QueryError> {
    let zero = || FunctionArgExpr::Expr(Expr::Value(Value::Number("0".to_owned(), false).into()));
    let mut parts: Vec<FunctionArgExpr> = INTERVAL_PARTS.iter().map(|_| zero()).collect();
    for (at, arg) in args.iter().enumerate() {
        let (at, value) = match arg {
            FunctionArg::Named { name, arg, .. } => {
                let at = INTERVAL_PARTS
                    .iter()
                    .position(|part| name.value.eq_ignore_ascii_case(part));
                (
                    at.ok_or_else(|| refused(format!("make_interval has no argument {name}")))?,
                    arg,
                )
            }
            FunctionArg::Unnamed(value) => (at, value),
            FunctionArg::ExprNamed { name, arg, .. } => {
                let name = name.to_string();
                let at = INTERVAL_PARTS
                    .iter()
                    .position(|part| name.eq_ignore_ascii_case(part));
                (
                    at.ok_or_else(|| refused(format!("make_interval has no argument {name}")))?,
                    arg,
                )
            }
        };
        let place = parts
            .get_mut(at)
            .ok_or_else(|| refused("make_interval takes seven arguments"))?;
        *place = value.clone();
    }
    Ok(parts.into_iter().map(FunctionArg::Unnamed).collect())
}

fn quoted_where_needed(name: &str) -> Ident {
    if crate::settings::quoted(name) == name {
        Ident::new(name)
    } else {
        Ident::with_quote('"', name)
    }
}

fn empty_query() -> Box<Query> {
    Box::new(Query {
        with: None,
        body: Box::new(SetExpr::Values(datafusion::sql::sqlparser::ast::Values {
            explicit_row: false,
            value_keyword: false,
            rows: Vec::new(),
        })),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    })
}

/// `ARRAY(SELECT x …)`: the rows of one column, in their order, as an array; an empty one when there are none.
fn array_of(mut query: Box<Query>) -> Expr {
    let mut ordered = false;
    if let Some(order) = &query.order_by
        && let OrderByKind::Expressions(by) = &order.kind
        && let [by] = by.as_slice()
    {
        let first = matches!(&by.expr, Expr::Value(value) if matches!(&value.value, Value::Number(n, _) if n == "1"));
        let same = sole_column(&query.body).is_some_and(|column| *column == by.expr);
        ordered = (first || same) && by.options.asc != Some(false);
    }
    // Named, whatever its expression is.
    if let SetExpr::Select(select) = query.body.as_mut()
        && let [item] = select.projection.as_mut_slice()
        && let SelectItem::UnnamedExpr(expr) = item
    {
        let expr = take(expr);
        *item = SelectItem::ExprWithAlias {
            expr,
            alias: Ident::new("item"),
        };
    }
    if ordered {
        query.order_by = None;
    }
    let order = if ordered { " ORDER BY item" } else { "" };
    let text = format!("SELECT array_or_empty(array_agg(item{order})) FROM (SELECT 1) AS items");
    let outer = super::parse(&text)
        .ok()
        .and_then(|mut statements| statements.pop());
    let Some(datafusion::sql::sqlparser::ast::Statement::Query(mut outer)) = outer else {
        return super::translate::null();
    };
    if let SetExpr::Select(select) = outer.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let datafusion::sql::sqlparser::ast::TableFactor::Derived { subquery, .. } =
            &mut from.relation
    {
        *subquery = query;
    }
    Expr::Subquery(outer)
}

fn sole_column(body: &SetExpr) -> Option<&Expr> {
    match body {
        SetExpr::Select(select) => match select.projection.as_slice() {
            [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] => Some(expr),
            _ => None,
        },
        _ => None,
    }
}
