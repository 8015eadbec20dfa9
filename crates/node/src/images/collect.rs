//! Throws away what nobody uses, oldest first, when the content grows above its budget.
//!
//! In use is what a lease holds: of a pull or a task of this process, or of a container directory (which outlives it).
//! Content of a pull that failed halfway belongs to no image and goes first.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::SystemTime;

use super::store::{BlobRecord, DirectoryLease, ImageRecord, Store, StoreError, names, read_json, remove};
use domain::image::reference::Digest;

/// Removes unused images until the layers are within the budget. Returns the bytes freed.
pub(super) fn collect(store: &Store, budget_bytes: u64) -> Result<u64, StoreError> {
    let directory = store.directory();
    let mut sizes: HashMap<Digest, u64> = HashMap::new();
    for (hex, _) in names(&directory.join("layers"))? {
        let Ok(digest) = format!("sha256:{hex}").parse::<Digest>() else { continue };
        let size = store.layer_record(&digest).map_or(0, |record| record.bytes);
        sizes.insert(digest, size);
    }
    let mut total: u64 = sizes.values().sum();
    if total <= budget_bytes {
        return Ok(0);
    }
    let before = total;
    let by_directories = layers_of_directories(store)?;
    let in_use = |image: &ImageRecord| {
        store.with_leases(|leases| {
            image.layers.iter().any(|layer| leases.contains_key(layer) || by_directories.contains(layer))
        })
    };
    let (mut kept, mut unused): (Vec<_>, Vec<_>) =
        images_by_age(store)?.into_iter().partition(|(_, image)| in_use(image));
    let mut uses: HashMap<Digest, usize> = HashMap::new();
    for (_, image) in kept.iter().chain(&unused) {
        for layer in distinct_layers(image) {
            *uses.entry(layer.clone()).or_default() += 1;
        }
    }
    let drop_layer = |digest: &Digest, total: &mut u64| {
        // Whoever wants a layer leases it before looking whether it is there.
        store.with_leases(|leases| {
            if !leases.contains_key(digest) && !by_directories.contains(digest) && sizes.contains_key(digest) {
                store.throw_layer(digest)?;
                *total -= sizes.get(digest).copied().unwrap_or(0);
            }
            Ok::<(), StoreError>(())
        })
    };
    for digest in sizes.keys().filter(|digest| !uses.contains_key(digest)) {
        drop_layer(digest, &mut total)?;
    }
    unused.reverse();
    while total > budget_bytes
        && let Some((path, image)) = unused.pop()
    {
        remove(&path);
        for layer in distinct_layers(&image) {
            let left = uses.get_mut(layer).map_or(0, |count| {
                *count -= 1;
                *count
            });
            if left == 0 {
                drop_layer(layer, &mut total)?;
            }
        }
    }
    kept.append(&mut unused);
    sweep_records(store, &kept)?;
    Ok(before - total)
}

fn distinct_layers(image: &ImageRecord) -> HashSet<&Digest> {
    image.layers.iter().collect()
}

/// Documents and blob records of images that are gone.
fn sweep_records(store: &Store, kept: &[(PathBuf, ImageRecord)]) -> Result<(), StoreError> {
    let documents: HashSet<&Digest> = kept.iter().flat_map(|(_, image)| &image.documents).collect();
    let blobs: HashSet<&Digest> =
        kept.iter().flat_map(|(_, image)| image.blobs.iter().chain(&image.documents)).collect();
    let digest_of = |name: &str| format!("sha256:{}", name.trim_end_matches(".json")).parse::<Digest>().ok();
    for (folder, used) in [("documents", &documents), ("blobs", &blobs)] {
        for (name, path) in names(&store.directory().join(folder))? {
            let Some(digest) = digest_of(&name) else { continue };
            store.with_leases(|leases| {
                let has_layer = || {
                    let diff_id = read_json::<BlobRecord>(&path).and_then(|record| record.diff_id);
                    diff_id.is_some_and(|diff_id| store.layer_record(&diff_id).is_some())
                };
                let needed =
                    used.contains(&digest) || leases.contains_key(&digest) || (folder == "blobs" && has_layer());
                if !needed {
                    remove(&path);
                }
            });
        }
    }
    Ok(())
}

/// Layers that container directories use.
fn layers_of_directories(store: &Store) -> Result<HashSet<Digest>, StoreError> {
    let mut layers = HashSet::new();
    for (_, path) in names(&store.directory().join("leases"))? {
        let Some(lease) = read_json::<DirectoryLease>(&path) else { continue };
        layers.extend(lease.layers);
    }
    Ok(layers)
}

/// Image records, least recently used first.
fn images_by_age(store: &Store) -> Result<Vec<(PathBuf, ImageRecord)>, StoreError> {
    let mut images = Vec::new();
    for (_, path) in names(&store.directory().join("images"))? {
        let used = path.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        if let Some(record) = read_json::<ImageRecord>(&path) {
            images.push((used, path, record));
        }
    }
    images.sort_by_key(|(used, ..)| *used);
    Ok(images.into_iter().map(|(_, path, record)| (path, record)).collect())
}
