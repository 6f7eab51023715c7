//! Expressions of PostgreSQL in DataFusion's words.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CharacterLength, DataType, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    Query, Select, Statement, TableFactor, TypedString, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::{functions, refused, relations};
use crate::error::QueryError;

/// Turns a statement into DataFusion's words.
///
/// # Errors
/// [`QueryError`] of what there is no counterpart for.
pub(crate) fn translate(statement: &mut Statement) -> Result<(), QueryError> {
    match statement.visit(&mut Translator) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Translator;

type Flow = ControlFlow<Box<QueryError>>;

fn flow(result: Result<(), QueryError>) -> Flow {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Translator {
    type Break = Box<QueryError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        flow(relations::query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        flow(functions::select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        flow(relations::factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        flow(functions::before(expr))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        flow(expression(expr))
    }
}

/// A call of a function by its bare name.
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args
                .into_iter()
                .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)))
                .collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

pub(super) fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

pub(super) fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// The text of a literal.
pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::UnicodeStringLiteral(text) => Some(text),
            Value::DollarQuotedString(text) => Some(&text.value),
            _ => None,
        },
        Expr::Nested(inner) => literal(inner),
        _ => None,
    }
}

/// Takes an expression out, leaving NULL in its place.
pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, null())
}

/// The last part of a name and whether what stands before it is `pg_catalog`, or nothing.
pub(super) fn builtin_name(name: &ObjectName) -> Option<String> {
    let parts: Vec<&Ident> = name
        .0
        .iter()
        .map(ObjectNamePart::as_ident)
        .collect::<Option<_>>()?;
    let lower = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    match parts.as_slice() {
        [name] => Some(lower(name)),
        [schema, name]
            if ["pg_catalog", "information_schema"].contains(&lower(schema).as_str()) =>
        {
            Some(lower(name))
        }
        _ => None,
    }
}

fn expression(expr: &mut Expr) -> Result<(), QueryError> {
    match expr {
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr: inner,
            data_type,
            ..
        } => {
            if let Some(translated) = cast(inner, data_type)? {
                *expr = translated;
            }
        }
        Expr::TypedString(TypedString {
            data_type, value, ..
        }) => {
            let mut inner = Box::new(Expr::Value(value.clone()));
            if let Some(translated) = cast(&mut inner, data_type)? {
                *expr = translated;
            }
        }
        Expr::AtTimeZone {
            timestamp,
            time_zone,
        } => *expr = call("timezone", vec![take(time_zone), take(timestamp)]),
        Expr::Collate {
            expr: inner,
            collation,
        } => {
            let name = collation
                .0
                .last()
                .map(ToString::to_string)
                .unwrap_or_default();
            let name = name.trim_matches('"').to_lowercase();
            if !["default", "c", "posix", "ucs_basic"].contains(&name.as_str()) {
                return Err(refused(format!(
                    "texts are compared byte by byte here; there is no collation {collation}"
                )));
            }
            *expr = take(inner);
        }
        Expr::Like {
            pattern,
            escape_char: escape @ Some(_),
            ..
        }
        | Expr::ILike {
            pattern,
            escape_char: escape @ Some(_),
            ..
        } => {
            let escape = escape.take().and_then(|value| value.value.into_string());
            **pattern = like_pattern(take(pattern), escape.as_deref().unwrap_or_default())?;
        }
        Expr::SimilarTo {
            negated,
            expr: inner,
            pattern,
            escape_char,
        } => {
            let mut args = vec![take(pattern)];
            if let Some(escape) = escape_char
                .take()
                .and_then(|value| value.value.into_string())
            {
                args.push(text(&escape));
            }
            let op = if *negated {
                BinaryOperator::PGRegexNotMatch
            } else {
                BinaryOperator::PGRegexMatch
            };
            *expr = Expr::Nested(Box::new(Expr::BinaryOp {
                left: Box::new(take(inner)),
                op,
                right: Box::new(call("similar_to_escape", args)),
            }));
        }
        Expr::Subquery(query) => super::subqueries::scalar(query),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Overlaps,
            right,
        } => {
            let (Expr::Tuple(first), Expr::Tuple(second)) = (left.as_mut(), right.as_mut()) else {
                return Err(refused("OVERLAPS stands between two pairs of times"));
            };
            let mut args = std::mem::take(first);
            args.append(second);
            *expr = call("overlaps", args);
        }
        Expr::BinaryOp { op, .. } => operator(op)?,
        Expr::UnaryOp { op, expr: inner } => {
            let function = match op {
                UnaryOperator::PGSquareRoot => "sqrt",
                UnaryOperator::PGCubeRoot => "cbrt",
                UnaryOperator::PGAbs => "abs",
                UnaryOperator::BitwiseNot => "bitwise_not",
                UnaryOperator::Minus => {
                    if let Expr::Interval(interval) = inner.as_mut() {
                        negate(interval);
                        *expr = take(inner);
                    }
                    return Ok(());
                }
                _ => return Ok(()),
            };
            *expr = call(function, vec![take(inner)]);
        }
        Expr::Interval(interval) => span(interval)?,
        Expr::AnyOp {
            compare_op, right, ..
        }
        | Expr::AllOp {
            compare_op, right, ..
        } => {
            operator(compare_op)?;
            if let Some(array) = literal(right) {
                **right = array_literal(array)?;
            }
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            // (composite).field, which only `_pg_expandarray` gives here.
            if let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice() {
                let field = text(&field.value.to_lowercase());
                *expr = call("get_field", vec![take(root), field]);
            }
        }
        Expr::Function(function) => {
            if let Some(translated) = functions::function(function)? {
                *expr = translated;
            }
        }
        _ => {}
    }
    Ok(())
}

