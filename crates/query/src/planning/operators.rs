//! Operators and the parts of SQL that are operators in disguise, by the types they stand between.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawWindowExpr};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable as _, Operator, ScalarUDF, WindowFunctionDefinition, cast, lit,
};
use datafusion::sql::sqlparser::ast::BinaryOperator as Op;

use super::Functions;
use crate::functions::is_time;

/// Plans PostgreSQL's operators.
#[derive(Debug)]
pub(crate) struct Operators(pub(crate) Arc<Functions>);

fn call(udf: &Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(udf), args))
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_interval(kind: &DataType) -> bool {
    matches!(kind, DataType::Interval(_) | DataType::Duration(_))
}

fn is_list(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)
    )
}

fn is_float(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Float16 | DataType::Float32 | DataType::Float64
    )
}

fn is_decimal(kind: &DataType) -> bool {
    matches!(kind, DataType::Decimal128(..))
}

/// A literal's text.
fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            _,
        ) => Some(text),
        _ => None,
    }
}

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (Ok(left), Ok(right)) = (expr.left.get_type(schema), expr.right.get_type(schema))
        else {
            return Ok(PlannerResult::Original(expr));
        };
        // A parameter is whatever the other side is; DataFusion finds that out later.
        let open = |side: &Expr| matches!(side, Expr::Placeholder(_));
        if open(&expr.left) || open(&expr.right) {
            return Ok(PlannerResult::Original(expr));
        }
        self.operator(expr, &left, &right)
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call(&self.0.extract, args)))
    }

    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call(&self.0.substring, args)))
    }

    fn plan_position(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Original(args))
    }

    fn plan_window(&self, expr: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        Ok(window(expr))
    }
}

