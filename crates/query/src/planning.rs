//! What PostgreSQL's types, operators and casts are in DataFusion's plans.

mod casts;
mod operators;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub(crate) use casts::Casts;
pub(crate) use operators::Operators;
pub(crate) use types::Types;

macro_rules! functions {
    ($($name:ident),* $(,)?) => {
        /// The functions that operators and casts are made of.
        #[derive(Debug)]
        pub(crate) struct Functions {
            $(pub(crate) $name: Arc<ScalarUDF>,)*
        }

        impl Functions {
            /// Picks them from a session's functions; `None` when one is missing, which a test rules out.
            pub(crate) fn new(all: &[Arc<ScalarUDF>]) -> Option<Self> {
                let by_name: HashMap<&str, &Arc<ScalarUDF>> =
                    all.iter().map(|udf| (udf.name(), udf)).collect();
                Some(Self {
                    $($name: Arc::clone(by_name.get(stringify!($name))?),)*
                })
            }
        }
    };
}

functions!(
    array_overlaps,
    extract,
    float_over,
    integer_minus,
    integer_plus,
    integer_times,
    interval_minus,
    interval_over,
    interval_plus,
    interval_span,
    interval_times,
    numeric_over,
    oid_name,
    pattern,
    power,
    real_text,
    round_away,
    round_even,
    starts_with,
    substring,
    timestamp_minus,
    timestamp_plus,
    to_bytes,
    to_day,
    to_interval,
    to_moment,
    to_stamp,
    to_text,
    to_time_of_day,
    trim_value,
);
