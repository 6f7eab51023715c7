//! Questions drawn from a grammar, and from words in any order, asked in two worlds: a store beside another, and the same store alone
//! (T1). The answers must be equal: not even a count may tell of the other store. Nothing may be written, every answer comes in
//! time, and a question that panics the engine ends as an error.
//!
//! `SQL_SECONDS=1200` asks for that long, `SQL_SEED=7` begins elsewhere; each question is told when it fails.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tradewind_query::{QueryLimits, ResultFormat};

use crate::shops::{self, Shops};

/// Chance from a seed.
struct Dice(StdRng);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound)
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A table and its columns.
struct Table {
    name: String,
    columns: Vec<String>,
}

const LITERALS: &[&str] = &[
    "1",
    "0",
    "-1",
    "2.5",
    "NULL",
    "true",
    "'harbour'",
    "'x'",
    "''",
    "DATE '2026-11-10'",
    "TIMESTAMP '2026-11-11T10:00:00Z'",
    "INTERVAL '1 day'",
    "9223372036854775807",
    "1e308",
    "'%a%'",
    "[1, 2]",
];
const FUNCTIONS: &[&str] = &[
    "lower",
    "upper",
    "length",
    "abs",
    "round",
    "coalesce",
    "concat",
    "md5",
    "reverse",
    "to_char",
    "date_trunc",
    "trim",
    "nullif",
    "greatest",
    "make_array",
    "regexp_replace",
    "substr",
    "arrow_typeof",
    "date_part",
    "strpos",
];
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "count(DISTINCT",
    "array_agg",
    "bool_or",
    "stddev",
    "median",
    "string_agg",
    "first_value",
    "approx_distinct",
    "bit_xor",
];
const OPERATORS: &[&str] = &[
    "=",
    "<>",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "||",
    "AND",
    "OR",
    "LIKE",
    "IS DISTINCT FROM",
    "~",
];
const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "UNION ALL",
    "EXCEPT",
    "INTERSECT",
    "(",
    ")",
    ",",
    "*",
    ".",
    "silver.events",
    "gold.daily_metrics",
    "live.overview",
    "bronze.quarantine",
    "system.partitions",
    "store_id",
    "type",
    "count(*)",
    "AS",
    "WITH",
    "VALUES",
    "JOIN",
    "ON",
    "USING",
    "LATERAL",
    "UNNEST",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "CAST",
    "NOT",
    "IN",
    "EXISTS",
    "OVER",
    "PARTITION BY",
    "INSERT INTO",
    "DELETE FROM",
    "UPDATE",
    "CREATE TABLE t AS",
    "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/'",
    "COPY",
    "TO '/tmp/x'",
    "DROP TABLE",
    "SET",
    "SHOW",
    "'a'",
    "1",
    ";",
    "--",
    "/*",
    "$1",
    "generate_series(1, 3)",
    "information_schema.columns",
    "'/etc/passwd'",
    "TABLE",
    "\"",
    "''",
];

/// Draws questions about some tables.
struct Asker<'t> {
    dice: Dice,
    tables: &'t [Table],
}

