//! Storage that fails under the running program (J1, J3, S1, L1): each fault has a defined outcome, words that say it, and costs
//! nothing that was acknowledged.
//!
//! Failing calls come from a library preloaded into the built binary (`faulty_disk`); a full and a read-only disk are a small
//! file system of memory, for which the test must be root.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tradewind_sim::binary::Binary;
use tradewind_sim::faulty_disk::{Fault, FaultyDisk};
use tradewind_sim::lake::found;
use tradewind_sim::ledger::Ledger;
use tradewind_sim::server::Server;
use tradewind_sim::shoppers::{Shoppers, Target};

const STORE: &str = "shop";

/// One scenario at a time: each wants the whole machine.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run<F: Future<Output = Result<()>>>(scenario: impl FnOnce(Binary) -> F) {
    let _turn = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    tradewind_sim::binary::run(scenario);
}

/// Everything acknowledged is there exactly once, exactly as sent, and `verify` agrees.
async fn count(binary: &Binary, data: &Path, ledger: &Ledger, what: &str) -> Result<()> {
    let comparison = ledger.compare(&found(binary, data, STORE).await?);
    comparison.clean().with_context(|| what.to_owned())?;
    binary.verify(data).await.with_context(|| what.to_owned())?;
    println!("{what}: {comparison}, verify clean");
    Ok(())
}

/// A server on a disk that fails on order, with shoppers.
struct Scene {
    _folder: tempfile::TempDir,
    data: PathBuf,
    disk: FaultyDisk,
    server: Server,
    shoppers: Shoppers,
    restarts: u32,
}

impl Scene {
    async fn begin(binary: &Binary, seed: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let disk = FaultyDisk::build(folder.path())?;
        let key = binary.create_key(&data, STORE, "write").await?;
        let mut server = Server::new(binary, &data)?.with_environment(disk.environment());
        server.spawn()?;
        server.ready().await?;
        let target = Target {
            url: server.url(),
            key,
        };
        let shoppers = Shoppers::start(&target, 3, seed);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        Ok(Self {
            _folder: folder,
            data,
            disk,
            server,
            shoppers,
            restarts: 0,
        })
    }

