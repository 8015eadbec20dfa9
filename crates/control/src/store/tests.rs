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
