//! SET, SHOW and RESET as statements.

use datafusion::sql::sqlparser::ast::{Expr, Ident, Set, TransactionMode, UnaryOperator, Value};

use super::{Changed, SETTINGS, Settings, Zone, shown_name, wrong};
use crate::error::QueryError;

impl Settings {
    /// Does what a SET says.
    ///
    /// # Errors
    /// [`QueryError`] when it would have no effect here.
    pub(crate) fn apply(&self, set: &Set) -> Result<Vec<Changed>, QueryError> {
        match set {
            Set::SingleAssignment {
                hivevar: false,
                variable,
                values,
                ..
            } => {
                let name = name_of(&variable.to_string());
                if let [one] = values.as_slice()
                    && is_default(one)
                {
                    return Ok(vec![self.reset(&name)?]);
                }
                let texts: Vec<String> = values.iter().map(text_of).collect::<Result<_, _>>()?;
                Ok(vec![self.set(&name, &texts)?])
            }
            Set::SetTimeZone { value, .. } => Ok(vec![self.apply_zone(value)?]),
            Set::SetNames { charset_name, .. } => {
                Ok(vec![self.set(
                    "client_encoding",
                    std::slice::from_ref(&charset_name.value),
                )?])
            }
            Set::SetNamesDefault {} => Ok(vec![self.reset("client_encoding")?]),
            Set::SetTransaction {
                modes,
                snapshot: None,
                session,
            } => modes
                .iter()
                .map(|mode| self.apply_mode(mode, *session))
                .collect(),
            Set::SetRole {
                role_name: None, ..
            } => Ok(Vec::new()),
            other => Err(wrong(
                format!("`{other}` has no effect here, so it is refused"),
                None,
            )),
        }
    }

    fn apply_zone(&self, value: &Expr) -> Result<Changed, QueryError> {
        if is_default(value) || text_of(value).is_ok_and(|text| text.eq_ignore_ascii_case("local"))
        {
            return self.reset("timezone");
        }
        if let Expr::Interval(interval) = value {
            let text = text_of(&interval.value)?;
            let zone = text
                .strip_prefix('-')
                .map(|rest| (-1, rest))
                .or(Some((1, text.trim_start_matches('+'))))
                .and_then(|(sign, rest)| {
                    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
                    let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
                    Zone::minutes(sign * minutes)
                });
            return zone.map(|zone| self.set_zone(zone)).ok_or_else(|| {
                wrong(
                    format!("invalid interval value for time zone: `{text}`"),
                    None,
                )
            });
        }
        self.set("timezone", &[text_of(value)?])
    }

    fn apply_mode(&self, mode: &TransactionMode, session: bool) -> Result<Changed, QueryError> {
        let prefix = if session { "default_" } else { "" };
        match mode {
            TransactionMode::AccessMode(access) => {
                let only = access.to_string().eq_ignore_ascii_case("read only");
                let value = if only { "on" } else { "off" };
                self.set(
                    &format!("{prefix}transaction_read_only"),
                    &[value.to_owned()],
                )
            }
            TransactionMode::IsolationLevel(level) => {
                let level = level.to_string().to_lowercase();
                self.set(&format!("{prefix}transaction_isolation"), &[level])
            }
        }
    }

    /// What SHOW gives: one setting, or every one with `SHOW ALL` (name, value, what it is).
    ///
    /// # Errors
    /// [`QueryError`] when there is no such setting.
    pub(crate) fn show_words(&self, words: &[Ident]) -> Result<Shown, QueryError> {
        let words: Vec<String> = words.iter().map(|word| word.value.to_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let name = match words.as_slice() {
            ["all"] => {
                let all = SETTINGS.iter().map(|known| {
                    [
                        shown_name(known).to_owned(),
                        self.value(known),
                        known.about.to_owned(),
                    ]
                });
                return Ok(Shown::All(all.collect()));
            }
            ["time", "zone"] => "timezone".to_owned(),
            ["transaction", "isolation", "level"] => "transaction_isolation".to_owned(),
            ["session", "authorization"] => "session_authorization".to_owned(),
            ["names"] => "client_encoding".to_owned(),
            other => other.join("."),
        };
        self.show(&name).map(Shown::One)
    }
}

/// What SHOW gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    One(Changed),
    All(Vec<[String; 3]>),
}

