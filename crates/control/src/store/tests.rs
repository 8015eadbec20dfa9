//! The store's promises: all or nothing, durable before answered, loaded again as it was.

use super::*;
use crate::page::Order;

fn open(path: &std::path::Path) -> Store {
    Store::open(SqliteJournal::open(path).expect("opens")).expect("loads")
}

#[tokio::test]
async fn a_write_is_there_after_opening_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("tidegate.db");
    let store = open(&path);
    let mut revision = store.revision();
    store
        .write(|state| {
            state.server.put("a", serde_json::json!({"n": 1}));
            state.server.put("b", serde_json::json!({"n": 2}));
            Ok::<_, StoreError>(())
        })
        .await
        .expect("durable");
    store
        .write(|state| {
            state.server.remove("b");
            Ok::<_, StoreError>(())
        })
        .await
        .expect("durable");
    assert!(revision.has_changed().expect("open"));
    assert_eq!(*revision.borrow_and_update(), 2);
    drop(store);
    let store = loop {
        // The writer thread closes the file a moment after the store is dropped.
        if let Ok(store) = SqliteJournal::open(&path).map_err(StoreError::from).and_then(Store::open) {
            break store;
        }
        std::thread::yield_now();
    };
    let state = store.read();
    assert_eq!(state.server.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["a"]);
}

#[tokio::test]
async fn a_refused_write_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open(&directory.path().join("tidegate.db"));
    let result = store
        .write(|state| {
            state.server.put("a", serde_json::Value::Null);
            Err::<(), _>(StoreError::Closed)
        })
        .await;
    assert!(result.is_err());
    assert!(store.read().server.is_empty());
    let empty = store.write(|state| Ok::<_, StoreError>(state.server.is_empty())).await;
    assert!(empty.expect("nothing to write"));
}

/// What a journal on a disk does that a test fills and breaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Roomy,
    Full,
    Broken,
}

/// A journal on such a disk. Each append waits for a word from the test, as long as there can be one.
struct DiskJournal {
    disk: Arc<Mutex<Disk>>,
    gate: mpsc::Receiver<()>,
}

impl DiskJournal {
    fn outcome(&self) -> Result<(), JournalError> {
        let path = std::path::PathBuf::from("/disk");
        let source: Cause = Arc::new(std::io::Error::other("as the test wants it"));
        match *self.disk.lock().expect("the disk") {
            Disk::Roomy => Ok(()),
            Disk::Full => Err(JournalError::NoRoom { path, source }),
            Disk::Broken => Err(JournalError::Failed { operation: "written", path, source }),
        }
    }
}

impl Journal for DiskJournal {
    fn load(&mut self, _: &mut Loading<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn append<'a>(&mut self, _: impl Iterator<Item = &'a Change>) -> Result<(), JournalError> {
        let _ = self.gate.recv();
        self.outcome()
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.outcome()
    }
}

async fn put(store: &Store, key: &str) -> Result<(), StoreError> {
    store
        .write(|state| {
            state.server.put(key, serde_json::Value::Null);
            Ok(())
        })
        .await
}

async fn well(store: &Store) {
    let mut revision = store.revision();
    while !matches!(store.health(), Health::Well) {
        revision.changed().await.expect("the store is open");
    }
}

#[tokio::test]
async fn without_room_everything_goes_back_and_with_room_it_goes_on() {
    let disk = Arc::new(Mutex::new(Disk::Roomy));
    let (word, gate) = mpsc::channel();
    let store = Store::open(DiskJournal { disk: Arc::clone(&disk), gate }).expect("opens");
    word.send(()).expect("the journal listens");
    put(&store, "before").await.expect("durable");
    *disk.lock().expect("the disk") = Disk::Full;
    let results = {
        let built = store.write(|state| {
            assert!(state.server.contains("first"), "writers see what is not durable yet");
            state.server.put("second", serde_json::Value::Null);
            Ok::<_, StoreError>(())
        });
        let only_seen = store.write(|state| Ok::<_, StoreError>(state.server.contains("first")));
        // All of them are decided before the journal writes the first.
        tokio::join!(biased; put(&store, "first"), built, only_seen, async { drop(word) })
    };
    let no_room = |error: &StoreError| matches!(error, StoreError::Journal(JournalError::NoRoom { .. }));
    assert!(results.0.is_err_and(|error| no_room(&error)));
    assert!(results.1.is_err_and(|error| no_room(&error)));
    assert!(results.2.is_err_and(|error| no_room(&error)), "what it has seen never was");
    assert!(matches!(store.health(), Health::NoRoom));
    assert!(put(&store, "meanwhile").await.is_err_and(|error| no_room(&error)));
    let seen = store.write(|state| Ok::<_, StoreError>(state.server.contains("first"))).await;
    assert!(!seen.expect("looking needs no room"));

    let mut revision = store.revision();
    revision.mark_unchanged();
    *disk.lock().expect("the disk") = Disk::Roomy;
    well(&store).await;
    assert!(revision.has_changed().expect("open"), "who waits is woken");
    put(&store, "after").await.expect("durable");
    assert_eq!(store.read().server.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["after", "before"]);
}