/// An interval's text in the one form that DataFusion reads as PostgreSQL would.
fn span(interval: &mut datafusion::sql::sqlparser::ast::Interval) -> Result<(), QueryError> {
    let Some(text) = literal(&interval.value) else {
        return Err(refused(
            "an interval is written as a text; use make_interval or multiply one",
        ));
    };
    if interval.last_field.is_some()
        && interval
            .leading_field
            .as_ref()
            .is_some_and(|f| f.to_string() == "MINUTE")
    {
        return Err(refused(
            "INTERVAL … MINUTE TO SECOND is not offered; write '00:01:30'",
        ));
    }
    let unit = match (&interval.leading_field, &interval.last_field) {
        (Some(field), None) if text.trim().parse::<f64>().is_ok() => format!(" {field}"),
        _ => String::new(),
    };
    let read = crate::functions::read_interval(&format!("{text}{unit}")).map_err(|_| {
        refused(format!(
            "invalid input syntax for type interval: \"{text}\""
        ))
    })?;
    let canonical = format!(
        "{} months {} days {} microseconds",
        read.months, read.days, read.micros
    );
    *interval.value = super::translate::text(&canonical);
    interval.leading_field = None;
    interval.last_field = None;
    Ok(())
}

/// Turns the sign of an interval that [`span`] wrote.
fn negate(interval: &mut datafusion::sql::sqlparser::ast::Interval) {
    let read = literal(&interval.value).and_then(|text| crate::functions::read_interval(text).ok());
    if let Some(read) = read {
        let canonical = format!(
            "{} months {} days {} microseconds",
            -read.months, -read.days, -read.micros
        );
        *interval.value = text(&canonical);
    }
}

/// Operators written as `OPERATOR(pg_catalog.~)`.
fn operator(op: &mut BinaryOperator) -> Result<(), QueryError> {
    let BinaryOperator::PGCustomBinaryOperator(parts) = op else {
        return Ok(());
    };
    let name = parts.last().map(String::as_str).unwrap_or_default();
    *op = match name {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "%" => BinaryOperator::Modulo,
        "||" => BinaryOperator::StringConcat,
        other => return Err(refused(format!("there is no operator {other} here"))),
    };
    Ok(())
}

