//! The control database against a real file: keys, sealing, sessions, imports, and another process's changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;
use tradewind_model::{Clock, Micros, StoreDirectory as _, StoreId, StoreZone};

use crate::{Control, ControlError, ImportRecord, KeyKind, NewStore, Recorded, SESSION_LENGTH};

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}

struct Ground {
    folder: TempDir,
    clock: Arc<HandClock>,
    control: Control,
}

async fn ground() -> Ground {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(HandClock(AtomicI64::new(1_000 * Micros::DAY)));
    let control = Control::open(folder.path(), Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .unwrap();
    Ground {
        folder,
        clock,
        control,
    }
}

fn id(text: &str) -> StoreId {
    StoreId::new(text).unwrap()
}

#[tokio::test]
async fn a_key_opens_its_store_until_it_is_revoked() {
    let Ground {
        control, folder, ..
    } = ground().await;
    control
        .create_store(NewStore::new(id("harbour")))
        .await
        .unwrap();
    let made = control
        .create_key(&id("harbour"), KeyKind::Write, "shop backend")
        .await
        .unwrap();
    let key = made.secret.reveal();
    assert!(key.starts_with("tw_write_"));
    let grant = control.authenticate(key).unwrap();
    assert_eq!(
        (grant.store.as_str(), grant.kind),
        ("harbour", KeyKind::Write)
    );
    assert!(control.authenticate(&key[..key.len() - 1]).is_none());
    assert!(control.authenticate("").is_none());

    let listed = control.keys(&id("harbour")).await.unwrap();
    assert_eq!(listed, vec![made.info.clone()]);
    assert!(key.ends_with(&listed[0].last_four));

    control.revoke_key(&made.info.key_id).await.unwrap();
    assert!(control.authenticate(key).is_none());
    assert!(!control.key_works(&made.info.key_id));
    assert!(matches!(
        control.revoke_key("key_none").await,
        Err(ControlError::NotFound { .. })
    ));

    // The secret is nowhere in the files.
    control.close().await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(key.len()).any(|w| w == key.as_bytes()));
    }
}

#[tokio::test]
async fn currency_and_zone_are_fixed_once_events_came() {
    let Ground {
        control,
        folder: _folder,
        ..
    } = ground().await;
    let store = id("s1");
    control
        .create_store(NewStore::new(store.clone()))
        .await
        .unwrap();
    assert_eq!(
        control.set_currency(&store, "eur").await.unwrap().currency,
        "EUR"
    );
    let berlin = StoreZone::new("Europe/Berlin").unwrap();
    assert_eq!(control.set_zone(&store, berlin).await.unwrap().zone, berlin);

    control.seal_store(&store).await.unwrap();
    assert!(control.is_sealed(&store));
    let refused = control.set_currency(&store, "USD").await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("currency of store `s1` is fixed"),
        "{refused}"
    );
    assert!(matches!(
        control.set_zone(&store, StoreZone::UTC).await,
        Err(ControlError::Fixed { .. })
    ));
    // Setting what it is already is no change.
    assert_eq!(
        control.set_currency(&store, "EUR").await.unwrap().currency,
        "EUR"
    );
    assert_eq!(
        control.rename_store(&store, " Shop ").await.unwrap().name,
        "Shop"
    );
    assert!(matches!(
        control.set_currency(&id("none"), "USD").await,
        Err(ControlError::NotFound { .. })
    ));
    assert!(matches!(
        control.set_currency(&store, "Euro").await,
        Err(ControlError::Invalid(_))
    ));
}

#[tokio::test]
async fn stores_are_made_once() {
    let Ground {
        control,
        folder: _folder,
        ..
    } = ground().await;
    control.create_store(NewStore::new(id("a"))).await.unwrap();
    assert!(matches!(
        control.create_store(NewStore::new(id("a"))).await,
        Err(ControlError::Exists { .. })
    ));
    let mut other = NewStore::new(id("a"));
    other.currency = "GBP".to_owned();
    assert_eq!(control.ensure_store(other).await.unwrap().currency, "USD");
    assert_eq!(control.stores().len(), 1);
    assert!(control.store(&id("b")).is_none());
    assert_eq!(control.store_infos().await.unwrap()[0].sealed_at, None);
    assert_eq!(control.organisations().await.unwrap().len(), 1);
}

#[tokio::test]
async fn sessions_end_with_time_and_outlive_a_restart() {
    let Ground {
        control,
        folder,
        clock,
    } = ground().await;
    assert!(control.open_session("guess").await.unwrap().is_none());
    let token = control.admin_token().reveal().to_owned();
    let session = control.open_session(&token).await.unwrap().unwrap();
    assert!(control.session_works(session.secret.reveal()));
    control.close().await;

    let again = Control::open(folder.path(), Arc::clone(&clock) as Arc<dyn Clock>)
        .await
        .unwrap();
    assert!(
        !again.is_admin_token(&token),
        "a token lives as long as its process"
    );
    assert!(again.session_works(session.secret.reveal()));
    clock.0.fetch_add(SESSION_LENGTH, Ordering::SeqCst);
    assert!(!again.session_works(session.secret.reveal()));

    let fresh = again
        .open_session(again.admin_token().reveal())
        .await
        .unwrap()
        .unwrap();
    again.close_session(fresh.secret.reveal()).await.unwrap();
    assert!(!again.session_works(fresh.secret.reveal()));
}

#[tokio::test]
async fn another_process_adds_a_key() {
    let Ground {
        control,
        folder,
        clock,
    } = ground().await;
    control.create_store(NewStore::new(id("s"))).await.unwrap();
    control.refresh_if_changed().await.unwrap();
    assert!(!control.refresh_if_changed().await.unwrap());
    let other = Control::open(folder.path(), clock).await.unwrap();
    let made = other
        .create_key(&id("s"), KeyKind::Read, "report")
        .await
        .unwrap();
    assert!(control.authenticate(made.secret.reveal()).is_none());
    assert!(control.refresh_if_changed().await.unwrap());
    assert_eq!(
        control.authenticate(made.secret.reveal()).unwrap().kind,
        KeyKind::Read
    );
}

#[tokio::test]
async fn a_file_is_noted_once() {
    let Ground {
        control,
        clock,
        folder: _folder,
    } = ground().await;
    control.create_store(NewStore::new(id("s"))).await.unwrap();
    let record = ImportRecord {
        store: id("s"),
        fingerprint: "ab12".to_owned(),
        format: "rees46".to_owned(),
        file_name: "2019-Oct.csv.gz".to_owned(),
        lines: 17_000,
        accepted: 16_999,
        rejected: 1,
        finished_at: clock.now(),
    };
    assert_eq!(control.import(&id("s"), "ab12").await.unwrap(), None);
    assert_eq!(control.record_import(&record).await.unwrap(), Recorded::Now);
    assert_eq!(
        control.record_import(&record).await.unwrap(),
        Recorded::Before
    );
    assert_eq!(
        control.import(&id("s"), "ab12").await.unwrap(),
        Some(record.clone())
    );
    assert_eq!(control.imports(&id("s")).await.unwrap(), vec![record]);
}