#[tokio::test]
async fn after_any_other_failure_the_store_stays_closed() {
    for first in [Disk::Broken, Disk::Full] {
        let (disk, (_, gate)) = (Arc::new(Mutex::new(first)), mpsc::channel());
        let store = Store::open(DiskJournal { disk: Arc::clone(&disk), gate }).expect("opens");
        assert!(put(&store, "first").await.is_err());
        // Also when it is found while room is looked for.
        *disk.lock().expect("the disk") = Disk::Broken;
        let failure = store.failed().await;
        assert!(matches!(failure, StoreError::Journal(JournalError::Failed { .. })), "{failure}");
        *disk.lock().expect("the disk") = Disk::Roomy;
        assert!(matches!(put(&store, "second").await, Err(StoreError::Closed)));
        assert!(matches!(store.health(), Health::Failed(_)) && store.read().server.is_empty());
    }
}

#[test]
fn a_probe_leaves_no_record() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut journal = SqliteJournal::open(&directory.path().join("tidegate.db")).expect("opens");
    journal.probe().expect("there is room");
    let mut records = 0;
    let counted = journal.load(&mut |_, _, _| {
        records += 1;
        Ok(())
    });
    assert!(counted.is_ok() && records == 0);
}

#[test]
fn a_snapshot_tells_what_changed_since_another() {
    let mut earlier = State::default();
    for number in 0..1000 {
        earlier.server.put(&format!("{number:04}"), serde_json::json!(number));
    }
    let mut later = earlier.clone();
    assert_eq!(later.server.changed_since(&earlier.server).count(), 0);
    later.server.put("0500", serde_json::json!(500));
    later.server.put("2000", serde_json::json!(2000));
    later.server.remove("0001");
    let changed: Vec<&str> = later.server.changed_since(&earlier.server).collect();
    assert_eq!(changed, ["0001", "0500", "2000"], "put with the same value is a change, too");
}

#[test]
fn another_order_follows_every_change() {
    let by_number: SortKey<serde_json::Value> = |record| format!("in {:04}", record.as_u64().unwrap_or_default());
    let mut table = Table::new("test").ordered_by(&[by_number]);
    for number in 0..100_u64 {
        table.put(&format!("key {:02}", 99 - number), serde_json::json!(number));
    }
    table.put("key 50", serde_json::json!(1000));
    table.remove("key 98");
    let numbers = |order, after: Option<&str>| {
        let found = table.sorted_behind(0, "in ", order, after);
        found.take(3).map(|(_, record)| record.as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(numbers(Order::Rising, None), [0, 2, 3]);
    assert_eq!(numbers(Order::Rising, Some("in 0048")), [50, 51, 52]);
    assert_eq!(numbers(Order::Falling, None), [1000, 99, 98]);
    assert_eq!(numbers(Order::Falling, Some("in 0003")), [2, 0]);
    assert_eq!(numbers(Order::Rising, Some("in 1000")), [0_u64; 0]);
    // Markers of other lists are no places here.
    for strange in ["", "zzz", "in \u{10ffff}\u{10ffff}"] {
        assert_eq!(numbers(Order::Rising, Some(strange)).len(), 3, "{strange:?}");
    }
    let keys: Vec<&str> = table.behind("key 9", Order::Falling, Some("key 99")).map(|(key, _)| key).collect();
    assert_eq!(keys, ["key 97", "key 96", "key 95", "key 94", "key 93", "key 92", "key 91", "key 90"]);
}
