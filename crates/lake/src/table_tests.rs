use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use tradewind_model::{Date, StoreId};

use super::*;
use crate::files::NewFile;
use crate::schema::{QUANTITY, file_schema};
use crate::testing::{TRADES, TestLake};

/// The columns of a table before there were decimal quantities.
fn old_columns(table: &TableName) -> SchemaRef {
    let today = table_schema(table).unwrap();
    let fields = today.fields().iter().map(|field| {
        let kind = match field.data_type() {
            kind if *kind == QUANTITY => DataType::Int64,
            kind => kind.clone(),
        };
        Field::new(field.name(), kind, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A row as it was written then.
fn old_row(schema: &SchemaRef, product: &str, quantity: i64) -> RecordBatch {
    let schema = file_schema(schema);
    let columns = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "product_id" => Arc::new(StringArray::from(vec![product])) as ArrayRef,
            "order_id" => Arc::new(StringArray::from(vec!["old"])),
            "type" => Arc::new(StringArray::from(vec!["order_completed"])),
            "quantity" => Arc::new(Int64Array::from(vec![quantity])),
            _ => new_null_array(field.data_type(), 1),
        });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
}

fn log_entries(handle: &TableHandle) -> String {
    let mut entries: Vec<_> = std::fs::read_dir(handle.dir().join("_delta_log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    entries.sort();
    let read = |path| std::fs::read_to_string(path).unwrap();
    entries.into_iter().map(read).collect()
}

#[test]
fn files_with_whole_units_and_with_decimals_answer_in_one_query() {
    let test = TestLake::new();
    let handle = test.lake.handle(&TableName::SilverLineItems);
    let old = old_columns(&handle.name);
    let key = PartitionKey {
        store: StoreId::new("harbour").unwrap(),
        date: Date(20_767),
    };
    // As the program of then left it: its columns in the log, two files of them.
    test.block_on(async {
        handle.create(&old).await.unwrap();
        let files = [("a", 2), ("b", 3)].map(|(product, quantity)| NewFile {
            key: key.clone(),
            batches: vec![old_row(&old, product, quantity)],
            data_change: true,
        });
        let adds = handle.write_files(files.into()).await.unwrap();
        let commit = Commit {
            kind: CommitKind::Append,
            adds,
            removes: Vec::new(),
            transactions: Vec::new(),
        };
        handle.write_entry(1, &commit, None).await.unwrap();
        handle.forget().await;
    });
    let test = test.reopened();
    let handle = test.lake.handle(&TableName::SilverLineItems);
    let asked =
        "SELECT product_id, quantity, quantity > 2.5 AS much FROM silver.line_items ORDER BY 1";
    let told = test.table(asked);
    assert!(told.contains("| a          | 2.000    | false |"), "{told}");
    assert!(told.contains("| b          | 3.000    | true  |"), "{told}");
    assert_eq!(log_entries(&handle).matches(r#""metaData":"#).count(), 1);

    // The first commit notes today's columns, and only the first.
    let order = |id: &str| {
        format!(
            r#"{{"type":"order_completed","time":"2026-11-10T10:00:00Z","order":{{"order_id":"{id}"}},"products":[{{"product_id":"{id}","price":"8.00","quantity":0.5}}]}}"#
        )
    };
    test.send(TRADES, 0, &[&order("c")]);
    test.send(TRADES, 1, &[&order("d")]);
    assert_eq!(log_entries(&handle).matches(r#""metaData":"#).count(), 2);
    let check = |test: &TestLake| {
        let told = test.table(asked);
        for row in [
            "a          | 2.000 ",
            "b          | 3.000 ",
            "c          | 0.500 ",
            "d          | 0.500 ",
        ] {
            assert!(told.contains(row), "{row} is not in\n{told}");
        }
        let told = test.table("SELECT sum(quantity), count(*) FILTER (WHERE quantity < 1) FROM silver.line_items WHERE product_id <> 'b'");
        assert!(told.contains("3.000"), "{told}");
    };
    check(&test);
    let test = test.reopened();
    let handle = test.lake.handle(&TableName::SilverLineItems);
    check(&test);
    // Any Delta reader learns the types of today.
    let columns = test.block_on(handle.columns()).unwrap().unwrap();
    assert_eq!(
        columns.field_with_name("quantity").unwrap().data_type(),
        &QUANTITY
    );

    // Joined, old and new files become one in the types of today.
    let apart: Vec<Add> = test
        .block_on(handle.files_in(&key))
        .unwrap()
        .iter()
        .map(|file| file.add(false))
        .collect();
    assert_eq!(apart.len(), 4);
    let joined = test.block_on(async {
        let paths = apart
            .iter()
            .map(|add| object_store::path::Path::parse(&add.path).unwrap());
        let store = handle.store().unwrap();
        let add = files::join_files(
            Arc::clone(&store),
            &handle.name,
            key.clone(),
            paths.collect(),
        )
        .await;
        let path = object_store::path::Path::parse(add.unwrap().path).unwrap();
        files::read_file(store.as_ref(), &path, None).await.unwrap()
    });
    let schema = joined[0].schema();
    assert_eq!(
        schema.field_with_name("quantity").unwrap().data_type(),
        &QUANTITY
    );
    assert_eq!(joined.iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
}