/// A LIKE pattern with another escape character than the backslash.
fn like_pattern(pattern: Expr, escape: &str) -> Result<Expr, QueryError> {
    if escape == "\\" {
        return Ok(pattern);
    }
    let mut characters = escape.chars();
    let (escape, rest) = (characters.next(), characters.next());
    if rest.is_some() {
        return Err(refused(
            "invalid escape string: it must be empty or one character",
        ));
    }
    let Some(known) = literal(&pattern) else {
        let escape = escape.map(String::from).unwrap_or_default();
        return Ok(call("like_escape", vec![pattern, text(&escape)]));
    };
    let mut translated = String::new();
    let mut rest = known.chars();
    while let Some(c) = rest.next() {
        if Some(c) == escape {
            let Some(next) = rest.next() else {
                return Err(refused("LIKE pattern must not end with escape character"));
            };
            translated.push('\\');
            translated.push(next);
        } else {
            if c == '\\' {
                translated.push('\\');
            }
            translated.push(c);
        }
    }
    Ok(text(&translated))
}

/// An array written as `'{a,b}'`, as a list of texts whose types follow from what it is compared with.
pub(super) fn array_literal(array: &str) -> Result<Expr, QueryError> {
    let items = crate::functions::array_items(array)
        .ok_or_else(|| refused(format!("malformed array literal: \"{array}\"")))?;
    let items = items
        .into_iter()
        .map(|item| item.map_or_else(null, |item| text(&item)));
    Ok(Expr::Array(datafusion::sql::sqlparser::ast::Array {
        elem: items.collect(),
        named: true,
    }))
}

/// A cast whose type is none of DataFusion's, or whose meaning differs by syntax alone.
fn cast(inner: &mut Box<Expr>, data_type: &DataType) -> Result<Option<Expr>, QueryError> {
    let name = match data_type {
        // The name an oid stands for.
        DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None)
            if is_oid(inner) =>
        {
            return Ok(Some(call("oid_name", vec![take(inner)])));
        }
        DataType::Varchar(Some(length)) | DataType::CharacterVarying(Some(length)) => {
            let length = number_of(length);
            let whole = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(take(inner)),
                data_type: DataType::Text,
                array: false,
                format: None,
            };
            return Ok(Some(call("left", vec![whole, length])));
        }
        DataType::Char(Some(_)) | DataType::Character(Some(_)) => {
            return Err(refused(
                "the type character(n), which fills up with blanks, is not offered; use text",
            ));
        }
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, args) if args.is_empty() => match builtin_name(name) {
            Some(name) => name,
            None => return Ok(None),
        },
        DataType::Array(_) if literal(inner).is_some() => {
            let array = array_literal(literal(inner).unwrap_or_default())?;
            **inner = array;
            return Ok(None);
        }
        // Digits after the point as the value has them; a placeholder's are not known before.
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info)
            if *info == datafusion::sql::sqlparser::ast::ExactNumberInfo::None
                && !is_placeholder(inner) =>
        {
            "numeric".to_owned()
        }
        DataType::Time(_, zone) if zone.to_string().to_uppercase().contains("WITH TIME ZONE") => {
            return Err(refused(
                "the type `time with time zone` is not offered; use `time` or `timestamp with time zone`",
            ));
        }
        _ => return Ok(None),
    };
    let function = match name.as_str() {
        "regclass" | "regtype" | "regproc" | "regprocedure" | "regnamespace" | "regrole"
        | "oid" | "regcollation" | "regoper" | "regoperator" | "regconfig" | "regdictionary" => {
            format!("to_{name}_oid")
        }
        "numeric" => "to_numeric".to_owned(),
        "timetz" => {
            return Err(refused(
                "the type `time with time zone` is not offered; use `time` or `timestamp with time zone`",
            ));
        }
        _ => return Ok(None),
    };
    Ok(Some(call(&function, vec![take(inner)])))
}

fn number_of(length: &CharacterLength) -> Expr {
    let number = match length {
        CharacterLength::IntegerLength { length, .. } => length.to_string(),
        CharacterLength::Max => i32::MAX.to_string(),
    };
    Expr::Value(Value::Number(number, false).into())
}

/// Whether it was cast to one of the types of oids.
fn is_oid(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            let name = function.name.to_string();
            name.starts_with("to_reg")
        }
        Expr::Nested(inner) => is_oid(inner),
        _ => false,
    }
}

fn is_placeholder(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
        Expr::Nested(inner) => is_placeholder(inner),
        _ => false,
    }
}
