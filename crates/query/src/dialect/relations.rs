//! What stands in FROM, and queries as a whole.

use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, FunctionArg, FunctionArgExpr, Ident, LimitClause, Offset, OffsetRows, Query,
    TableAlias, TableAliasColumnDef, TableFactor, Value,
};

use super::refused;
use super::translate::builtin_name;
use crate::error::QueryError;

/// Functions that give one column of rows named after them, or after their alias.
const ROWS_OF_ONE_COLUMN: [&str; 1] = ["generate_series"];
/// Functions of an array's kind whose elements are rows.
const UNNESTED: [&str; 3] = [
    "generate_subscripts",
    "regexp_split_to_table",
    "string_to_table",
];

/// FETCH FIRST is LIMIT.
pub(super) fn query(query: &mut Query) -> Result<(), QueryError> {
    let Some(Fetch {
        with_ties,
        percent,
        quantity,
    }) = query.fetch.take()
    else {
        return Ok(());
    };
    if with_ties || percent {
        return Err(refused(
            "FETCH … WITH TIES and PERCENT are not offered; use rank() in a subquery",
        ));
    }
    let rows = quantity.unwrap_or_else(|| Expr::Value(Value::Number("1".to_owned(), false).into()));
    let offset = match query.limit_clause.take() {
        None => None,
        Some(LimitClause::LimitOffset {
            limit: None,
            offset,
            limit_by,
        }) if limit_by.is_empty() => offset,
        Some(_) => return Err(refused("LIMIT and FETCH cannot stand together")),
    };
    query.limit_clause = Some(LimitClause::LimitOffset {
        limit: Some(rows),
        offset: offset.map(|offset| Offset {
            value: offset.value,
            rows: OffsetRows::None,
        }),
        limit_by: Vec::new(),
    });
    Ok(())
}

/// A call that is not unnested once more.
fn quoted_call(name: &str, args: Vec<Expr>) -> Expr {
    let mut called = super::translate::call(name, args);
    if let Expr::Function(function) = &mut called {
        function.name =
            datafusion::sql::sqlparser::ast::ObjectName::from(vec![Ident::with_quote('"', name)]);
    }
    called
}

/// Whether an argument is written as a whole number.
fn is_whole(arg: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(mut expr)) = arg.clone() else {
        return false;
    };
    while let Expr::UnaryOp { expr: inner, .. } | Expr::Nested(inner) = expr {
        expr = *inner;
    }
    matches!(expr, Expr::Value(value) if matches!(&value.value, Value::Number(number, _) if number.bytes().all(|b| b.is_ascii_digit())))
}

fn column_alias(name: &Ident) -> TableAliasColumnDef {
    TableAliasColumnDef {
        name: name.clone(),
        data_type: None,
    }
}

/// Functions in FROM: their column has the alias's name.
pub(super) fn factor(factor: &mut TableFactor) -> Result<(), QueryError> {
    if let TableFactor::UNNEST {
        alias: Some(alias), ..
    } = factor
    {
        if alias.columns.is_empty() {
            alias.columns = vec![column_alias(&alias.name)];
        }
        return Ok(());
    }
    let (name, args, alias, with_ordinality) = match factor {
        TableFactor::Table {
            name,
            args: Some(args),
            alias,
            with_ordinality,
            ..
        } => (name, &mut args.args, alias, *with_ordinality),
        TableFactor::Function {
            name,
            args,
            alias,
            with_ordinality,
            ..
        } => (name, args, alias, *with_ordinality),
        _ => return Ok(()),
    };
    let Some(bare) = builtin_name(name) else {
        return Ok(());
    };
    *name = datafusion::sql::sqlparser::ast::ObjectName::from(vec![Ident::new(&bare)]);
    if with_ordinality {
        return Err(refused("WITH ORDINALITY is not offered; use row_number()"));
    }
    // A series of whole numbers comes as a stream; others are arrays.
    let whole = args.iter().all(is_whole);
    let named = ROWS_OF_ONE_COLUMN.contains(&bare.as_str()) && whole;
    let unnested =
        UNNESTED.contains(&bare.as_str()) || ROWS_OF_ONE_COLUMN.contains(&bare.as_str()) && !whole;
    if !named && !unnested {
        return Ok(());
    }
    let alias = alias.take().unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(&bare),
        columns: Vec::new(),
        at: None,
    });
    let columns = if alias.columns.is_empty() {
        vec![column_alias(&alias.name)]
    } else {
        alias.columns.clone()
    };
    let alias = Some(TableAlias { columns, ..alias });
    if named {
        match factor {
            TableFactor::Table { alias: now, .. } | TableFactor::Function { alias: now, .. } => {
                *now = alias;
            }
            _ => {}
        }
        return Ok(());
    }
    let exprs: Option<Vec<_>> = args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect();
    let exprs = exprs.ok_or_else(|| refused(format!("{bare} takes no such arguments")))?;
    *factor = TableFactor::UNNEST {
        alias,
        array_exprs: vec![quoted_call(&bare, exprs)],
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    };
    Ok(())
}