impl Operators {
    fn operator(
        &self,
        expr: RawBinaryExpr,
        left: &DataType,
        right: &DataType,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let f = &self.0;
        let RawBinaryExpr {
            op,
            left: a,
            right: b,
        } = expr;
        let number = |kind: &DataType| kind.is_numeric() || kind.is_null();
        let planned = match op {
            Op::Plus if is_interval(left) && is_interval(right) => {
                call(&f.interval_plus, vec![a, b])
            }
            Op::Minus if is_interval(left) && is_interval(right) => {
                call(&f.interval_minus, vec![a, b])
            }
            Op::Plus
                if is_time(left)
                    && !is_interval(left)
                    && (is_interval(right) || is_time(right) || right.is_integer()) =>
            {
                call(&f.timestamp_plus, vec![a, b])
            }
            Op::Plus if is_time(right) && (is_interval(left) || left.is_integer()) => {
                call(&f.timestamp_plus, vec![b, a])
            }
            Op::Minus if is_time(left) && (is_time(right) || right.is_integer()) => {
                call(&f.timestamp_minus, vec![a, b])
            }
            // A literal beside a time is an interval when it is one, else a time.
            Op::Plus | Op::Minus
                if is_time(left) && !is_interval(left) && literal(&b).is_some() =>
            {
                let text = literal(&b).unwrap_or_default();
                let right = if crate::functions::read_interval(text).is_ok() {
                    call(&f.to_interval, vec![b])
                } else {
                    cast(b, left.clone())
                };
                call(
                    if op == Op::Plus {
                        &f.timestamp_plus
                    } else {
                        &f.timestamp_minus
                    },
                    vec![a, right],
                )
            }
            Op::Multiply if is_interval(left) && number(right) => {
                call(&f.interval_times, vec![a, b])
            }
            Op::Multiply if is_interval(right) && number(left) => {
                call(&f.interval_times, vec![b, a])
            }
            Op::Divide if is_interval(left) && number(right) => call(&f.interval_over, vec![a, b]),
            Op::Divide if is_float(left) && number(right) || is_float(right) && number(left) => {
                call(&f.float_over, vec![a, b])
            }
            Op::Divide
                if is_decimal(left) && number(right) || is_decimal(right) && number(left) =>
            {
                call(&f.numeric_over, vec![a, b])
            }
            Op::Plus | Op::Minus | Op::Multiply
                if left == &DataType::Int64 && right.is_integer()
                    || right == &DataType::Int64 && left.is_integer() =>
            {
                let udf = match op {
                    Op::Plus => &f.integer_plus,
                    Op::Minus => &f.integer_minus,
                    _ => &f.integer_times,
                };
                if matches!((&a, &b), (Expr::Literal(..), _) | (_, Expr::Literal(..)))
                    && op != Op::Multiply
                {
                    return Ok(PlannerResult::Original(RawBinaryExpr {
                        op,
                        left: a,
                        right: b,
                    }));
                }
                call(udf, vec![a, b])
            }
            Op::PGExp => call(&f.power, vec![a, b]),
            Op::PGStartsWith => call(&f.starts_with, vec![a, b]),
            Op::PGOverlap if is_list(left) => call(&f.array_overlaps, vec![a, b]),
            // Texts, not lists, on one side: the other is written as its text.
            Op::StringConcat
                if is_text(left) && !is_text(right) && !is_list(right) && !right.is_null() =>
            {
                Expr::BinaryExpr(BinaryExpr::new(
                    Box::new(a),
                    Operator::StringConcat,
                    Box::new(call(&f.to_text, vec![b])),
                ))
            }
            Op::StringConcat
                if is_text(right) && !is_text(left) && !is_list(left) && !left.is_null() =>
            {
                Expr::BinaryExpr(BinaryExpr::new(
                    Box::new(call(&f.to_text, vec![a])),
                    Operator::StringConcat,
                    Box::new(b),
                ))
            }
            Op::PGRegexMatch | Op::PGRegexIMatch | Op::PGRegexNotMatch | Op::PGRegexNotIMatch
                if is_text(right) =>
            {
                let pattern = match literal(&b) {
                    Some(text) => lit(crate::functions::pattern(text)?),
                    None => call(&f.pattern, vec![b]),
                };
                return Ok(PlannerResult::Original(RawBinaryExpr {
                    op,
                    left: a,
                    right: pattern,
                }));
            }
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                return Ok(self.comparison(op, a, b, left, right));
            }
            op => {
                return Ok(PlannerResult::Original(RawBinaryExpr {
                    op,
                    left: a,
                    right: b,
                }));
            }
        };
        Ok(PlannerResult::Planned(planned))
    }

    /// A literal is of the other side's type; intervals are compared by their length.
    fn comparison(
        &self,
        op: Op,
        a: Expr,
        b: Expr,
        left: &DataType,
        right: &DataType,
    ) -> PlannerResult<RawBinaryExpr> {
        let f = &self.0;
        let (mut a, mut b) = (a, b);
        let typed =
            |kind: &DataType| kind.is_numeric() || is_time(kind) || *kind == DataType::Boolean;
        if is_text(left) && typed(right) && literal(&a).is_some() {
            a = cast(a, of_literal(right));
        } else if is_text(right) && typed(left) && literal(&b).is_some() {
            b = cast(b, of_literal(left));
        }
        if is_list(left)
            && let Some(array) = literal(&b).and_then(list_literal)
        {
            b = cast(array, left.clone());
        } else if is_list(right)
            && let Some(array) = literal(&a).and_then(list_literal)
        {
            a = cast(array, right.clone());
        }
        if is_interval(left) || is_interval(right) {
            a = call(&f.interval_span, vec![a]);
            b = call(&f.interval_span, vec![b]);
        }
        // A time of no zone is one of the session's beside a moment.
        let moment = |kind: &DataType| matches!(kind, DataType::Timestamp(_, Some(_)));
        let plain =
            |kind: &DataType| matches!(kind, DataType::Timestamp(_, None) | DataType::Date32);
        if moment(left) && plain(right) {
            b = cast(b, left.clone());
        } else if moment(right) && plain(left) {
            a = cast(a, right.clone());
        }
        PlannerResult::Original(RawBinaryExpr {
            op,
            left: a,
            right: b,
        })
    }
}

/// An array written as a text.
fn list_literal(text: &str) -> Option<Expr> {
    let items = crate::functions::array_items(text)?;
    let items: Vec<ScalarValue> = items.into_iter().map(ScalarValue::Utf8).collect();
    let list = ScalarValue::new_list_nullable(&items, &DataType::Utf8);
    Some(lit(ScalarValue::List(list)))
}

/// What a literal beside a column is read as.
fn of_literal(kind: &DataType) -> DataType {
    match kind {
        // As many digits as it takes to compare with.
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, (*scale).max(10)),
        DataType::Duration(_) => DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        other => other.clone(),
    }
}

/// Ranks are signed here.
fn window(expr: RawWindowExpr) -> PlannerResult<RawWindowExpr> {
    let WindowFunctionDefinition::WindowUDF(udwf) = &expr.func_def else {
        return PlannerResult::Original(expr);
    };
    let kind = match udwf.name() {
        "row_number" | "rank" | "dense_rank" => DataType::Int64,
        "ntile" => DataType::Int32,
        _ => return PlannerResult::Original(expr),
    };
    let RawWindowExpr {
        func_def,
        args,
        partition_by,
        order_by,
        window_frame,
        filter,
        null_treatment,
        distinct,
    } = expr;
    let function = WindowFunction {
        fun: func_def,
        params: WindowFunctionParams {
            args,
            partition_by,
            order_by,
            window_frame,
            filter,
            null_treatment,
            distinct,
        },
    };
    PlannerResult::Planned(cast(Expr::WindowFunction(Box::new(function)), kind))
}
