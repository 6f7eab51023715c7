//! The commands and their flags.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Real-time analytics for online shops: events in, live dashboards, SQL and an open lakehouse out.
#[derive(Debug, Parser)]
#[command(name = "tradewind", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// The folder that holds everything.
    #[arg(long, global = true, default_value = "./data", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Settings; without it tradewind.toml in the data folder is read where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(ServeArgs),
    /// Run the server with shops and simulated shoppers, and print the address to open.
    Demo(DemoArgs),
    /// Simulate shoppers: send their events to a server, or write them to a file.
    Simulate(SimulateArgs),
    /// Import files of events.
    Import(ImportArgs),
    /// Ask a question in SQL.
    Sql(SqlArgs),
    /// Manage keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Build silver and gold of a store again from bronze; they take their place when they are whole.
    Replay(ReplayArgs),
    /// Recompute from bronze and compare with live views and gold; exit 1 on a difference.
    Verify(VerifyArgs),
    /// Print the settings with their defaults and comments.
    Defaults,
}

#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Where the dashboard and the API listen.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where the Postgres protocol listens; empty switches it off.
    #[arg(long, value_name = "ADDRESS")]
    pub pg_listen: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Mean events per second over all shops.
    #[arg(long, default_value = "30/s", value_parser = rate)]
    pub rate: f64,
    /// Shops.
    #[arg(long, default_value_t = 3)]
    pub stores: u32,
    /// Hours of history made up before now, so that every window has something to show.
    #[arg(long, default_value_t = 26)]
    pub history: u32,
    /// Same seed, same shoppers.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

#[derive(Debug, Clone, Args)]
pub struct SimulateArgs {
    /// The server to send to.
    #[arg(long, env = "TRADEWIND_URL", value_parser = server_url, required_unless_present = "out")]
    pub url: Option<String>,
    /// The write key; one for each simulated shop, separated by commas.
    #[arg(long, env = "TRADEWIND_KEY", value_delimiter = ',')]
    pub key: Vec<String>,
    /// Mean events per second over day and week, such as 300/s, or `max`: nights are quieter, evenings busier.
    #[arg(long, default_value = "300/s", value_parser = rate)]
    pub rate: f64,
    /// Shops to simulate into a file; with --url there are as many as keys.
    #[arg(long, default_value_t = 1)]
    pub stores: u32,
    /// Same seed, same events.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long: a duration such as 60s; without it until stopped.
    #[arg(long, value_parser = humantime::parse_duration)]
    pub duration: Option<std::time::Duration>,
    /// Stop after this many events.
    #[arg(long)]
    pub events: Option<u64>,
    /// Write to a file instead: NDJSON, or REES46 columns when it ends in .csv; .gz and .zst compress.
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// Files: .csv, .json, .jsonl, .ndjson, plain or .gz, .zst, .zip.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The store the events belong to.
    #[arg(long)]
    pub store: Option<String>,
    /// How the lines are read; when left out, .json, .jsonl and .ndjson are native JSON, and --map makes it csv.
    #[arg(long, value_enum)]
    pub format: Option<FormatName>,
    /// The mapping file of --format csv.
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The encoding of files that are neither UTF-8 nor UTF-16, such as windows-1252; a mapping may name it, too.
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Currency of a store that is made by this import (ISO 4217); USD when left out.
    #[arg(long)]
    pub currency: Option<String>,
    /// Time zone of a store that is made by this import (IANA); UTC when left out.
    #[arg(long)]
    pub timezone: Option<String>,
    /// Send to a running server instead of opening the data folder.
    #[arg(long, env = "TRADEWIND_URL", value_parser = server_url, requires = "key")]
    pub url: Option<String>,
    /// The write key for --url.
    #[arg(long, env = "TRADEWIND_KEY")]
    pub key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// REES46 / Kaggle multi-category store.
    Rees46,
    /// Native JSON, one event a line.
    Ndjson,
    /// Any CSV, with --map.
    Csv,
}

