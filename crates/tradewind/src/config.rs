//! The one configuration: commented defaults embedded in the binary, then tradewind.toml, then the environment, then flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytesize::ByteSize;
use serde::Deserialize;
use toml::{Table, Value};
use tradewind_model::Micros;
use tradewind_model::validate::distance;

/// The defaults, with comments.
pub const DEFAULTS: &str = include_str!("defaults.toml");
const PREFIX: &str = "TRADEWIND_";
/// What is done again and again leaves time for other work.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "defaults.toml documents each")]
pub struct Config {
    pub serve: Serve,
    pub journal: Journal,
    pub stream: Stream,
    pub lake: Lake,
    pub sql: Sql,
    pub log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    pub listen: String,
    pub pg_listen: String,
    pub max_body: ByteSize,
    pub secure_cookies: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    pub partitions: u16,
    pub reserve: ByteSize,
    pub retention: Span,
    pub retention_size: ByteSize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    pub threads: usize,
    pub checkpoint_interval: Span,
    pub lateness: Span,
    pub dedup_window: Span,
    pub dedup_max_ids: usize,
    pub session_inactivity: Span,
    pub cart_abandoned_after: Span,
    pub accept_lost_state: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lake {
    pub gold_interval: Span,
    pub maintenance_interval: Span,
    pub file_retention: Span,
    pub vacuum_interval: Span,
    pub log_retention: Span,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    pub memory: ByteSize,
    pub timeout: Span,
    pub max_rows: usize,
    pub concurrent: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub level: String,
    pub json: bool,
}

/// A duration written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl Span {
    /// In microseconds.
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        humantime::parse_duration(&text).map(Self).map_err(|e| {
            format!("`{text}` is not a duration such as \"10s\", \"5m\" or \"7d\": {e}")
        })
    }
}

impl Config {
    /// Reads the layers. `file` is --config; without it `tradewind.toml` of the data folder is read where it exists.
    pub fn load(
        data_dir: &Path,
        file: Option<&Path>,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let defaults: Table = DEFAULTS
            .parse()
            .context("the embedded defaults are not valid")?;
        let mut table = defaults.clone();
        let mut origins: Vec<(&str, String)> = Vec::new();
        let path: Option<PathBuf> = match file {
            Some(path) => Some(path.to_owned()),
            None => Some(data_dir.join("tradewind.toml")).filter(|p| p.exists()),
        };
        if let Some(path) = path {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            let own: Table = text
                .parse()
                .with_context(|| format!("`{}` is not valid TOML", path.display()))?;
            merge(&mut table, &own, &path.display().to_string())?;
            origins.push(("", path.display().to_string()));
        }
        for (name, value) in environment {
            if let Some(name) = name.strip_prefix(PREFIX) {
                set_from_environment(&mut table, name, value)?;
                origins.push((name, format!("the environment's {PREFIX}{name}")));
            }
        }
        // The environment comes last, so what it names is where the value comes from.
        let origin = |section: &str, key: &str| {
            let variable = format!("{section}_{key}").to_uppercase();
            let named = origins.iter().rev().find(|(name, _)| *name == variable);
            named
                .or(origins.first())
                .map_or_else(String::new, |(_, origin)| format!("{origin}: "))
        };
        match Value::Table(table.clone()).try_into::<Self>() {
            Ok(config) => {
                if let Some((section, key, wrong)) = config.out_of_range() {
                    bail!("{}`{section}.{key}` {wrong}", origin(section, key));
                }
                Ok(config)
            }
            Err(error) => match culprit(&defaults, &table) {
                Some((section, key, value, usual)) => bail!(
                    "{}`{section}.{key}` is {value}, which is not accepted; write it like its default: {key} = {usual}",
                    origin(&section, &key)
                ),
                None => Err(error).context("a setting has a value that is not accepted"),
            },
        }
    }

