//! Column builders that cost nothing for a field an event does not have: missing values are filled in bulk when the next value
//! comes, or at the end.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow::datatypes::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use tradewind_model::{Amount, Micros, Quantity};

/// Text column.
#[derive(Debug, Default)]
pub(crate) struct TextColumn {
    builder: StringBuilder,
    rows: usize,
}

impl TextColumn {
    pub(crate) fn put(&mut self, row: usize, value: &str) {
        if row > self.rows {
            self.builder.append_nulls(row - self.rows);
        }
        self.builder.append_value(value);
        self.rows = row + 1;
    }

    pub(crate) fn put_opt(&mut self, row: usize, value: Option<&str>) {
        if let Some(value) = value {
            self.put(row, value);
        }
    }

    /// The column; the next one begins with room for as much, so that it need not grow step by step.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.builder.append_nulls(rows - self.rows);
        self.rows = 0;
        let bytes = self.builder.values_slice().len();
        let column = self.builder.finish();
        if bytes > 0 {
            self.builder = StringBuilder::with_capacity(rows + rows / 8, bytes + bytes / 8);
        }
        Arc::new(column)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.builder.values_slice().len() + 4 * self.rows
    }
}

/// Bytes column.
#[derive(Debug, Default)]
pub(crate) struct BytesColumn {
    builder: BinaryBuilder,
    rows: usize,
}

impl BytesColumn {
    pub(crate) fn put(&mut self, row: usize, value: &[u8]) {
        if row > self.rows {
            self.builder.append_nulls(row - self.rows);
        }
        self.builder.append_value(value);
        self.rows = row + 1;
    }

    /// The column; the next one begins with room for as much, so that it need not grow step by step.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.builder.append_nulls(rows - self.rows);
        self.rows = 0;
        let bytes = self.builder.values_slice().len();
        let column = self.builder.finish();
        if bytes > 0 {
            self.builder = BinaryBuilder::with_capacity(rows + rows / 8, bytes + bytes / 8);
        }
        Arc::new(column)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.builder.values_slice().len() + 4 * self.rows
    }
}

/// Column of numbers, moments or money.
#[derive(Debug)]
pub(crate) struct NumberColumn<T: ArrowPrimitiveType> {
    builder: PrimitiveBuilder<T>,
    rows: usize,
}

impl<T: ArrowPrimitiveType> Default for NumberColumn<T> {
    fn default() -> Self {
        Self {
            builder: PrimitiveBuilder::new(),
            rows: 0,
        }
    }
}

impl<T: ArrowPrimitiveType> NumberColumn<T> {
    pub(crate) fn put(&mut self, row: usize, value: T::Native) {
        if row > self.rows {
            self.builder.append_nulls(row - self.rows);
        }
        self.builder.append_value(value);
        self.rows = row + 1;
    }

    pub(crate) fn put_opt(&mut self, row: usize, value: Option<T::Native>) {
        if let Some(value) = value {
            self.put(row, value);
        }
    }

    fn filled(&mut self, rows: usize) -> arrow::array::PrimitiveArray<T> {
        self.builder.append_nulls(rows - self.rows);
        self.rows = 0;
        self.builder.finish()
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        Arc::new(self.filled(rows))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows * size_of::<T::Native>()
    }
}

pub(crate) type LongColumn = NumberColumn<Int64Type>;
pub(crate) type IntColumn = NumberColumn<Int32Type>;
pub(crate) type FloatColumn = NumberColumn<Float64Type>;

/// Column of moments.
#[derive(Debug, Default)]
pub(crate) struct TimeColumn(NumberColumn<TimestampMicrosecondType>);

impl TimeColumn {
    pub(crate) fn put(&mut self, row: usize, value: Micros) {
        self.0.put(row, value.0);
    }

    pub(crate) fn put_opt(&mut self, row: usize, value: Option<Micros>) {
        self.0.put_opt(row, value.map(|v| v.0));
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        Arc::new(self.0.filled(rows).with_timezone("UTC"))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Column of money.
#[derive(Debug, Default)]
pub(crate) struct MoneyColumn(NumberColumn<Decimal128Type>);

impl MoneyColumn {
    pub(crate) fn put(&mut self, row: usize, value: Amount) {
        self.0.put(row, i128::from(value.raw()));
    }

    pub(crate) fn put_opt(&mut self, row: usize, value: Option<Amount>) {
        self.0.put_opt(row, value.map(|v| i128::from(v.raw())));
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        Arc::new(self.0.filled(rows).with_data_type(crate::schema::MONEY))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Column of quantities.
#[derive(Debug, Default)]
pub(crate) struct QuantityColumn(NumberColumn<Decimal128Type>);

impl QuantityColumn {
    pub(crate) fn put(&mut self, row: usize, value: Quantity) {
        self.0.put(row, i128::from(value.raw()));
    }

    pub(crate) fn put_opt(&mut self, row: usize, value: Option<Quantity>) {
        self.0.put_opt(row, value.map(|v| i128::from(v.raw())));
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        Arc::new(self.0.filled(rows).with_data_type(crate::schema::QUANTITY))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Column of yes and no.
#[derive(Debug, Default)]
pub(crate) struct BoolColumn {
    builder: BooleanBuilder,
    rows: usize,
}

impl BoolColumn {
    pub(crate) fn put(&mut self, row: usize, value: bool) {
        if row > self.rows {
            self.builder.append_nulls(row - self.rows);
        }
        self.builder.append_value(value);
        self.rows = row + 1;
    }

    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.builder.append_nulls(rows - self.rows);
        self.rows = 0;
        Arc::new(self.builder.finish())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows / 8
    }
}

/// Declares a set of columns in the order of a table's file schema.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(crate) struct $name { $(pub(crate) $field: $kind),+ }

        impl $name {
            /// The arrays, in the order of the file schema; the builders are empty afterwards.
            pub(crate) fn finish(&mut self, rows: usize) -> Vec<arrow::array::ArrayRef> {
                vec![$(self.$field.finish(rows)),+]
            }

            /// Bytes held.
            #[allow(dead_code, reason = "only taps are asked for it")]
            pub(crate) fn bytes(&self) -> usize {
                0 $(+ self.$field.bytes())+
            }
        }
    };
}
pub(crate) use columns;

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    #[test]
    fn gaps_become_nulls() {
        let mut column = TextColumn::default();
        column.put(2, "a");
        column.put_opt(3, None);
        column.put(5, "b");
        let array = column.finish(7);
        let text = array.as_string::<i32>();
        let got: Vec<_> = text.iter().collect();
        assert_eq!(got, [None, None, Some("a"), None, None, Some("b"), None]);
        assert_eq!(column.finish(1).null_count(), 1);
    }

    #[test]
    fn m1_money_keeps_its_scale() {
        let mut column = MoneyColumn::default();
        column.put(0, Amount::parse("19.99").unwrap());
        let array = column.finish(1);
        assert_eq!(array.data_type(), &crate::schema::MONEY);
        assert_eq!(
            array.as_primitive::<Decimal128Type>().value_as_string(0),
            "19.9900"
        );
    }
}
