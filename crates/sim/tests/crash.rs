//! Nothing acknowledged is lost, nothing counts twice, whatever is killed when (J1, J3, S1, S2, L2).
//!
//! `SIM_KILLS` says how often each scenario kills (2), `SIM_SEED` when (1), `SIM_STATE_EVENTS` how much history the operators
//! restore in one of them (200,000). `make crash` runs it with ten kills and prints the
//! summaries. They drive the built binary: `make test` builds it first.

use std::future::Future;
use std::sync::Mutex;

use tradewind_sim::binary::Binary;
use tradewind_sim::chance::Plan;
use tradewind_sim::crash;
use tradewind_sim::ledger::Summary;

/// One scenario at a time: each wants the whole machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run<F: Future<Output = anyhow::Result<Summary>>>(scenario: impl FnOnce(Binary, Plan) -> F) {
    let binary = Binary::find()
        .expect("the tradewind binary: run `make build`, or name it with TRADEWIND_BIN");
    let _turn = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let plan = Plan::from_environment().expect("SIM_KILLS and SIM_SEED are numbers");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    match runtime.block_on(scenario(binary, plan)) {
        Ok(summary) => println!("{summary}"),
        Err(error) => panic!("seed {}, {} kills: {error:?}", plan.seed, plan.kills),
    }
}

#[test]
fn s1_events_over_http_survive_kills_exactly_once() {
    run(|binary, plan| async move { crash::http(&binary, plan).await });
}

#[test]
fn s1_an_import_that_is_killed_goes_on_where_it_was() {
    run(|binary, plan| async move { crash::import(&binary, plan).await });
}

#[test]
fn s1_simulated_shoppers_at_full_speed_survive_kills_exactly_once() {
    run(|binary, plan| async move { crash::simulate(&binary, plan).await });
}

/// A start takes less than five seconds, however much the operators know.
#[test]
fn s1_a_long_history_is_restored_in_time() {
    run(|binary, plan| async move { crash::state(&binary, plan).await });
}