    /// The first setting no server could work with.
    fn out_of_range(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let log = tracing_subscriber::EnvFilter::builder().parse(&self.log.level);
        let plain_level = self.log.level.contains(['=', ',']) || {
            let level = self.log.level.to_ascii_lowercase();
            ["error", "warn", "info", "debug", "trace", "off"].contains(&level.as_str())
        };
        [
            (self.serve.max_body.as_u64() < 1_024, "serve", "max_body", "is below 1 KiB: no event would get in"),
            (!(1..=1_024).contains(&self.journal.partitions), "journal", "partitions", "is not between 1 and 1024"),
            (self.stream.threads > 1_024, "stream", "threads", "is above 1024"),
            (self.stream.checkpoint_interval.0 < LEAST_PAUSE, "stream", "checkpoint_interval", "is below 10 milliseconds"),
            (self.stream.dedup_max_ids < 1_000, "stream", "dedup_max_ids", "is below 1000: what is sent again would count again"),
            (self.stream.dedup_window.0 < Duration::from_secs(1), "stream", "dedup_window", "is below a second: what is sent again would count again"),
            (self.stream.session_inactivity.0.is_zero(), "stream", "session_inactivity", "is zero"),
            (self.stream.cart_abandoned_after.0.is_zero(), "stream", "cart_abandoned_after", "is zero: every cart would be abandoned at once"),
            (self.lake.gold_interval.0 < LEAST_PAUSE, "lake", "gold_interval", "is below 10 milliseconds"),
            (self.lake.maintenance_interval.0 < LEAST_PAUSE, "lake", "maintenance_interval", "is below 10 milliseconds"),
            (self.sql.memory.as_u64() < 16 << 20, "sql", "memory", "is below 16 MiB"),
            (self.sql.timeout.0 < Duration::from_millis(100), "sql", "timeout", "is below 100 milliseconds: no question could be answered"),
            (self.lake.file_retention.0 < self.sql.timeout.0, "lake", "file_retention", "is shorter than `sql.timeout`: files would be deleted under questions that read them"),
            (self.sql.max_rows == 0, "sql", "max_rows", "is zero"),
            (self.sql.concurrent == 0, "sql", "concurrent", "is zero: no question could be asked"),
            (log.is_err() || !plain_level, "log", "level", "is none of error, warn, info, debug, trace, nor a filter such as \"info,tradewind_lake=debug\""),
        ]
        .into_iter()
        .find(|(wrong, ..)| *wrong)
        .map(|(_, section, key, words)| (section, key, words))
    }

    /// The environment's variables of Tradewind.
    pub fn environment() -> Vec<(String, String)> {
        std::env::vars()
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect()
    }

    pub fn operators(&self) -> tradewind_stream::OperatorConfig {
        let defaults = tradewind_stream::OperatorConfig::default();
        let mut config = tradewind_stream::OperatorConfig {
            lateness: self.stream.lateness.micros(),
            cart_quiet: self.stream.cart_abandoned_after.micros(),
            ..defaults
        };
        config.dedup.span = self.stream.dedup_window.micros();
        config.dedup.max_ids = self.stream.dedup_max_ids;
        config.sessions.inactivity = self.stream.session_inactivity.micros();
        config.panes.minutes = config.panes.minutes.max(config.lateness.min(Micros::DAY));
        config
    }
}

/// The changed setting that cannot be read, with its value and its default's.
fn culprit(defaults: &Table, table: &Table) -> Option<(String, String, Value, Value)> {
    for (section, keys) in table {
        for (key, value) in keys.as_table()? {
            let mut alone = defaults.clone();
            let usual = alone
                .get_mut(section)
                .and_then(Value::as_table_mut)?
                .insert(key.clone(), value.clone())?;
            if Value::Table(alone).try_into::<Config>().is_err() {
                return Some((section.clone(), key.clone(), value.clone(), usual));
            }
        }
    }
    None
}

fn merge(defaults: &mut Table, own: &Table, origin: &str) -> Result<()> {
    for (section, value) in own {
        let Some(Value::Table(known)) = defaults.get_mut(section) else {
            bail!(
                "{origin}: unknown section `[{section}]`{}",
                nearest(section, defaults.keys())
            );
        };
        let Value::Table(value) = value else {
            bail!("{origin}: `{section}` is a section: write it as `[{section}]`");
        };
        for (key, value) in value {
            if !known.contains_key(key) {
                bail!(
                    "{origin}: unknown key `{section}.{key}`{}",
                    nearest(key, known.keys())
                );
            }
            known.insert(key.clone(), value.clone());
        }
    }
    Ok(())
}

