//! One table: a persistent ordered map of records that remembers which of them a write changed.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Change, StoreError};
use crate::page::Order;

/// What a table can hold. Written as JSON; fields may be added with a default, never renamed or removed.
pub trait Record: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<R: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Record for R {}

/// Records by key. The key is the record's ARN, or its id in EC2, unless the table's line in `state.rs` says otherwise.
#[derive(Clone)]
pub struct Table<R> {
    name: &'static str,
    records: Records<R>,
    changed: BTreeSet<Arc<str>>,
    orders: Vec<(SortKey<R>, Records<R>)>,
}

type Records<R> = OrdMap<Arc<str>, Shared<R>>;

/// Records with what they are listed by.
type Listing<'a, R> = Box<dyn Iterator<Item = (&'a str, &'a Arc<R>)> + 'a>;

/// The text by which a record is found in an order beside that of the keys; no two records share it.
pub type SortKey<R> = fn(&R) -> String;

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
        Self { name, records: OrdMap::new(), changed: BTreeSet::new(), orders: Vec::new() }
    }

    /// The same with further orders, each of which costs memory and time for every record; for lists that are paged in
    /// another order than that of the keys.
    pub(super) fn ordered_by(mut self, orders: &[SortKey<R>]) -> Self {
        self.orders = orders.iter().map(|sort_key| (*sort_key, OrdMap::new())).collect();
        self
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
        self.insert(key, record);
    }

    fn insert(&mut self, key: Arc<str>, record: R) {
        let record = Shared(Arc::new(record));
        let before = self.records.insert(key, record.clone());
        for (sort_key, records) in &mut self.orders {
            if let Some(before) = &before {
                records.remove(sort_key(&before.0).as_str());
            }
            records.insert(Arc::from(sort_key(&record.0)), record.clone());
        }
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
        for (sort_key, records) in &mut self.orders {
            records.remove(sort_key(&record.0).as_str());
        }
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

    /// The records whose key begins with `prefix`, behind the key `after`. What comes before costs nothing.
    pub(crate) fn behind<'a>(&'a self, prefix: &'a str, order: Order, after: Option<&str>) -> Listing<'a, R> {
        behind(&self.records, prefix, order, after)
    }

    /// The same in another order: by the sort keys of the number `index` in `state.rs`.
    pub(crate) fn sorted_behind<'a>(
        &'a self,
        index: usize,
        prefix: &'a str,
        order: Order,
        after: Option<&str>,
    ) -> Listing<'a, R> {
        behind(&self.orders[index].1, prefix, order, after)
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
        self.insert(Arc::from(key), record);
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

fn behind<'a, R>(records: &'a Records<R>, prefix: &'a str, order: Order, after: Option<&str>) -> Listing<'a, R> {
    // A marker of another list is none of this one's places.
    let last = format!("{prefix}{}", char::MAX);
    let after = after.filter(|after| after.starts_with(prefix) && *after < last.as_str());
    let bounds = match (order, after) {
        (Order::Rising, Some(after)) => (Bound::Excluded(after), Bound::Included(last.as_str())),
        (Order::Falling, Some(after)) => (Bound::Included(prefix), Bound::Excluded(after)),
        (_, None) => (Bound::Included(prefix), Bound::Included(last.as_str())),
    };
    let range = records.range::<_, str>(bounds).map(|(key, record)| (&**key, &record.0));
    match order {
        Order::Rising => Box::new(range),
        Order::Falling => Box::new(range.rev()),
    }
}