#[derive(Debug, Clone, Args)]
pub struct SqlArgs {
    /// The question.
    pub query: String,
    /// Only this store's rows; without it all stores.
    #[arg(long)]
    pub store: Option<String>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t = SqlFormatName::Table)]
    pub format: SqlFormatName,
    /// Ask a running server instead of opening the data folder.
    #[arg(long, env = "TRADEWIND_URL", value_parser = server_url, requires = "key")]
    pub url: Option<String>,
    /// A read key for --url.
    #[arg(long, env = "TRADEWIND_KEY")]
    pub key: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlFormatName {
    Table,
    Csv,
    Json,
}

#[derive(Debug, Clone, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it once; makes the store when it is new.
    Create(KeyCreateArgs),
    /// List a store's keys.
    List {
        #[arg(long)]
        store: String,
    },
    /// Say which pages may send with a write key.
    Origins {
        /// The key's id, as `key list` shows it.
        id: String,
        /// Origins such as https://shop.example; without any, pages of every origin may send.
        origins: Vec<String>,
    },
    /// Take a key back.
    Revoke {
        /// The key's id, as `key list` shows it.
        id: String,
    },
}

#[derive(Debug, Clone, Args)]
pub struct KeyCreateArgs {
    /// The store.
    #[arg(long)]
    pub store: String,
    /// What the key may do.
    #[arg(long, value_enum)]
    pub kind: KeyKindName,
    /// A word to know it by.
    #[arg(long, default_value = "command line")]
    pub label: String,
    /// An origin whose pages may send with a write key, such as https://shop.example; may be given several times. Any, without.
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// Name of a store that is made by this command.
    #[arg(long)]
    pub name: Option<String>,
    /// Currency of a store that is made by this command (ISO 4217); USD when left out.
    #[arg(long)]
    pub currency: Option<String>,
    /// Time zone of a store that is made by this command (IANA); UTC when left out.
    #[arg(long)]
    pub timezone: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKindName {
    Write,
    Read,
}

#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The store.
    #[arg(long)]
    pub store: String,
    /// The first day built again, in the store's time zone: a date, or a moment that lies in it.
    #[arg(long, value_name = "T")]
    pub from: Option<String>,
    /// The last day built again.
    #[arg(long, value_name = "T")]
    pub to: Option<String>,
    /// Goes on although bronze has fewer records than were taken in: silver and gold then hold what bronze has.
    #[arg(long)]
    pub accept_lost_bronze: bool,
}

#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Only this store.
    #[arg(long)]
    pub store: Option<String>,
}

/// Reads `300/s`, `300` or `max` (infinite).
fn rate(text: &str) -> Result<f64, String> {
    if text == "max" {
        return Ok(f64::INFINITY);
    }
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("give a rate such as 300/s, or max".to_owned()),
    }
}

/// A server's address; one without `http://` is meant so.
fn server_url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(text.to_owned())
    } else if text.contains("://") || text.is_empty() {
        Err("write it like http://127.0.0.1:8080".to_owned())
    } else {
        Ok(format!("http://{text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["tradewind", "simulate", "--out", "x.csv", "--rate", "max"]);
        let Command::Simulate(args) = cli.command else {
            panic!("wrong command")
        };
        assert!(args.rate.is_infinite());
        assert!(
            Cli::try_parse_from(["tradewind", "simulate", "--out", "x", "--rate", "-3/s"]).is_err()
        );
    }

    #[test]
    fn a_servers_address_needs_no_scheme() {
        let told = |text| server_url(text).ok();
        assert_eq!(
            told("127.0.0.1:8080/").as_deref(),
            Some("http://127.0.0.1:8080")
        );
        assert_eq!(told("https://a.b").as_deref(), Some("https://a.b"));
        assert_eq!(told("ftp://a.b"), None);
    }
}