fn name_of(variable: &str) -> String {
    match variable.to_lowercase().as_str() {
        "time zone" | "datafusion.execution.time_zone" => "timezone".to_owned(),
        name => name.trim_matches('"').to_owned(),
    }
}

fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

/// The text of a value in a SET: a string, a word or a number.
fn text_of(value: &Expr) -> Result<String, QueryError> {
    match value {
        Expr::Identifier(ident) if ident.quote_style.is_some() => Ok(ident.value.clone()),
        Expr::Identifier(ident) => Ok(ident.value.to_lowercase()),
        Expr::CompoundIdentifier(_) => Ok(value.to_string()),
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => Ok(number.clone()),
            Value::Boolean(flag) => Ok(if *flag { "on" } else { "off" }.to_owned()),
            other => other
                .clone()
                .into_string()
                .ok_or_else(|| wrong(format!("`{other}` is no value for a setting"), None)),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => Ok(format!("-{}", text_of(expr)?)),
        Expr::UnaryOp {
            op: UnaryOperator::Plus,
            expr,
        } => text_of(expr),
        other => Err(wrong(format!("`{other}` is no value for a setting"), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::sql::sqlparser::ast::Statement;
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    fn apply(settings: &Settings, sql: &str) -> Result<Vec<(String, String)>, String> {
        let statements =
            Parser::parse_sql(&PostgreSqlDialect {}, sql).map_err(|e| e.to_string())?;
        let Some(Statement::Set(set)) = statements.first() else {
            panic!("{sql}: {statements:?}");
        };
        let changed = settings.apply(set).map_err(|e| e.to_string())?;
        Ok(changed
            .into_iter()
            .map(|c| (c.name.to_owned(), c.value))
            .collect())
    }

    #[test]
    fn every_way_to_write_a_set_is_understood() {
        let settings = Settings::default();
        for (sql, name, value) in [
            (
                "SET search_path TO gold, silver",
                "search_path",
                "gold, silver",
            ),
            ("SET search_path = \"gold\"", "search_path", "gold"),
            ("SET SESSION search_path TO 'live'", "search_path", "live"),
            ("SET TIME ZONE 'Europe/Berlin'", "TimeZone", "Europe/Berlin"),
            ("SET TIME ZONE -3", "TimeZone", "<-03>+03"),
            (
                "SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE",
                "TimeZone",
                "<+02>-02",
            ),
            ("SET TIME ZONE LOCAL", "TimeZone", "UTC"),
            ("SET timezone TO 'Asia/Tokyo'", "TimeZone", "Asia/Tokyo"),
            ("SET SESSION TIMEZONE TO 'UTC'", "TimeZone", "UTC"),
            ("SET timezone TO DEFAULT", "TimeZone", "UTC"),
            ("SET NAMES 'UTF8'", "client_encoding", "UTF8"),
            ("SET extra_float_digits = 3", "extra_float_digits", "3"),
            ("SET application_name = 'psql'", "application_name", "psql"),
            ("SET datestyle = ISO", "DateStyle", "ISO, MDY"),
            ("SET statement_timeout = '2s'", "statement_timeout", "2s"),
            (
                "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
                "default_transaction_isolation",
                "read uncommitted",
            ),
            ("SET TRANSACTION READ ONLY", "transaction_read_only", "on"),
        ] {
            let changed = apply(&settings, sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            assert_eq!(changed, [(name.to_owned(), value.to_owned())], "{sql}");
        }
        for sql in ["SET ROLE admin", "SET datestyle = German", "SET x.y = 1"] {
            assert!(apply(&settings, sql).is_err(), "{sql}");
        }
    }
}
