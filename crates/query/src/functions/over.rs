//! DataFusion's aggregates with PostgreSQL's types: sums of bigints and averages of exact numbers are exact.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::{average, min_max, sum};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, Volatility,
};

/// The aggregates of this file.
pub(crate) fn aggregates() -> impl Iterator<Item = Arc<AggregateUDF>> {
    let all = [
        (sum::sum_udaf(), summed as fn(&DataType) -> Option<DataType>),
        (average::avg_udaf(), averaged),
        (min_max::min_udaf(), compared),
        (min_max::max_udaf(), compared),
    ];
    all.into_iter().map(|(inner, takes)| {
        Arc::new(AggregateUDF::new_from_impl(Over {
            inner,
            takes,
            signature: Signature::user_defined(Volatility::Immutable),
        }))
    })
}

fn is_interval(kind: &DataType) -> bool {
    matches!(kind, DataType::Interval(_) | DataType::Duration(_))
}

/// Integers are added as decimals, whose sum does not wrap.
fn summed(kind: &DataType) -> Option<DataType> {
    match kind {
        kind if kind.is_integer() => Some(DataType::Decimal128(19, 0)),
        kind if kind.is_numeric() || kind.is_null() => None,
        _ => Some(DataType::Null),
    }
}

/// The average of exact numbers has sixteen places.
fn averaged(kind: &DataType) -> Option<DataType> {
    match kind {
        DataType::Decimal128(_, scale) if *scale > 12 => None,
        kind if kind.is_integer() || matches!(kind, DataType::Decimal128(..)) => {
            Some(DataType::Decimal128(34, 12))
        }
        kind if kind.is_numeric() || kind.is_null() => None,
        _ => Some(DataType::Null),
    }
}

/// Intervals are not compared by their parts.
fn compared(kind: &DataType) -> Option<DataType> {
    is_interval(kind).then_some(DataType::Null)
}

struct Over {
    inner: Arc<AggregateUDF>,
    /// What an argument is taken as; `Null` for none at all.
    takes: fn(&DataType) -> Option<DataType>,
    signature: Signature,
}

impl std::fmt::Debug for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Over({})", self.inner.name())
    }
}

impl PartialEq for Over {
    fn eq(&self, other: &Self) -> bool {
        self.inner.name() == other.inner.name()
    }
}

impl Eq for Over {}

impl Hash for Over {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.name().hash(state);
    }
}

impl AggregateUDFImpl for Over {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [kind] = types else {
            return Err(DataFusionError::Plan(format!(
                "{} takes one argument",
                self.name()
            )));
        };
        let kind = match kind {
            DataType::Dictionary(_, value) => value.as_ref(),
            kind => kind,
        };
        match (self.takes)(kind) {
            Some(DataType::Null) if !kind.is_null() => Err(DataFusionError::Plan(format!(
                "function {}({}) is not offered",
                self.name(),
                super::typename(kind)
            ))),
            Some(taken) => Ok(vec![taken]),
            None if self.name() == "min" || self.name() == "max" => self
                .inner
                .inner()
                .coerce_types(std::slice::from_ref(kind))
                .or_else(|_| Ok(vec![kind.clone()])),
            None if kind.is_null() => Ok(vec![DataType::Float64]),
            None if kind.is_floating() => Ok(vec![DataType::Float64]),
            None => Ok(vec![kind.clone()]),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.inner.inner().return_field(fields)
    }

    fn is_nullable(&self) -> bool {
        self.inner.inner().is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.inner.inner().accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.inner.inner().state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.inner.inner().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.inner().create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        self.inner.inner().create_sliding_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.inner().order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.inner().reverse_expr()
    }

    fn is_descending(&self) -> Option<bool> {
        self.inner.inner().is_descending()
    }

    fn value_from_stats(
        &self,
        statistics: &datafusion::logical_expr::StatisticsArgs<'_>,
    ) -> Option<datafusion::common::ScalarValue> {
        // Statistics are of a column as it lies, not as it is taken.
        ["min", "max"]
            .contains(&self.name())
            .then(|| self.inner.inner().value_from_stats(statistics))
            .flatten()
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(kind)
    }
}
