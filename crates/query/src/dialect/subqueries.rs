//! Subqueries that stand for a value.
//!
//! DataFusion plans one that looks at the query around it only when it is an aggregate; so what gives one value becomes one
//! that says when there are more.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArgumentClause, FunctionArguments, GroupByExpr, JoinOperator, LimitClause,
    OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, Value, Visit, VisitMut as _,
    Visitor, VisitorMut,
};

use super::translate::{call, null, take, text};

/// Aggregates by name: a query with one of them gives one row.
const AGGREGATES: [&str; 34] = [
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "grouping",
    "max",
    "min",
    "mode",
    "only_value",
    "percentile_cont",
    "percentile_disc",
    "regr_count",
    "regr_slope",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
    "median",
    "first_value",
    "last_value",
    "approx_distinct",
    "array_or_empty",
];

/// Relations of the catalog that have no rows here, ever.
const EMPTY: [&str; 24] = [
    "pg_attrdef",
    "pg_constraint",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_index",
    "pg_inherits",
    "pg_partitioned_table",
    "pg_policy",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_sequence",
    "pg_shdescription",
    "pg_statistic_ext",
    "pg_subscription",
    "pg_trigger",
    "pg_user_mapping",
];

/// What psql asks of a column's collation: one that is not its type's. Every column here has its type's.
const OTHER_COLLATION: &str = "SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation";

/// Whether a SELECT gives no rows whatever its conditions are: something it joins has none.
fn is_empty(select: &Select) -> bool {
    let empty = |factor: &TableFactor| match factor {
        TableFactor::Table {
            name, args: None, ..
        } => {
            let last = name.0.last().map(ToString::to_string).unwrap_or_default();
            EMPTY.contains(&last.to_lowercase().as_str())
        }
        _ => false,
    };
    select.from.iter().any(|table| {
        let inner = |join: &datafusion::sql::sqlparser::ast::Join| {
            matches!(
                join.join_operator,
                JoinOperator::Inner(_) | JoinOperator::Join(_) | JoinOperator::CrossJoin(_)
            )
        };
        let kept = |join: &datafusion::sql::sqlparser::ast::Join| {
            inner(join)
                || matches!(
                    join.join_operator,
                    JoinOperator::Left(_) | JoinOperator::LeftOuter(_)
                )
        };
        empty(&table.relation) && table.joins.iter().all(kept)
            || table.joins.iter().all(kept)
                && table
                    .joins
                    .iter()
                    .any(|join| inner(join) && empty(&join.relation))
    })
}

fn is_grouped(select: &Select) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(by, _) => !by.is_empty(),
        GroupByExpr::All(_) => true,
    };
    let aggregate = select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            expr.visit(&mut Finder::default()).is_break()
        }
        _ => false,
    });
    grouped || aggregate || select.having.is_some()
}

struct Eraser;

impl VisitorMut for Eraser {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Subquery(_) => *expr = null(),
            // `ARRAY(SELECT …)`: any array will do.
            Expr::Function(function) if matches!(function.args, FunctionArguments::Subquery(_)) => {
                *expr = Expr::Array(datafusion::sql::sqlparser::ast::Array {
                    elem: vec![text("")],
                    named: true,
                });
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Takes subqueries out of the list of a SELECT that gives no rows: they are never looked at, and may be ones that DataFusion
/// cannot plan.
pub(super) fn erase(select: &mut Select) {
    if !is_empty(select) || is_grouped(select) {
        return;
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = expr.visit(&mut Eraser);
        }
    }
}

/// A subquery that gives nothing is NULL.
pub(super) fn nothing(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return false;
    };
    is_empty(select) && !is_grouped(select) || query.to_string() == OTHER_COLLATION
}

/// Finds an aggregate of the SELECT at hand, not one of a subquery's.
#[derive(Default)]
struct Finder {
    depth: usize,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(function) if function.over.is_none() && self.depth == 0 => {
                let name = super::translate::builtin_name(&function.name).unwrap_or_default();
                if AGGREGATES.contains(&name.as_str()) || name == "unnest" {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Whether LIMIT 1 stands there, alone.
fn limited_to_one(query: &Query) -> bool {
    matches!(
        &query.limit_clause,
        Some(LimitClause::LimitOffset {
            limit: Some(Expr::Value(value)),
            offset: None,
            ..
        }) if matches!(&value.value, Value::Number(number, _) if number == "1")
    )
}

/// Makes an aggregate of a subquery's one column.
pub(super) fn scalar(query: &mut Query) {
    let limited = limited_to_one(query);
    if query.with.is_some() || query.fetch.is_some() || (query.limit_clause.is_some() && !limited) {
        return;
    }
    let order = match &query.order_by {
        None => Vec::new(),
        Some(order) => match &order.kind {
            OrderByKind::Expressions(by) => by.clone(),
            OrderByKind::All(_) => return,
        },
    };
    // A place of the list is no expression within an aggregate.
    if order.iter().any(|by| matches!(by.expr, Expr::Value(_))) {
        return;
    }
    let SetExpr::Select(select) = query.body.as_mut() else {
        return;
    };
    let grouped = match &select.group_by {
        GroupByExpr::Expressions(by, _) => !by.is_empty(),
        GroupByExpr::All(_) => true,
    };
    if grouped || select.distinct.is_some() || select.having.is_some() || select.from.is_empty() {
        return;
    }
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
        select.projection.as_mut_slice()
    else {
        return;
    };
    if Visit::visit(&*expr, &mut Finder::default()).is_break() {
        return;
    }
    let inner = take(expr);
    *expr = call(
        if limited { "first_value" } else { "only_value" },
        vec![inner],
    );
    if limited
        && !order.is_empty()
        && let Expr::Function(function) = expr
        && let FunctionArguments::List(list) = &mut function.args
    {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    query.order_by = None;
    query.limit_clause = None;
}
