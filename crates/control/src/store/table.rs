//! One table: a persistent ordered map of records that remembers which of them a write changed.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Change, StoreError};

/// What a table can hold. Written as JSON; fields may be added with a default, never renamed or removed.
pub trait Record: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<R: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Record for R {}

/// Records by key. The key is the record's ARN, or its id in EC2, unless the table's line in `state.rs` says otherwise.
#[derive(Clone)]
pub struct Table<R> {
    name: &'static str,
    records: OrdMap<Arc<str>, Shared<R>>,
    changed: BTreeSet<Arc<str>>,
}

/// A record in the map. Two are equal if they are the same value in memory: a put is a change.
struct Shared<R>(Arc<R>);

impl<R> Clone for Shared<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> PartialEq for Shared<R> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<R: Record> Table<R> {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, records: OrdMap::new(), changed: BTreeSet::new() }
    }

    /// The record of this key.
    pub fn get(&self, key: &str) -> Option<&Arc<R>> {
        self.records.get(key).map(|record| &record.0)
    }

    /// Whether there is a record of this key.
    pub fn contains(&self, key: &str) -> bool {
        self.records.contains_key(key)
    }

    /// Puts a record, over an older one.
    pub fn put(&mut self, key: &str, record: R) {
        let key: Arc<str> = Arc::from(key);
        self.changed.insert(Arc::clone(&key));
        self.records.insert(key, Shared(Arc::new(record)));
    }

    /// Changes the record of this key, if there is one, and answers what `change` answers.
    pub fn update<T>(&mut self, key: &str, change: impl FnOnce(&mut R) -> T) -> Option<T> {
        let mut record = R::clone(self.get(key)?);
        let value = change(&mut record);
        self.put(key, record);
        Some(value)
    }

    /// Takes a record away.
    pub fn remove(&mut self, key: &str) -> Option<Arc<R>> {
        let (key, record) = self.records.remove_with_key(key)?;
        self.changed.insert(key);
        Some(record.0)
    }

    /// All records in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Arc<R>)> {
        self.records.iter().map(|(key, record)| (&**key, &record.0))
    }

    /// All records, without their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Arc<R>> {
        self.records.values().map(|record| &record.0)
    }

    /// The keys whose record was put, replaced or removed since `earlier`, an older snapshot of the same table. The
    /// cost grows with the number of changes, not of records.
    pub fn changed_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = &'a str> {
        earlier.records.diff(&self.records).map(|item| match item {
            DiffItem::Add(key, _) | DiffItem::Remove(key, _) | DiffItem::Update { new: (key, _), .. } => &**key,
        })
    }

    /// The records whose key begins with `prefix`, in order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Arc<R>)> {
        self.records
            .range::<_, str>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(key, record)| (&**key, &record.0))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn load(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let record = serde_json::from_str(value).map_err(|error| self.unreadable(key, error))?;
        self.records.insert(Arc::from(key), Shared(Arc::new(record)));
        Ok(())
    }

    pub(super) fn take_changes(&mut self, changes: &mut Vec<Change>) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.changed) {
            let value = match self.records.get(&key) {
                Some(record) => Some(serde_json::to_string(&*record.0).map_err(|error| self.unreadable(&key, error))?),
                None => None,
            };
            changes.push(Change { table: self.name, key: key.to_string(), value });
        }
        Ok(())
    }
    fn unreadable(&self, key: &str, source: serde_json::Error) -> StoreError {
        StoreError::Record { table: self.name, key: key.to_owned(), source: Arc::new(source) }
    }
}