impl Asker<'_> {
    fn table(&mut self) -> usize {
        self.dice.below(self.tables.len())
    }

    fn column(&mut self, tables: &[(usize, String)]) -> String {
        let (table, alias) = &tables[self.dice.below(tables.len())];
        let columns = &self.tables[*table].columns;
        format!("{alias}.\"{}\"", columns[self.dice.below(columns.len())])
    }

    fn expression(&mut self, of: &[(usize, String)], depth: usize) -> String {
        let choice = if depth == 0 {
            self.dice.below(5)
        } else {
            self.dice.below(13)
        };
        match choice {
            0..=2 => self.column(of),
            3 | 4 => self.dice.one(LITERALS).to_owned(),
            5 => {
                let function = self.dice.one(FUNCTIONS);
                let arguments: Vec<String> = (0..=self.dice.below(3))
                    .map(|_| self.expression(of, depth - 1))
                    .collect();
                format!("{function}({})", arguments.join(", "))
            }
            6 | 7 => {
                let operator = self.dice.one(OPERATORS);
                let (left, right) = (
                    self.expression(of, depth - 1),
                    self.expression(of, depth - 1),
                );
                format!("({left} {operator} {right})")
            }
            8 => {
                let (when, then) = (
                    self.condition(of, depth - 1),
                    self.expression(of, depth - 1),
                );
                format!("CASE WHEN {when} THEN {then} END")
            }
            9 => {
                let kind = self.dice.one(&[
                    "VARCHAR",
                    "BIGINT",
                    "DATE",
                    "DOUBLE",
                    "DECIMAL(18, 4)",
                    "TIMESTAMP",
                ]);
                format!("TRY_CAST({} AS {kind})", self.expression(of, depth - 1))
            }
            10 => format!("({})", self.select(depth - 1, true)),
            11 => {
                let (what, by) = (
                    self.dice
                        .one(&["row_number()", "rank()", "count(*)", "sum(1)"]),
                    self.column(of),
                );
                format!(
                    "{what} OVER (PARTITION BY {by} ORDER BY {})",
                    self.column(of)
                )
            }
            _ => self.aggregate(of),
        }
    }

    fn aggregate(&mut self, of: &[(usize, String)]) -> String {
        if self.dice.once_in(3) {
            return "count(*)".to_owned();
        }
        let (aggregate, of) = (self.dice.one(AGGREGATES), self.column(of));
        let open = if aggregate.contains('(') { " " } else { "(" };
        format!("{aggregate}{open}{of})")
    }

    fn condition(&mut self, of: &[(usize, String)], depth: usize) -> String {
        let column = self.column(of);
        match self.dice.below(10) {
            0 => format!("{column} IS NULL"),
            1 => format!(
                "{column} IN ({}, {})",
                self.dice.one(LITERALS),
                self.dice.one(LITERALS)
            ),
            2 => {
                let alias = &of[0].1;
                format!(
                    "{alias}.store_id = 'harbour' OR {column} = {}",
                    self.dice.one(LITERALS)
                )
            }
            3 if depth > 0 => format!("EXISTS ({})", self.select(depth - 1, false)),
            4 if depth > 0 => format!("{column} IN ({})", self.select(depth - 1, true)),
            5 if depth > 0 => format!("NOT ({})", self.condition(of, depth - 1)),
            6 => format!(
                "{column} BETWEEN {} AND {}",
                self.dice.one(LITERALS),
                self.dice.one(LITERALS)
            ),
            _ => format!(
                "{column} {} {}",
                self.dice.one(OPERATORS),
                self.dice.one(LITERALS)
            ),
        }
    }

    fn select(&mut self, depth: usize, one: bool) -> String {
        let first = self.table();
        let mut of = vec![(first, "a".to_owned())];
        let mut from = format!("{} a", self.tables[first].name);
        if self.dice.once_in(3) {
            let second = self.table();
            of.push((second, "b".to_owned()));
            let join = self
                .dice
                .one(&["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"]);
            let on = match self.dice.below(3) {
                0 => "a.store_id = b.store_id".to_owned(),
                1 => "a.store_id <> b.store_id".to_owned(),
                _ => format!("{} = {}", self.column(&of[..1]), self.column(&of[1..])),
            };
            from = format!("{from} {join} {} b ON {on}", self.tables[second].name);
        }
        let count = if one { 1 } else { 1 + self.dice.below(3) };
        let grouped = self.dice.once_in(3);
        let mut items: Vec<String> = Vec::new();
        let mut keys: Vec<String> = Vec::new();
        for i in 0..count {
            if grouped && i > 0 {
                items.push(self.aggregate(&of));
            } else if grouped {
                let key = self.column(&of);
                items.push(key.clone());
                keys.push(key);
            } else {
                items.push(self.expression(&of, depth));
            }
        }
        let distinct = if self.dice.once_in(6) {
            "DISTINCT "
        } else {
            ""
        };
        let mut sql = format!("SELECT {distinct}{} FROM {from}", items.join(", "));
        if self.dice.once_in(2) {
            sql = format!("{sql} WHERE {}", self.condition(&of, depth));
        }
        if grouped {
            sql = format!("{sql} GROUP BY {}", keys.join(", "));
        }
        if self.dice.once_in(4) {
            sql = format!("{sql} ORDER BY 1");
        }
        if one || self.dice.once_in(5) {
            sql = format!("{sql} LIMIT {}", if one { 1 } else { self.dice.below(5) });
        }
        sql
    }

    fn question(&mut self) -> String {
        match self.dice.below(10) {
            0 => (0..2 + self.dice.below(12))
                .map(|_| self.dice.one(WORDS))
                .collect::<Vec<_>>()
                .join(" "),
            1 => {
                let set = self
                    .dice
                    .one(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
                format!("{} {set} {}", self.select(1, true), self.select(1, true))
            }
            2 => format!(
                "WITH c AS ({}) SELECT count(*) FROM c, c d",
                self.select(1, true)
            ),
            _ => self.select(2, false),
        }
    }
}

