//! Which layers of an image a root file system is stacked from.
//!
//! An image may name one layer several times: builders write the same empty layer for every step that changes nothing,
//! and a file may be added, removed and added again. An overlay file system refuses one directory at two places of its
//! stack. Only the topmost occurrence has to stay. Whatever a layer says of a path (a file, a removal, a directory that
//! hides what lies below) it says again at the top, and there it decides alone; what it does not speak of, it leaves at
//! both places as it finds it. So a lower occurrence is never seen through the topmost one.

use std::collections::HashSet;
use std::hash::Hash;

/// The layers that count, lowest first: of each that is there several times only the topmost.
pub fn distinct<T: Eq + Hash>(layers: &[T]) -> Vec<&T> {
    let mut seen = HashSet::with_capacity(layers.len());
    let mut kept: Vec<&T> = layers.iter().rev().filter(|layer| seen.insert(*layer)).collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_topmost_stays() {
        let kept = |layers: &str| distinct(&layers.chars().collect::<Vec<_>>()).into_iter().collect::<String>();
        for (layers, expected) in
            [("", ""), ("a", "a"), ("aa", "a"), ("aba", "ba"), ("abcbad", "cbad"), ("eaebe", "abe")]
        {
            assert_eq!(kept(layers), expected, "{layers}");
        }
    }

    /// What a layer says of a path.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    enum Word {
        File(u8),
        Directory(u16),
        /// A directory with only what this layer puts into it.
        Opaque(u16),
        Removed,
    }

    type Layer = BTreeMap<String, Word>;

    /// What is at a path of a root file system.
    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Thing {
        File(u8),
        /// With its mode.
        Directory(u16),
    }

    type Tree = BTreeMap<String, Thing>;

    fn remove(tree: &mut Tree, path: &str) {
        tree.retain(|known, _| known != path && !known.starts_with(&format!("{path}/")));
    }

    /// Applies one layer, entry by entry, as a client without overlay file systems does: removals before additions.
    fn apply(tree: &mut Tree, layer: &Layer) {
        for (path, word) in layer {
            match word {
                Word::Removed => remove(tree, path),
                Word::Opaque(_) => tree.retain(|known, _| !known.starts_with(&format!("{path}/"))),
                Word::File(_) | Word::Directory(_) => {}
            }
        }
        for (path, word) in layer {
            let thing = match word {
                Word::Removed => continue,
                Word::File(content) => Thing::File(*content),
                Word::Directory(mode) | Word::Opaque(mode) => Thing::Directory(*mode),
            };
            // Parents that the layer does not describe keep what they are, if they are directories.
            for (end, _) in path.match_indices('/') {
                if !matches!(tree.get(&path[..end]), Some(Thing::Directory(_))) {
                    remove(tree, &path[..end]);
                    tree.insert(path[..end].to_owned(), Thing::Directory(0o755));
                }
            }
            if !matches!((&thing, tree.get(path)), (Thing::Directory(_), Some(Thing::Directory(_)))) {
                remove(tree, path);
            }
            tree.insert(path.clone(), thing);
        }
    }

    fn applied<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Tree {
        let mut tree = Tree::new();
        layers.into_iter().for_each(|layer| apply(&mut tree, layer));
        tree
    }

    fn layer() -> impl Strategy<Value = Layer> {
        let path = prop::collection::vec(prop::sample::select(vec!["a", "b"]), 1..4).prop_map(|parts| parts.join("/"));
        let mode = prop::sample::select(vec![0o700, 0o755, 0o1777]);
        let word = prop_oneof![
            (0..3_u8).prop_map(Word::File),
            mode.clone().prop_map(Word::Directory),
            mode.prop_map(Word::Opaque),
            Just(Word::Removed),
        ];
        prop::collection::btree_map(path, word, 0..5).prop_map(|mut layer| {
            // No layer has something within what it says is no directory.
            let flat: Vec<String> = layer
                .iter()
                .filter(|(_, word)| matches!(word, Word::File(_) | Word::Removed))
                .map(|(path, _)| format!("{path}/"))
                .collect();
            layer.retain(|path, _| !flat.iter().any(|flat| path.starts_with(flat)));
            layer
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_lower_ones_are_never_missed(
            layers in prop::collection::vec(layer(), 1..4),
            order in prop::collection::vec(0..4_usize, 1..8),
        ) {
            let image: Vec<Layer> = order.iter().map(|index| layers[index % layers.len()].clone()).collect();
            prop_assert_eq!(applied(&image), applied(distinct(&image)));
        }
    }
}
