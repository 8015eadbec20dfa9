//! The store's promises: all or nothing, durable before answered, loaded again as it was.

use super::*;

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
        if let Ok(store) = SqliteJournal::open(&path).and_then(Store::open) {
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