fn answer(shops: &Shops, sql: &str) -> String {
    let limits = QueryLimits {
        timeout: Duration::from_secs(5),
        max_rows: Some(1_000),
    };
    let began = Instant::now();
    let answer = shops.block_on(shops.engine.run(shops::harbour_scope(), sql, &limits));
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "no answer in time: {sql}"
    );
    let text = match answer {
        Ok(rows) => String::from_utf8(rows.to_bytes(ResultFormat::Csv).unwrap()).unwrap(),
        Err(error) => format!("error: {error}"),
    };
    // Rows come in any order.
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn t1_whatever_is_asked_another_store_changes_no_answer() {
    let beside = Shops::of(&[("harbour", 2), ("meadow", 3)], 1);
    let alone = Shops::of(&[("harbour", 2)], 1);
    let sql = "SELECT table_schema || '.' || table_name || ' ' || column_name FROM information_schema.columns WHERE table_schema IN ('live', 'bronze', 'silver', 'gold') ORDER BY 1";
    let scope = shops::harbour_scope();
    let columns = beside.block_on(beside.engine.run(scope, sql, &QueryLimits::default()));
    let mut tables: Vec<Table> = Vec::new();
    for line in shops::texts(&columns.unwrap()) {
        let (table, column) = line.split_once(' ').unwrap();
        if tables.last().is_none_or(|last| last.name != table) {
            tables.push(Table {
                name: table.to_owned(),
                columns: Vec::new(),
            });
        }
        tables.last_mut().unwrap().columns.push(column.to_owned());
    }
    assert!(tables.len() > 10);
    // A panic of the engine is an error to who asked; its words are of no use here.
    let ends = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() != Some("sql") {
            ends(info);
        }
    }));
    let mut asker = Asker {
        dice: Dice(StdRng::seed_from_u64(
            from_environment("SQL_SEED").unwrap_or(1),
        )),
        tables: &tables,
    };
    let files = (beside.files(), alone.files());
    let until = from_environment("SQL_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    let (mut asked, mut answered) = (0u64, 0u64);
    while until.map_or(asked < 1_000, |until| Instant::now() < until) {
        let sql = asker.question();
        if sql.contains("meadow") {
            continue;
        }
        let answers = [answer(&beside, &sql), answer(&alone, &sql)];
        asked += 1;
        answered += u64::from(!answers[0].starts_with("error"));
        let late = answers
            .iter()
            .any(|text| text.starts_with("error") && text.contains("longer than"));
        // A word soup may ask for names of files or the order of tables.
        let telling = sql.contains("SHOW") || sql.contains("information_schema");
        assert!(
            !answers[0].contains("meadow"),
            "the other store came out of {sql}"
        );
        assert!(
            late || telling || answers[0] == answers[1],
            "{sql}\n{}\n--\n{}",
            answers[0],
            answers[1]
        );
        if asked.is_multiple_of(100) {
            assert_eq!(
                (beside.files(), alone.files()),
                files,
                "something was written by now: {sql}"
            );
        }
    }
    assert_eq!(
        (beside.files(), alone.files()),
        files,
        "something was written"
    );
    println!("sql: {asked} questions, {answered} with an answer, all equal");
    assert!(
        answered * 5 > asked,
        "too few questions make sense: {answered} of {asked}"
    );
}
