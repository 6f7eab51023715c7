//! Who may depend on what, read from `cargo tree`: the hot path never links the SQL engine, the model no async runtime.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Names and versions of everything a package links.
fn tree(arguments: &[&str]) -> BTreeSet<(String, String)> {
    // Asked when the test runs, not when it is compiled: several clones may share one target directory.
    let package = std::env::var("CARGO_MANIFEST_DIR")
        .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let root = Path::new(&package).join("../..");
    let output = Command::new(cargo)
        .current_dir(root)
        .args([
            "tree",
            "--offline",
            "--prefix",
            "none",
            "--edges",
            "normal",
            "--format",
            "{p}",
        ])
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((
                words.next()?.to_owned(),
                words.next()?.trim_start_matches('v').to_owned(),
            ))
        })
        .collect()
}

fn links(package: &str) -> BTreeSet<String> {
    let names: BTreeSet<String> = tree(&["--package", package])
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(
        names.contains(package),
        "cargo tree of {package} does not name it"
    );
    names
}

#[test]
fn the_hot_path_never_links_the_sql_engine_or_delta() {
    for package in [
        "tradewind-model",
        "tradewind-journal",
        "tradewind-ingest",
        "tradewind-stream",
    ] {
        let heavy: Vec<String> = links(package)
            .into_iter()
            .filter(|name| {
                ["datafusion", "deltalake", "arrow", "parquet", "sqlparser"]
                    .iter()
                    .any(|h| name.starts_with(h))
            })
            .collect();
        assert!(heavy.is_empty(), "{package} links {heavy:?}");
    }
}

#[test]
fn the_model_knows_no_async_runtime_and_no_crate_of_ours() {
    let names = links("tradewind-model");
    for runtime in [
        "tokio",
        "async-std",
        "smol",
        "futures-executor",
        "async-executor",
    ] {
        assert!(!names.contains(runtime), "tradewind-model links {runtime}");
    }
    let ours: Vec<&String> = names
        .iter()
        .filter(|n| n.starts_with("tradewind-") && *n != "tradewind-model")
        .collect();
    assert!(ours.is_empty(), "tradewind-model links {ours:?}");
}

#[test]
fn dependencies_point_one_way() {
    // Each crate with those above it, which it must not link.
    let above: [(&str, &[&str]); 6] = [
        (
            "journal",
            &["ingest", "stream", "lake", "query", "control", "serve"],
        ),
        ("ingest", &["stream", "lake", "query", "control", "serve"]),
        ("stream", &["ingest", "lake", "query", "control", "serve"]),
        ("lake", &["query", "control", "serve"]),
        ("query", &["serve"]),
        (
            "sim",
            &[
                "model", "journal", "ingest", "stream", "lake", "query", "control", "serve",
            ],
        ),
    ];
    for (package, forbidden) in above {
        let names = links(&format!("tradewind-{package}"));
        for other in forbidden {
            assert!(
                !names.contains(&format!("tradewind-{other}")),
                "tradewind-{package} links tradewind-{other}"
            );
        }
    }
}

#[test]
fn there_is_one_arrow_in_the_tree() {
    let all = tree(&["--workspace"]);
    for name in [
        "arrow",
        "arrow-array",
        "arrow-schema",
        "parquet",
        "datafusion",
        "object_store",
    ] {
        let versions: Vec<&String> = all
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v)
            .collect();
        assert_eq!(
            versions.len(),
            1,
            "{name} is there in versions {versions:?}"
        );
    }
}