    /// Lets calls fail for a while. A server that ends must have said why; it is started again, as a supervisor would.
    async fn fail(&mut self, faults: &[Fault], per_thousand: u32, part: &str) -> Result<()> {
        let before = self.disk.hits()?;
        self.disk.order(faults, per_thousand, part)?;
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.restart_if_ended().await?;
        }
        self.disk.heal()?;
        ensure!(self.disk.hits()? > before, "no call failed");
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.restart_if_ended().await
    }

    async fn restart_if_ended(&mut self) -> Result<()> {
        while let Some(code) = self.server.ended()? {
            let said = self.server.said();
            ensure!(code == 1, "the server ended with {code}: {said}");
            ensure!(
                ["os error", "storage", "disk"]
                    .iter()
                    .any(|w| said.contains(w))
                    && !said.contains("panicked"),
                "the server ended without a word on the disk: {said}"
            );
            self.restarts += 1;
            self.disk.heal()?;
            self.server.spawn()?;
            self.server.ready().await?;
        }
        Ok(())
    }

    async fn end(mut self, binary: &Binary, what: &str) -> Result<()> {
        let hits = self.disk.hits()?;
        ensure!(hits > 0, "{what}: no call failed");
        let before = self.shoppers.acknowledged().await;
        let until = Instant::now() + Duration::from_secs(20);
        while self.shoppers.acknowledged().await == before {
            self.restart_if_ended().await?;
            ensure!(
                Instant::now() < until,
                "{what}: nothing is acknowledged after the disk works again: {}",
                self.server.said()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ledger = self.shoppers.stop().await?;
        self.server.stop().await?;
        let what = format!("{what}: {hits} calls failed, {} restarts", self.restarts);
        count(binary, &self.data, &ledger, &what).await
    }
}

/// J1: while nothing can be made durable nothing is acknowledged; the server lives and goes on by itself.
#[test]
fn j1_nothing_is_acknowledged_while_the_log_cannot_be_made_durable() {
    run(|binary| async move {
        let mut scene = Scene::begin(&binary, 1).await?;
        scene.disk.order(&[Fault::SyncFails], 1_000, "/journal/")?;
        // What was made durable before may still be answered.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = scene.shoppers.acknowledged().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let after = scene.shoppers.acknowledged().await;
        ensure!(
            before == after,
            "{} events were acknowledged that no disk has",
            after - before
        );
        scene.disk.heal()?;
        scene.restart_if_ended().await?;
        ensure!(
            scene.restarts == 0,
            "the server ended: {}",
            scene.server.said()
        );
        scene.end(&binary, "journal, no fsync").await
    });
}

/// J1, S1: some calls fail on the log, on the operators' state, in the lake, everywhere.
#[test]
fn s1_failing_calls_lose_and_double_nothing() {
    use Fault::{DiskIsFull, RenameFails, SyncFails, WriteFails, WriteIsShort, WriteIsTorn};
    run(|binary| async move {
        let mut scene = Scene::begin(&binary, 2).await?;
        for (faults, per_thousand, part) in [
            (&[WriteIsShort][..], 300, ""),
            (&[SyncFails], 200, "/journal/"),
            (&[WriteFails, WriteIsTorn], 100, "/journal/"),
            (&[SyncFails, WriteFails, WriteIsTorn], 100, "/state/"),
            (&[WriteFails, WriteIsTorn, RenameFails], 200, "/lake/"),
            (&[DiskIsFull], 300, "/lake/"),
            (&[SyncFails, WriteFails, WriteIsTorn, RenameFails], 50, ""),
        ] {
            scene
                .fail(faults, per_thousand, part)
                .await
                .with_context(|| format!("{faults:?} {per_thousand} of 1000 in `{part}`"))?;
        }
        scene.end(&binary, "failing calls").await
    });
}

/// A small file system of memory, unmounted when dropped; `None` where it cannot be mounted.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, bytes: &str) -> Option<Self> {
        std::fs::create_dir_all(at).ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(at)
            .output();
        if mounted.is_ok_and(|m| m.status.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!(
            "SKIPPED: a file system of memory cannot be mounted here; this test must be root"
        );
        None
    }

    fn read_only(&self, yes: bool) -> Result<()> {
        let how = if yes { "remount,ro" } else { "remount,rw" };
        let done = Command::new("mount")
            .args(["-o", how])
            .arg(&self.0)
            .output()?;
        ensure!(
            done.status.success(),
            "mount: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// J1: a full disk refuses before it acknowledges, and takes events again when there is space, by itself.
#[test]
fn j1_a_full_disk_refuses_and_goes_on_when_there_is_space() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), "300m") else {
            return Ok(());
        };
        let data = disk.0.join("data");
        let key = binary.create_key(&data, STORE, "write").await?;
        let mut server = Server::new(&binary, &data)?;
        server.spawn()?;
        server.ready().await?;
        let target = Target {
            url: server.url(),
            key,
        };
        let shoppers = Shoppers::start(&target, 3, 3);
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Something else fills the disk, to the last byte.
        let ballast = disk.0.join("ballast");
        let filled = Command::new("dd")
            .args(["if=/dev/zero", "bs=1M"])
            .arg(format!("of={}", ballast.display()))
            .output()?;
        ensure!(!filled.status.success(), "the disk is not full");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = shoppers.acknowledged().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        ensure!(
            shoppers.acknowledged().await == before,
            "events were acknowledged on a full disk"
        );
        let told = tradewind_sim::http::client(Duration::from_secs(5))?
            .get(format!("{}/readyz", server.url()))
            .send()
            .await?;
        ensure!(told.status() == 503, "/readyz said {}", told.status());
        let told = told.text().await?;
        ensure!(told.contains("free some space"), "/readyz said {told}");
        std::fs::remove_file(ballast)?;
        let until = Instant::now() + Duration::from_secs(20);
        while shoppers.acknowledged().await < before + 1_000 {
            let said = server.said();
            ensure!(server.ended()?.is_none(), "the server ended: {said}");
            ensure!(Instant::now() < until, "nothing is taken again: {said}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ledger = shoppers.stop().await?;
        server.stop().await?;
        count(&binary, &data, &ledger, "full disk").await
    });
}

/// A folder that cannot be written is told in words, at once, and nothing of it is changed.
#[test]
fn a_read_only_folder_is_told() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), "300m") else {
            return Ok(());
        };
        let data = disk.0.join("data");
        binary.create_key(&data, STORE, "write").await?;
        disk.read_only(true)?;
        let output = binary
            .run(
                &data,
                &["serve", "--listen", "127.0.0.1:0", "--pg-listen", ""],
            )
            .await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(1), "{}: {said}", output.status);
        ensure!(
            said.to_lowercase().contains("read-only")
                && said.contains("disk/data")
                && !said.contains("panicked"),
            "it said: {said}"
        );
        disk.read_only(false)?;
        let mut server = Server::new(&binary, &data)?;
        server.spawn()?;
        server.ready().await?;
        server.stop().await?;
        Ok(())
    });
}

/// Two servers on one folder: the second says so and ends; the first does not notice.
#[test]
fn a_second_server_on_a_folder_is_refused() {
    run(|binary| async move {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        let key = binary.create_key(&data, STORE, "write").await?;
        let mut first = Server::new(&binary, &data)?;
        first.spawn()?;
        first.ready().await?;
        let target = Target {
            url: first.url(),
            key,
        };
        let shoppers = Shoppers::start(&target, 2, 4);
        for _ in 0..3 {
            let output = binary
                .run(
                    &data,
                    &["serve", "--listen", "127.0.0.1:0", "--pg-listen", ""],
                )
                .await?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            ensure!(output.status.code() == Some(1), "{}: {said}", output.status);
            ensure!(
                said.contains("in use by another Tradewind"),
                "it said: {said}"
            );
        }
        let ledger = shoppers.stop().await?;
        first.stop().await?;
        count(&binary, &data, &ledger, "two servers").await
    });
}
