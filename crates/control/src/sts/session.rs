//! What a new session is limited by and carries: session policies and tags, and how much room they take.

use std::collections::BTreeMap;

use api::sts::{PolicyDescriptorType, Tag};
use domain::iam::{Policy, PolicyKind, SessionContext};

use crate::iam::{malformed, policy_by_arn, validation};
use crate::store::State;
use crate::{Access, ServiceError};

/// Characters of a session policy.
const POLICY_CHARACTERS: usize = 2048;
/// Managed session policies.
const POLICY_ARNS: usize = 10;
/// Session tags.
const TAGS: usize = 50;
/// Bytes of what a session carries in its token, of which PackedPolicySize tells the part in percent.
const PACKED_BYTES: usize = 12_288;

/// The session policies of a request: documents, and ARNs of managed policies.
pub(super) fn policies(
    policy: Option<&String>,
    arns: Option<&[PolicyDescriptorType]>,
    state: &State,
) -> Result<(Vec<String>, Vec<String>), ServiceError> {
    if let Some(document) = policy {
        Policy::parse(document, PolicyKind::Inline).map_err(|error| malformed(&error))?;
        if document.chars().count() > POLICY_CHARACTERS {
            return Err(validation(format!("A session policy has at most {POLICY_CHARACTERS} characters.")));
        }
    }
    let arns: Vec<String> = arns.unwrap_or_default().iter().filter_map(|policy| policy.arn.clone()).collect();
    if arns.len() > POLICY_ARNS {
        return Err(validation(format!("A session can have at most {POLICY_ARNS} managed policies.")));
    }
    match arns.iter().find(|arn| policy_by_arn(state, arn).is_none()) {
        Some(arn) => Err(ServiceError::new("MalformedPolicyDocument", format!("The policy {arn} does not exist."))),
        None => Ok((policy.cloned().into_iter().collect(), arns)),
    }
}

/// The session tags of a request over those that go on from the calling session; keys are told apart ignoring case.
pub(super) fn add_tags(tags: &mut BTreeMap<String, String>, given: &[Tag]) -> Result<(), ServiceError> {
    if given.len() > TAGS {
        return Err(validation(format!("A session can have at most {TAGS} tags.")));
    }
    for (index, tag) in given.iter().enumerate() {
        if given[..index].iter().any(|earlier| earlier.key.eq_ignore_ascii_case(&tag.key)) {
            return Err(ServiceError::new(
                "InvalidParameterValue",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        tags.retain(|known, _| !known.eq_ignore_ascii_case(&tag.key));
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    Ok(())
}

/// The access with the session tags that the request brings.
pub(super) fn requesting(access: Access, tags: Option<&[Tag]>) -> Access {
    access.with_request_tags(tags.unwrap_or_default().iter().map(|tag| (&tag.key, &tag.value)))
}

/// How much of what a token may carry is used.
pub(super) fn packed_percent(context: &SessionContext) -> Result<i32, ServiceError> {
    let strings = context.policies.iter().chain(&context.policy_arns).chain(context.tags.keys());
    let bytes: usize = strings.chain(context.tags.values()).map(String::len).sum();
    let percent = i32::try_from((bytes * 100).div_ceil(PACKED_BYTES)).unwrap_or(i32::MAX);
    if percent > 100 {
        return Err(ServiceError::new(
            "PackedPolicyTooLarge",
            format!("Packed size of session tags and policies consumes {percent}% of allotted space."),
        ));
    }
    Ok(percent)
}

/// The same where the answer leaves it out when the session was given nothing.
pub(super) fn packed_percent_if_any(context: &SessionContext) -> Result<Option<i32>, ServiceError> {
    let has_any = !(context.policies.is_empty() && context.policy_arns.is_empty() && context.tags.is_empty());
    packed_percent(context).map(|percent| has_any.then_some(percent))
}
