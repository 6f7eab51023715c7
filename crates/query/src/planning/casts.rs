//! Casts as PostgreSQL makes them, where Arrow's would give another value.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable as _, LogicalPlan, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;

use super::Functions;
use crate::functions::{is_time, typename};
use crate::pg_catalog::OID_ALIAS;

/// Rewrites casts that were written, before DataFusion adds its own.
#[derive(Debug)]
pub(crate) struct Casts(pub(crate) Arc<Functions>);

impl AnalyzerRule for Casts {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| self.node(plan))
            .map(|done| done.data)
    }

    fn name(&self) -> &str {
        "postgres_casts"
    }
}

impl Casts {
    fn node(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let mut any = false;
        for expr in plan.expressions() {
            any |= expr.exists(|part| Ok(matches!(part, Expr::Cast(_))))?;
        }
        if !any {
            return Ok(Transformed::no(plan));
        }
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            let source = DFSchema::try_from_qualified_schema(
                scan.table_name.clone(),
                &scan.source.schema(),
            )?;
            schema.merge(&source);
        }
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let done = expr.transform_up(|part| self.expr(part, &schema))?;
            Ok(Transformed {
                data: name.restore(done.data),
                ..done
            })
        })?
        .map_data(LogicalPlan::recompute_schema)
    }

    fn expr(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        let Expr::Cast(Cast { expr: inner, field }) = expr else {
            return Ok(Transformed::no(expr));
        };
        let to = field.data_type().clone();
        let again = |inner: Box<Expr>| {
            Ok(Transformed::no(Expr::Cast(Cast {
                expr: inner,
                field: Arc::clone(&field),
            })))
        };
        let Ok(from) = inner.get_type(schema) else {
            return again(inner);
        };
        let call = |udf: &Arc<ScalarUDF>, inner: Expr| {
            Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(udf), vec![inner]))
        };
        let f = &self.0;
        let text = matches!(
            from,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        );
        let stamp = |kind: &DataType| matches!(kind, DataType::Timestamp(_, None));
        let moment = |kind: &DataType| matches!(kind, DataType::Timestamp(_, Some(_)));
        let float = matches!(
            from,
            DataType::Float16 | DataType::Float32 | DataType::Float64
        );
        let rewritten = match &to {
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 if float => {
                Expr::Cast(Cast {
                    expr: Box::new(call(&f.round_even, *inner)),
                    field: Arc::clone(&field),
                })
            }
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64
                if matches!(from, DataType::Decimal128(..)) =>
            {
                Expr::Cast(Cast {
                    expr: Box::new(call(&f.round_away, *inner)),
                    field: Arc::clone(&field),
                })
            }
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float64
            | DataType::Float32
            | DataType::Boolean
                if text =>
            {
                // Blanks around a value belong to none.
                Expr::Cast(Cast {
                    expr: Box::new(call(&f.trim_value, *inner)),
                    field: Arc::clone(&field),
                })
            }
            kind if kind.is_numeric() && is_time(&from) || from.is_numeric() && is_time(kind) => {
                return Err(DataFusionError::Plan(format!(
                    "cannot cast type {} to {}",
                    typename(&from),
                    typename(kind)
                )));
            }
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => {
                if let Expr::Column(column) = inner.as_ref()
                    && let Ok(field) = schema.field_from_column(column)
                    && field.metadata().contains_key(OID_ALIAS)
                {
                    call(&f.oid_name, *inner)
                } else if inner
                    .to_field(schema)
                    .is_ok_and(|(_, field)| field.metadata().contains_key(OID_ALIAS))
                {
                    call(&f.oid_name, *inner)
                } else if from == DataType::Float32 {
                    let written = Expr::Cast(Cast {
                        expr: inner,
                        field: Arc::clone(&field),
                    });
                    call(&f.real_text, written)
                } else if float
                    || is_time(&from)
                    || from.is_nested()
                    || from == DataType::Boolean
                    || matches!(
                        from,
                        DataType::Binary | DataType::BinaryView | DataType::LargeBinary
                    )
                {
                    call(&f.to_text, *inner)
                } else {
                    return again(inner);
                }
            }
            DataType::Date32 if text || moment(&from) => call(&f.to_day, *inner),
            DataType::Time64(_)
                if text
                    || stamp(&from)
                    || moment(&from)
                    || matches!(from, DataType::Interval(_)) =>
            {
                call(&f.to_time_of_day, *inner)
            }
            DataType::Interval(_) if text => call(&f.to_interval, *inner),
            kind if stamp(kind) && (text || moment(&from)) => call(&f.to_stamp, *inner),
            kind if moment(kind) && (text || stamp(&from)) => call(&f.to_moment, *inner),
            kind if moment(kind) && matches!(from, DataType::Date32) => {
                let day = Expr::Cast(Cast::new(
                    inner,
                    DataType::Timestamp(TimeUnit::Microsecond, None),
                ));
                call(&f.to_moment, day)
            }
            DataType::Binary if text => call(&f.to_bytes, *inner),
            _ => return again(inner),
        };
        Ok(Transformed::new(
            rewritten,
            true,
            TreeNodeRecursion::Continue,
        ))
    }
}
