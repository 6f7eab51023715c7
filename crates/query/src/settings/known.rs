//! The settings that a session knows, and what a SET of each does.

/// What setting it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes what is answered, by [`super::Settings`] itself.
    Here,
    /// The connection's way of writing values or of waiting; kept here, used by the Postgres port.
    Port,
    /// It changes nothing that could be noticed here, for the reason given: any value is taken and shown again.
    Harmless(&'static str),
    /// Only these values are what happens here; others are refused. Compared without case.
    Only(&'static [&'static str]),
    /// It says what the server is.
    Fixed,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// As PostgreSQL spells it.
    pub(crate) name: &'static str,
    pub(crate) default: &'static str,
    pub(crate) effect: Effect,
    pub(crate) about: &'static str,
}

const fn known(
    name: &'static str,
    default: &'static str,
    effect: Effect,
    about: &'static str,
) -> Known {
    Known {
        name,
        default,
        effect,
        about,
    }
}

const ONE_SNAPSHOT: &str = "each query reads one snapshot, under every isolation level";
const NO_LOCKS: &str = "nothing is ever locked";
const PLANNER: &str =
    "it guides PostgreSQL's planner; plans here are made otherwise, with the same answers";
const NOTHING_WRITTEN: &str = "SQL writes nothing here";
const OWN_MEMORY: &str = "memory is limited by the server's configuration";
const NO_PROCEDURES: &str = "there are no functions of one's own here";

