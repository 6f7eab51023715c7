//! What people see in the terminal: logs, progress bars, the living line of the demo.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Standard error for logs. A full disk under it, or a reader that went away, costs the words only: the library that formats
/// them panics when it can tell nobody, in whatever thread had something to say.
struct LogWriter;

impl std::io::Write for LogWriter {
    fn write(&mut self, words: &[u8]) -> std::io::Result<usize> {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), words);
        Ok(words.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = std::io::Write::flush(&mut std::io::stderr());
        Ok(())
    }
}

/// Says something on standard output; the program goes on whether anybody hears it or not, as with `| head`.
macro_rules! say {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stdout(), $($what)*);
    }};
}

/// [`say!`] with a line's end.
macro_rules! say_line {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($what)*);
    }};
}

/// [`say_line!`] beside the answer, on standard error.
macro_rules! remark {
    ($($what:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($what)*);
    }};
}

pub(crate) use {remark, say, say_line};

/// Writes what a command was asked for. Who reads only its beginning, as `head` does, is no failure; a full disk is.
pub fn answer(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write the answer to standard output"),
    }
}

/// Structured logs to standard error. Commands that end log warnings only, unless RUST_LOG or the settings say otherwise.
pub fn start_logging(log: &Log, serves: bool) -> Result<()> {
    let level = if serves || log.level != "info" {
        log.level.as_str()
    } else {
        "warn"
    };
    let filter = match std::env::var("RUST_LOG") {
        Ok(own) => EnvFilter::try_new(own).context("RUST_LOG is not a log filter")?,
        // Libraries below speak of their own work at info; ours is what operators of the server want to read. The kernel of Delta
        // logs each error it also returns, with a stack trace.
        Err(_) => EnvFilter::try_new(format!("{level},delta_kernel=off,buoyant_kernel=off,deltalake_core=warn,datafusion=warn,fjall=warn,lsm_tree=warn"))
            .with_context(|| format!("log.level `{level}` is not a log filter"))?,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| LogWriter);
    if log.json {
        builder.json().flatten_event(true).init();
    } else {
        builder
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .init();
    }
    Ok(())
}

/// A progress bar over bytes on a terminal, nothing elsewhere.
pub fn bytes_bar(message: String) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(0)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template(
        "{msg} {bar:32} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
    ) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_message(message);
    bar
}

/// A line with a turning wheel on a terminal, the bare message elsewhere.
pub fn spinner(message: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(message);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// 12345678 → `12,345,678`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_grouped() {
        assert_eq!(super::grouped(0), "0");
        assert_eq!(super::grouped(999), "999");
        assert_eq!(super::grouped(12_345_678), "12,345,678");
    }
}
