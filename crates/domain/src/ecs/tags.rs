//! Tags of ECS resources.

use std::collections::BTreeMap;

use api::ecs::Tag;

use super::Refusal;

/// The tag that `enableECSManagedTags` puts on a task.
pub const MANAGED_TAG_CLUSTER: &str = "aws:ecs:clusterName";
/// The most tags of one resource.
const TAGS: usize = 50;
/// The longest key, in characters.
const KEY_CHARACTERS: usize = 128;
/// The longest value, in characters.
const VALUE_CHARACTERS: usize = 256;

/// Reads the tags a caller gives.
pub fn tags_from(tags: Option<&[Tag]>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut read = BTreeMap::new();
    for tag in tags.unwrap_or_default() {
        let key = tag.key.as_deref().unwrap_or_default();
        let value = tag.value.as_deref().unwrap_or_default();
        if key.is_empty() {
            return Err(Refusal::parameter("Tag key cannot be null or empty."));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::parameter(format!(
                "Tag key '{key}' is not valid: the prefix 'aws:' is reserved for use by AWS."
            )));
        }
        if key.chars().count() > KEY_CHARACTERS || value.chars().count() > VALUE_CHARACTERS {
            return Err(Refusal::parameter(format!(
                "Tag '{key}' is not valid: a key has at most {KEY_CHARACTERS} characters, a value at most \
                 {VALUE_CHARACTERS}."
            )));
        }
        if read.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::parameter(format!("Duplicate tag key '{key}'.")));
        }
    }
    check_count(&read)?;
    Ok(read)
}

/// Puts tags over those a resource has.
pub fn merge_tags(tags: &mut BTreeMap<String, String>, added: BTreeMap<String, String>) -> Result<(), Refusal> {
    let mut merged = tags.clone();
    merged.extend(added);
    check_count(&merged)?;
    *tags = merged;
    Ok(())
}

/// What a service puts there by itself does not count.
fn check_count(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.keys().filter(|key| !key.starts_with("aws:")).count() > TAGS {
        return Err(Refusal::parameter(format!("A resource has at most {TAGS} tags.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: Some(key.into()), value: Some(value.into()) }
    }

    #[test]
    fn tags_have_limits() {
        assert_eq!(tags_from(None).map(|tags| tags.len()), Ok(0));
        assert!(tags_from(Some(&[tag("a", "1"), tag("b", "")])).is_ok());
        for bad in [tag("", "x"), tag("AWS:x", "x"), tag(&"k".repeat(129), "x"), tag("k", &"v".repeat(257))] {
            assert!(tags_from(Some(&[bad])).is_err());
        }
        assert!(tags_from(Some(&[tag("a", "1"), tag("a", "2")])).is_err());
        let many: Vec<Tag> = (0..50).map(|n| tag(&n.to_string(), "")).collect();
        let mut full = tags_from(Some(&many)).expect("fifty are allowed");
        assert!(merge_tags(&mut full, [("49".to_owned(), "new".to_owned())].into()).is_ok());
        assert!(merge_tags(&mut full, [("50".to_owned(), "new".to_owned())].into()).is_err());
        assert_eq!(full.len(), 50);
    }
}