/// Every setting, in the order of their names.
pub(crate) const SETTINGS: &[Known] = &[
    known(
        "application_name",
        "",
        Effect::Harmless("a name for people"),
        "Sets the application name to be reported in statistics and logs.",
    ),
    known(
        "backslash_quote",
        "safe_encoding",
        Effect::Only(&["safe_encoding", "on", "off"]),
        "Sets whether \"\\'\" is allowed in string literals.",
    ),
    known(
        "block_size",
        "8192",
        Effect::Fixed,
        "Shows the size of a disk block.",
    ),
    known(
        "bytea_output",
        "hex",
        Effect::Port,
        "Sets the output format for bytea.",
    ),
    known(
        "check_function_bodies",
        "on",
        Effect::Harmless(NO_PROCEDURES),
        "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE.",
    ),
    known(
        "client_encoding",
        "UTF8",
        Effect::Only(&["utf8", "utf-8", "unicode"]),
        "Sets the client's character set encoding.",
    ),
    known(
        "client_min_messages",
        "notice",
        Effect::Harmless("no notices are sent"),
        "Sets the message levels that are sent to the client.",
    ),
    known(
        "constraint_exclusion",
        "partition",
        Effect::Harmless(PLANNER),
        "Enables the planner to use constraints to optimize queries.",
    ),
    known(
        "cursor_tuple_fraction",
        "0.1",
        Effect::Harmless(PLANNER),
        "Sets the planner's estimate of the fraction of a cursor's rows that will be retrieved.",
    ),
    known(
        "data_checksums",
        "on",
        Effect::Fixed,
        "Shows whether data checksums are turned on for this cluster.",
    ),
    known(
        "datestyle",
        "ISO, MDY",
        Effect::Here,
        "Sets the display format for date and time values.",
    ),
    known(
        "debug_assertions",
        "off",
        Effect::Fixed,
        "Shows whether the running server has assertion checks enabled.",
    ),
    known(
        "default_table_access_method",
        "heap",
        Effect::Only(&["heap"]),
        "Sets the default table access method for new tables.",
    ),
    known(
        "default_tablespace",
        "",
        Effect::Harmless(NOTHING_WRITTEN),
        "Sets the default tablespace to create tables and indexes in.",
    ),
    known(
        "default_toast_compression",
        "pglz",
        Effect::Harmless(NOTHING_WRITTEN),
        "Sets the default compression method for compressible values.",
    ),
    known(
        "default_transaction_deferrable",
        "off",
        Effect::Harmless(ONE_SNAPSHOT),
        "Sets the default deferrable status of new transactions.",
    ),
    known(
        "default_transaction_isolation",
        "read committed",
        Effect::Harmless(ONE_SNAPSHOT),
        "Sets the transaction isolation level of each new transaction.",
    ),
    known(
        "default_transaction_read_only",
        "on",
        Effect::Harmless("SQL only reads, whatever a transaction says"),
        "Sets the default read-only status of new transactions.",
    ),
    known(
        "effective_cache_size",
        "524288",
        Effect::Harmless(PLANNER),
        "Sets the planner's assumption about the total size of the data caches.",
    ),
    known(
        "enable_bitmapscan",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of bitmap-scan plans.",
    ),
    known(
        "enable_hashagg",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of hashed aggregation plans.",
    ),
    known(
        "enable_hashjoin",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of hash join plans.",
    ),
    known(
        "enable_indexscan",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of index-scan plans.",
    ),
    known(
        "enable_material",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of materialization.",
    ),
    known(
        "enable_mergejoin",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of merge join plans.",
    ),
    known(
        "enable_nestloop",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of nested-loop join plans.",
    ),
    known(
        "enable_seqscan",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of sequential-scan plans.",
    ),
    known(
        "enable_sort",
        "on",
        Effect::Harmless(PLANNER),
        "Enables the planner's use of explicit sort steps.",
    ),
    known(
        "escape_string_warning",
        "on",
        Effect::Harmless("no warnings are sent"),
        "Warn about backslash escapes in ordinary string literals.",
    ),
    known(
        "extra_float_digits",
        "1",
        Effect::Port,
        "Sets the number of digits displayed for floating-point values.",
    ),
    known(
        "from_collapse_limit",
        "8",
        Effect::Harmless(PLANNER),
        "Sets the FROM-list size beyond which subqueries are not collapsed.",
    ),
    known(
        "geqo",
        "on",
        Effect::Harmless(PLANNER),
        "Enables genetic query optimization.",
    ),
    known(
        "gin_fuzzy_search_limit",
        "0",
        Effect::Harmless(PLANNER),
        "Sets the maximum allowed result for exact search by GIN.",
    ),
    known(
        "idle_in_transaction_session_timeout",
        "0",
        Effect::Harmless(NO_LOCKS),
        "Sets the maximum allowed idle time between queries, when in a transaction.",
    ),
    known(
        "idle_session_timeout",
        "0",
        Effect::Harmless("idle connections hold nothing"),
        "Sets the maximum allowed idle time between queries, when not in a transaction.",
    ),
    known(
        "in_hot_standby",
        "off",
        Effect::Fixed,
        "Shows whether hot standby is currently active.",
    ),
    known(
        "integer_datetimes",
        "on",
        Effect::Fixed,
        "Shows whether datetimes are integer based.",
    ),
    known(
        "intervalstyle",
        "postgres",
        Effect::Only(&["postgres"]),
        "Sets the display format for interval values.",
    ),
    known(
        "is_superuser",
        "off",
        Effect::Fixed,
        "Shows whether the current user is a superuser.",
    ),
    known(
        "jit",
        "off",
        Effect::Harmless(PLANNER),
        "Allow JIT compilation.",
    ),
    known(
        "join_collapse_limit",
        "8",
        Effect::Harmless(PLANNER),
        "Sets the FROM-list size beyond which JOIN constructs are not flattened.",
    ),
    known(
        "lc_collate",
        "C",
        Effect::Fixed,
        "Shows the collation order locale.",
    ),
    known(
        "lc_ctype",
        "C.UTF-8",
        Effect::Fixed,
        "Shows the character classification and case conversion locale.",
    ),
    known(
        "lc_messages",
        "C",
        Effect::Only(&["c", "posix", "en_us.utf-8", "en_us.utf8", ""]),
        "Sets the language in which messages are displayed.",
    ),
    known(
        "lc_monetary",
        "C",
        Effect::Only(&["c", "posix"]),
        "Sets the locale for formatting monetary amounts.",
    ),
    known(
        "lc_numeric",
        "C",
        Effect::Only(&["c", "posix"]),
        "Sets the locale for formatting numbers.",
    ),
    known(
        "lc_time",
        "C",
        Effect::Only(&["c", "posix"]),
        "Sets the locale for formatting date and time values.",
    ),
    known(
        "listen_addresses",
        "localhost",
        Effect::Fixed,
        "Sets the host name or IP address(es) to listen to.",
    ),
    known(
        "lock_timeout",
        "0",
        Effect::Harmless(NO_LOCKS),
        "Sets the maximum allowed duration of any wait for a lock.",
    ),
    known(
        "log_min_duration_statement",
        "-1",
        Effect::Harmless("statements are not logged"),
        "Sets the minimum execution time above which all statements will be logged.",
    ),
    known(
        "log_statement",
        "none",
        Effect::Harmless("statements are not logged"),
        "Sets the type of statements logged.",
    ),
    known(
        "maintenance_work_mem",
        "65536",
        Effect::Harmless(OWN_MEMORY),
        "Sets the maximum memory to be used for maintenance operations.",
    ),
    known(
        "max_connections",
        "256",
        Effect::Fixed,
        "Sets the maximum number of concurrent connections.",
    ),
    known(
        "max_function_args",
        "100",
        Effect::Fixed,
        "Shows the maximum number of function arguments.",
    ),
    known(
        "max_identifier_length",
        "63",
        Effect::Fixed,
        "Shows the maximum identifier length.",
    ),
    known(
        "max_index_keys",
        "32",
        Effect::Fixed,
        "Shows the maximum number of index keys.",
    ),
    known(
        "max_parallel_workers",
        "8",
        Effect::Harmless(PLANNER),
        "Sets the maximum number of parallel workers that can be active at one time.",
    ),
    known(
        "max_parallel_workers_per_gather",
        "2",
        Effect::Harmless(PLANNER),
        "Sets the maximum number of parallel processes per executor node.",
    ),
    known(
        "parallel_setup_cost",
        "1000",
        Effect::Harmless(PLANNER),
        "Sets the planner's estimate of the cost of starting up worker processes for parallel query.",
    ),
    known(
        "parallel_tuple_cost",
        "0.1",
        Effect::Harmless(PLANNER),
        "Sets the planner's estimate of the cost of passing each tuple from worker to leader backend.",
    ),
    known(
        "password_encryption",
        "scram-sha-256",
        Effect::Harmless(NOTHING_WRITTEN),
        "Chooses the algorithm for encrypting passwords.",
    ),
    known(
        "plan_cache_mode",
        "auto",
        Effect::Harmless(PLANNER),
        "Controls the planner's selection of custom or generic plan.",
    ),
    known(
        "quote_all_identifiers",
        "off",
        Effect::Only(&["off", "false", "no", "0"]),
        "When generating SQL fragments, quote all identifiers.",
    ),
    known(
        "random_page_cost",
        "4",
        Effect::Harmless(PLANNER),
        "Sets the planner's estimate of the cost of a nonsequentially fetched disk page.",
    ),
    known(
        "role",
        "none",
        Effect::Only(&["none"]),
        "Sets the current role.",
    ),
    known(
        "row_security",
        "on",
        Effect::Harmless("a key sees its own store's rows, whatever is set"),
        "Enable row security.",
    ),
    known(
        "search_path",
        "silver",
        Effect::Here,
        "Sets the schema search order for names that are not schema-qualified.",
    ),
    known(
        "segment_size",
        "131072",
        Effect::Fixed,
        "Shows the number of pages per disk file.",
    ),
    known(
        "seq_page_cost",
        "1",
        Effect::Harmless(PLANNER),
        "Sets the planner's estimate of the cost of a sequentially fetched disk page.",
    ),
    known(
        "server_encoding",
        "UTF8",
        Effect::Fixed,
        "Shows the server (database) character set encoding.",
    ),
    known(
        "server_version",
        super::SERVER_VERSION,
        Effect::Fixed,
        "Shows the server version.",
    ),
    known(
        "server_version_num",
        super::SERVER_VERSION_NUM,
        Effect::Fixed,
        "Shows the server version as an integer.",
    ),
    known(
        "session_authorization",
        "",
        Effect::Fixed,
        "Sets the current session's user name.",
    ),
    known(
        "session_replication_role",
        "origin",
        Effect::Only(&["origin"]),
        "Sets the session's behavior for triggers and rewrite rules.",
    ),
    known(
        "shared_buffers",
        "16384",
        Effect::Fixed,
        "Sets the number of shared memory buffers used by the server.",
    ),
    known("ssl", "off", Effect::Fixed, "Enables SSL connections."),
    known(
        "standard_conforming_strings",
        "on",
        Effect::Only(&["on", "true", "yes", "1"]),
        "Causes '...' strings to treat backslashes literally.",
    ),
    known(
        "statement_timeout",
        "0",
        Effect::Port,
        "Sets the maximum allowed duration of any statement.",
    ),
    known(
        "synchronize_seqscans",
        "on",
        Effect::Harmless("rows without an ORDER BY come in any order"),
        "Enable synchronized sequential scans.",
    ),
    known(
        "synchronous_commit",
        "on",
        Effect::Harmless(NOTHING_WRITTEN),
        "Sets the current transaction's synchronization level.",
    ),
    known(
        "tcp_keepalives_count",
        "0",
        Effect::Harmless("the operating system's own apply"),
        "Maximum number of TCP keepalive retransmits.",
    ),
    known(
        "tcp_keepalives_idle",
        "0",
        Effect::Harmless("the operating system's own apply"),
        "Time between issuing TCP keepalives.",
    ),
    known(
        "tcp_keepalives_interval",
        "0",
        Effect::Harmless("the operating system's own apply"),
        "Time between TCP keepalive retransmits.",
    ),
    known(
        "temp_buffers",
        "1024",
        Effect::Harmless(OWN_MEMORY),
        "Sets the maximum number of temporary buffers used by each session.",
    ),
    known(
        "temp_tablespaces",
        "",
        Effect::Harmless(NOTHING_WRITTEN),
        "Sets the tablespace(s) to use for temporary tables and sort files.",
    ),
    known(
        "timezone",
        "UTC",
        Effect::Here,
        "Sets the time zone for displaying and interpreting time stamps.",
    ),
    known(
        "timezone_abbreviations",
        "Default",
        Effect::Only(&["default"]),
        "Selects a file of time zone abbreviations.",
    ),
    known(
        "transaction_deferrable",
        "off",
        Effect::Harmless(ONE_SNAPSHOT),
        "Whether to defer a read-only serializable transaction.",
    ),
    known(
        "transaction_isolation",
        "read committed",
        Effect::Harmless(ONE_SNAPSHOT),
        "Sets the current transaction's isolation level.",
    ),
    known(
        "transaction_read_only",
        "on",
        Effect::Harmless("SQL only reads, whatever a transaction says"),
        "Sets the current transaction's read-only status.",
    ),
    known(
        "transform_null_equals",
        "off",
        Effect::Only(&["off", "false", "no", "0"]),
        "Treats \"expr=NULL\" as \"expr IS NULL\".",
    ),
    known(
        "wal_block_size",
        "8192",
        Effect::Fixed,
        "Shows the block size in the write ahead log.",
    ),
    known(
        "work_mem",
        "4096",
        Effect::Harmless(OWN_MEMORY),
        "Sets the maximum memory to be used for query workspaces.",
    ),
    known(
        "xmloption",
        "content",
        Effect::Harmless("there is no XML here"),
        "Sets whether XML data is to be considered as documents or content fragments.",
    ),
];

/// The setting of a name, in any case.
pub(crate) fn find(name: &str) -> Option<&'static Known> {
    SETTINGS
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(name))
}

/// The name as PostgreSQL writes it in `SHOW` and in its messages to clients.
pub(crate) fn shown_name(known: &Known) -> &'static str {
    match known.name {
        "datestyle" => "DateStyle",
        "intervalstyle" => "IntervalStyle",
        "timezone" => "TimeZone",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_in_order_and_their_defaults_are_allowed() {
        assert!(SETTINGS.is_sorted_by_key(|known| known.name));
        for known in SETTINGS {
            if let Effect::Only(values) = known.effect {
                let default = known.default.to_lowercase();
                assert!(values.contains(&default.as_str()), "{}", known.name);
            }
        }
    }
}
