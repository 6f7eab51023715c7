//! Aggregates that look at all values at once.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

/// What is told of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    /// The one there is: more are an error. What a subquery that stands for a value gives.
    Only,
    /// The most frequent one, the first of equally frequent ones in their order.
    Mode,
    /// The first at or after a share of all, in their order.
    PercentileDisc,
}

/// The aggregates of this file.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    [
        ("only_value", Of::Only, 1),
        ("mode", Of::Mode, 1),
        ("percentile_disc", Of::PercentileDisc, 2),
    ]
    .into_iter()
    .map(|(name, of, arguments)| {
        Arc::new(AggregateUDF::new_from_impl(Gathering {
            name,
            of,
            signature: Signature::any(arguments, Volatility::Immutable),
        }))
    })
    .collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Gathering {
    name: &'static str,
    of: Of,
    signature: Signature,
}

impl Hash for Gathering {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl AggregateUDFImpl for Gathering {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Gathered {
            of: self.of,
            kind: args.return_field.data_type().clone(),
            descending: args
                .order_bys
                .first()
                .is_some_and(|by| by.options.descending),
            values: Vec::new(),
            share: None,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(args.return_field.data_type().clone(), true);
        let values = Field::new("values", DataType::List(Arc::new(item)), true);
        Ok(vec![
            Arc::new(values),
            Arc::new(Field::new("share", DataType::Float64, true)),
        ])
    }

    fn supports_within_group_clause(&self) -> bool {
        self.of != Of::Only
    }
}

#[derive(Debug)]
struct Gathered {
    of: Of,
    kind: DataType,
    descending: bool,
    values: Vec<ScalarValue>,
    share: Option<f64>,
}

impl Gathered {
    fn take(&mut self, values: &ArrayRef) -> Result<()> {
        for row in 0..values.len() {
            let value = ScalarValue::try_from_array(values, row)?;
            if value.is_null() && self.of != Of::Only {
                continue;
            }
            self.values.push(value);
            if self.of == Of::Only && self.values.len() > 1 {
                return Err(DataFusionError::Execution(
                    "more than one row returned by a subquery used as an expression".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn sorted(&mut self) {
        let descending = self.descending;
        self.values.sort_by(|a, b| {
            let order = a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
            if descending { order.reverse() } else { order }
        });
    }
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.of == Of::PercentileDisc
            && let Some(share) = values.get(1).filter(|share| !share.is_empty())
        {
            let share = ScalarValue::try_from_array(share, 0)?.cast_to(&DataType::Float64)?;
            if let ScalarValue::Float64(Some(share)) = share {
                if !(0.0..=1.0).contains(&share) {
                    return Err(DataFusionError::Execution(format!(
                        "percentile value {share} is not between 0 and 1"
                    )));
                }
                self.share = Some(share);
            }
        }
        values.first().map_or(Ok(()), |values| self.take(values))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        use arrow::array::AsArray as _;
        let (lists, shares) = (
            states[0].as_list::<i32>(),
            states[1].as_primitive::<arrow::datatypes::Float64Type>(),
        );
        self.share = self.share.or_else(|| shares.iter().flatten().next());
        for list in lists.iter().flatten() {
            self.take(&list)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.values.is_empty() {
            return ScalarValue::try_from(&self.kind);
        }
        match self.of {
            Of::Only => Ok(self.values[0].clone()),
            Of::Mode => {
                self.sorted();
                let (mut best, mut most, mut start) = (0, 0, 0);
                for at in 0..self.values.len() {
                    if self.values[at] != self.values[start] {
                        start = at;
                    }
                    if at + 1 - start > most {
                        (best, most) = (start, at + 1 - start);
                    }
                }
                Ok(self.values[best].clone())
            }
            Of::PercentileDisc => {
                self.sorted();
                let Some(share) = self.share else {
                    return ScalarValue::try_from(&self.kind);
                };
                #[allow(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a place among the values"
                )]
                let at = (share * self.values.len() as f64).ceil() as usize;
                Ok(self.values[at.saturating_sub(1).min(self.values.len() - 1)].clone())
            }
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = ScalarValue::new_list_nullable(&self.values, &self.kind);
        Ok(vec![
            ScalarValue::List(values),
            ScalarValue::Float64(self.share),
        ])
    }

    fn size(&self) -> usize {
        size_of_val(self) + ScalarValue::size_of_vec(&self.values)
    }
}
