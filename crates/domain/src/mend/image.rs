//! Another tag for an image: which of those that are there is meant, and the image's name with it.

/// How many tags are suggested.
const SUGGESTIONS: usize = 3;
/// The longest tag that a registry may have (OCI distribution specification).
const TAG_CHARACTERS: usize = 128;

/// The tags that come nearest to that of the image, the nearest first.
pub fn closest<'a>(image: &str, tags: &'a [String]) -> Vec<&'a str> {
    let wanted = tag_of(image);
    let mut near: Vec<(usize, &str)> = tags
        .iter()
        .filter(|tag| tag.len() <= TAG_CHARACTERS)
        .map(|tag| (distance(wanted, tag), tag.as_str()))
        .collect();
    near.sort_unstable();
    near.into_iter().take(SUGGESTIONS).map(|(_, tag)| tag).collect()
}

/// The image's name with another tag, in the place of its tag or digest.
pub fn with_tag(image: &str, tag: &str) -> String {
    format!("{}:{tag}", repository(image))
}

fn repository(image: &str) -> &str {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    match named.rsplit_once(':') {
        // Before a slash it is the port of a host.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => named,
    }
}

fn tag_of(image: &str) -> &str {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    named.strip_prefix(repository(image)).and_then(|rest| rest.strip_prefix(':')).unwrap_or("latest")
}

/// How many letters must be put in, taken out or changed (Levenshtein) to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (place, against) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *against);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_tags_come_first() {
        let tags = ["v2", "latest", "v1.2.3", "v1.2", "main"].map(str::to_owned);
        assert_eq!(closest("127.0.0.1:5000/a/b:v1.2.4", &tags), ["v1.2.3", "v1.2", "v2"]);
        assert_eq!(closest("127.0.0.1:5000/a/b", &tags)[0], "latest");
        assert_eq!(closest("a:x", &["y".repeat(200)]), Vec::<&str>::new());
    }

    #[test]
    fn a_tag_takes_the_place_of_tag_or_digest() {
        for image in ["r:5000/a/b", "r:5000/a/b:v1", "r:5000/a/b@sha256:0", "r:5000/a/b:v1@sha256:0"] {
            assert_eq!(with_tag(image, "v2"), "r:5000/a/b:v2");
        }
        assert_eq!(with_tag("nginx", "1"), "nginx:1");
    }
}
