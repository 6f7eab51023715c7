//! S2 on arbitrary histories: what the operators said while events came is what SQL, the gold tables and a replay say afterwards.
//!
//! `SIM_HISTORIES` says how many (8), `SIM_SEED` which (1).

use anyhow::{Context as _, Result, ensure};
use tradewind_sim::binary::{Binary, run};
use tradewind_sim::chance::{Chance, number};
use tradewind_sim::histories::{ZONES, files};
use tradewind_sim::lake::numbers;

async fn history(binary: &Binary, seed: u64) -> Result<()> {
    let mut chance = Chance::new(seed, 77);
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let zone = ZONES[chance.between(0, ZONES.len() as u64 - 1) as usize];
    let (lines, parts) = (chance.between(20, 900), chance.between(1, 4) as usize);
    for (i, text) in files(&mut chance, lines, parts).iter().enumerate() {
        let file = folder.path().join(format!("{i}.ndjson"));
        std::fs::write(&file, text)?;
        let file = file.to_string_lossy().into_owned();
        let import = [
            "import",
            &file,
            "--store",
            "shop",
            "--currency",
            "EUR",
            "--timezone",
            zone,
        ];
        // Rejected lines make it end with a code of their own.
        binary.run(&data, &import).await?;
    }
    let counts = numbers(
        binary,
        &data,
        "shop",
        "SELECT (SELECT count(*) FROM bronze.events) AS bronze, (SELECT count(*) FROM silver.events) AS silver, (SELECT count(*) FROM bronze.quarantine) AS quarantine",
    )
    .await?;
    ensure!(
        counts[0] == lines && counts[1] > 0,
        "{lines} lines gave {counts:?}"
    );
    binary.verify(&data).await
}

/// S2, L2: stream = batch, whatever came in whatever order.
#[test]
fn s2_stream_equals_batch_for_arbitrary_histories() {
    run(|binary| async move {
        let (first, count) = (number("SIM_SEED", 1_u64)?, number("SIM_HISTORIES", 8_u64)?);
        for seed in first..first + count {
            history(&binary, seed)
                .await
                .with_context(|| format!("SIM_SEED={seed} SIM_HISTORIES=1"))?;
        }
        println!("{count} histories verified");
        Ok(())
    });
}