/// Names in the environment that are not settings: other programs' and flags'.
const NOT_SETTINGS: [&str; 4] = ["URL", "KEY", "BIN", "STALE_STORE"];

fn set_from_environment(table: &mut Table, name: &str, value: &str) -> Result<()> {
    if NOT_SETTINGS.contains(&name) {
        return Ok(());
    }
    let lower = name.to_lowercase();
    let known: Vec<String> = table
        .iter()
        .filter_map(|(section, keys)| Some((section, keys.as_table()?)))
        .flat_map(|(section, keys)| keys.keys().map(move |key| format!("{section}_{key}")))
        .collect();
    for (section, keys) in table.iter_mut() {
        let Some(keys) = keys.as_table_mut() else {
            continue;
        };
        let Some(key) = lower.strip_prefix(&format!("{section}_")) else {
            continue;
        };
        let Some(old) = keys.get(key) else { continue };
        let new = match old {
            Value::Integer(_) => Value::Integer(
                value
                    .parse()
                    .with_context(|| format!("{PREFIX}{name} is not a whole number"))?,
            ),
            Value::Boolean(_) => Value::Boolean(
                value
                    .parse()
                    .with_context(|| format!("{PREFIX}{name} is not true or false"))?,
            ),
            _ => Value::String(value.to_owned()),
        };
        keys.insert(key.to_owned(), new);
        return Ok(());
    }
    let hint = known
        .iter()
        .min_by_key(|k| distance(k, &lower))
        .map_or_else(String::new, |k| {
            format!("; did you mean {PREFIX}{}?", k.to_uppercase())
        });
    bail!("the environment sets {PREFIX}{name}, which is no setting{hint}")
}

fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k String>) -> String {
    known
        .min_by_key(|k| distance(k, word))
        .map_or_else(String::new, |k| format!("; did you mean `{k}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tradewind.toml"), text).unwrap();
        let environment: Vec<(String, String)> = environment
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Config::load(folder.path(), None, &environment)
    }

    #[test]
    fn layers_override_each_other() {
        let config = load(
            "[journal]\npartitions = 4\n",
            &[("TRADEWIND_STREAM_LATENESS", "2h")],
        )
        .unwrap();
        assert_eq!(config.journal.partitions, 4);
        assert_eq!(config.stream.lateness.0, Duration::from_secs(7200));
        assert_eq!(config.serve.max_body, ByteSize::mib(10));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_nearest() {
        let told = |text: &str, env: &[(&str, &str)]| format!("{:#}", load(text, env).unwrap_err());
        assert!(told("[journal]\npartitons = 4\n", &[]).contains("did you mean `partitions`?"));
        assert!(told("[jurnal]\n", &[]).contains("did you mean `journal`?"));
        assert!(
            told("", &[("TRADEWIND_STREAM_LATNESS", "1h")]).contains("TRADEWIND_STREAM_LATENESS")
        );
        let late = told("[stream]\nlateness = \"soon\"\n", &[]);
        assert!(
            late.contains("tradewind.toml: `stream.lateness` is \"soon\"")
                && late.contains("lateness = \"1h\""),
            "{late}"
        );
        let many = told("", &[("TRADEWIND_SQL_MEMORY", "many")]);
        assert!(
            many.contains("TRADEWIND_SQL_MEMORY: `sql.memory`"),
            "{many}"
        );
        for (text, name) in [
            ("[sql]\ntimeout = \"0s\"\n", "sql.timeout"),
            ("[serve]\nmax_body = \"0 B\"\n", "serve.max_body"),
            ("[log]\nlevel = \"loud\"\n", "log.level"),
            ("[journal]\npartitions = 0\n", "journal.partitions"),
            ("[stream]\ndedup_window = \"0s\"\n", "stream.dedup_window"),
            (
                "[stream]\ncart_abandoned_after = \"0s\"\n",
                "stream.cart_abandoned_after",
            ),
            ("[lake]\ngold_interval = \"0s\"\n", "lake.gold_interval"),
            (
                "[lake]\nmaintenance_interval = \"0s\"\n",
                "lake.maintenance_interval",
            ),
        ] {
            assert!(told(text, &[]).contains(name), "{text}");
        }
    }
}
