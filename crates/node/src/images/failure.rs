//! AWS's sentence for a failed pull, and beside it what AWS does not tell: who was asked as whom, what they answered, and
//! what to do about it.
//!
//! The count in "has been retried n time(s)" is the number of attempts that were really made.

use domain::failure::{Failure, FailureName, Link, LinkKind, Outcome};
use domain::mend::Fault;

use super::error::{Answer, Denial, DeniedBy, NoAnswer, PullError, Scheme, Spent};
use crate::causes::Causes;
use domain::image::reference::Reference;

/// Which stage of a pull failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// From the reference to the manifest of this platform.
    Resolve,
    /// Configuration and layers.
    Copy,
}

/// Who was asked, as whom, for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) reference: &'a Reference,
    /// The registry's host as contacted.
    pub(super) host: &'a str,
    pub(super) user: Option<&'a str>,
}

impl Asked<'_> {
    fn who(&self) -> String {
        self.user.map_or_else(|| String::from("anonymously"), |user| format!("as {user}"))
    }
}

/// The failure of a reference that is none.
pub(super) fn of_reference(text: &str, error: &PullError) -> Failure {
    let shown: String = text.chars().filter(|character| !character.is_control()).take(300).collect();
    let message = format!("failed to parse image reference \"{shown}\": {error}");
    Failure::new(FailureName::CannotPullContainerError, message).with_link(Link::broken(
        LinkKind::Image,
        shown,
        error.to_string(),
        "write the image as host/repository:tag, or as repository:tag for Docker Hub",
    ))
}

/// The failure of a stage.
pub(super) fn of(stage: Stage, spent: &Spent, asked: Asked<'_>) -> Failure {
    let Spent { error, attempts } = spent;
    let cause = match stage {
        Stage::Resolve => {
            format!("pull image manifest has been retried {attempts} time(s): {}", resolve_words(error, asked))
        }
        Stage::Copy => format!("ref pull has been retried {attempts} time(s): {}", copy_words(error)),
    };
    let failure = Failure::new(FailureName::CannotPullContainerError, cause);
    links(stage, error, asked).into_iter().fold(failure, Failure::with_link)
}

fn resolve_words(error: &PullError, asked: Asked<'_>) -> String {
    let told = |answer: &Answer| {
        format!("pulling from host {} failed with status code [{}]: {}", answer.host, answer.what, answer.status_line())
    };
    let words = match error {
        PullError::Platform { .. } => return error.to_string(),
        PullError::Status(answer) if answer.status == 404 => String::from("not found"),
        PullError::Status(answer) => match (&answer.server, answer.status) {
            (Some(words), 429) => {
                let line = answer.status_line();
                return format!(
                    "httpReaderSeeker: failed open: unexpected status code {}: {line} - Server message: {words}",
                    answer.url
                );
            }
            _ => told(answer),
        },
        PullError::Denied(denial) if denial.scheme == Scheme::Bearer => {
            let error = denial.challenge_error.as_deref().unwrap_or("insufficient_scope");
            format!(
                "pull access denied, repository does not exist or may require authorization: \
                 server message: {error}: authorization failed"
            )
        }
        PullError::Denied(denial) => told(denial),
        other => words_of(other),
    };
    format!("failed to resolve ref {}: {words}", asked.reference)
}

fn copy_words(error: &PullError) -> String {
    match error {
        PullError::Status(answer) => status_words(answer),
        PullError::Denied(denial) => status_words(denial),
        PullError::WrongDigest { expected, .. } => {
            format!("failed to copy: failed commit on ref \"layer-{expected}\": {error}")
        }
        PullError::WrongSize { digest, .. } => {
            format!("failed to copy: failed commit on ref \"layer-{digest}\": {error}")
        }
        PullError::Layer { .. } | PullError::Platform { .. } | PullError::Unsupported(_) => error.to_string(),
        other => format!("failed to copy: {}", words_of(other)),
    }
}

/// An error's words; of one of this host with what the kernel said.
fn words_of(error: &PullError) -> String {
    match error {
        PullError::Store(error) => Causes(error).to_string(),
        other => other.to_string(),
    }
}

fn status_words(answer: &Answer) -> String {
    let words = format!(
        "failed to copy: httpReaderSeeker: failed open: unexpected status code {}: {}",
        answer.url,
        answer.status_line()
    );
    answer.server.as_ref().map_or_else(|| words.clone(), |server| format!("{words} - Server message: {server}"))
}

/// The registry's link and the image's; the first broken one has the mend.
fn links(stage: Stage, error: &PullError, asked: Asked<'_>) -> Vec<Link> {
    let reference = asked.reference.to_string();
    let link = |kind, subject: &str, outcome, detail: String, mend: String| Link {
        kind,
        subject: subject.to_owned(),
        outcome,
        detail,
        mend,
        fault: fault(error, asked).filter(|_| outcome == Outcome::Broken).map(Box::new),
    };
    let asked_for = match stage {
        Stage::Resolve => format!("asked {} for {reference} {}", asked.host, asked.who()),
        Stage::Copy => format!("{} gave the manifest of {reference} when asked {}", asked.host, asked.who()),
    };
    if let Some((detail, mend)) = registry_trouble(error, asked) {
        let detail = format!("{asked_for}; {detail}");
        let unreached = String::from("the image was not reached");
        return vec![
            link(LinkKind::Registry, asked.host, Outcome::Broken, detail, mend),
            link(LinkKind::Image, &reference, Outcome::NotReached, unreached, String::new()),
        ];
    }
    let answered = match (stage, error) {
        (Stage::Resolve, PullError::Status(_)) => "; it answered that there is no such image",
        (Stage::Resolve, _) => "; it answered",
        (Stage::Copy, _) => "",
    };
    let (detail, mend) = image_trouble(error, asked);
    let registry = link(LinkKind::Registry, asked.host, Outcome::Good, format!("{asked_for}{answered}"), String::new());
    if let PullError::Platform { wanted, .. } = error {
        let there = String::from("the registry gave its manifest");
        return vec![
            registry,
            link(LinkKind::Image, &reference, Outcome::Good, there, String::new()),
            link(LinkKind::Platform, &format!("linux/{wanted}"), Outcome::Broken, detail, mend),
        ];
    }
    vec![registry, link(LinkKind::Image, &reference, Outcome::Broken, detail, mend)]
}

/// What a mend is made of.
fn fault(error: &PullError, asked: Asked<'_>) -> Option<Fault> {
    match (error, asked.user) {
        (PullError::Denied(_), None) => Some(Fault::NoLogin),
        (PullError::Denied(denial), Some(user)) if is_of_password(denial) => {
            Some(Fault::WrongLogin { user: user.to_owned() })
        }
        (PullError::Status(answer), _) if answer.status == 404 && !answer.what.starts_with("blobs ") => {
            Some(Fault::NoTag { tags: Vec::new() })
        }
        _ => None,
    }
}

/// Whether it is the password that was refused, and not what its user may.
fn is_of_password(denial: &Denial) -> bool {
    !(denial.by == DeniedBy::Registry && denial.scheme == Scheme::Bearer) && denial.status != 403
}

/// What the registry did wrong, and the mend; `None` if it is the image (or this host) that is broken.
fn registry_trouble(error: &PullError, asked: Asked<'_>) -> Option<(String, String)> {
    match error {
        PullError::Denied(denial) => Some((answered(denial), denied_mend(denial, asked))),
        PullError::Status(answer) if answer.status == 404 => None,
        PullError::Status(answer) => {
            let mend = match answer.status {
                429 if asked.user.is_none() => String::from(
                    "the registry limits how often it is asked without a user: add repositoryCredentials to the container, \
                     wait, or name a mirror in the --registries file",
                ),
                429 => String::from(
                    "the registry limits how often this user may ask: wait, or name a mirror in the --registries file",
                ),
                500.. => {
                    String::from("the registry is in trouble itself: look at its logs, and run the task again later")
                }
                _ => String::from("look at the registry's logs for why it refused the request"),
            };
            Some((answered(answer), mend))
        }
        PullError::NoAnswer { host, words, kind, .. } => {
            Some((format!("no answer from {host}: {words}"), no_answer_mend(*kind, host)))
        }
        PullError::Redirect { .. } => Some((
            error.to_string(),
            String::from("the redirect looks unsafe; if the target is right, list its host in the --registries file"),
        )),
        PullError::Protocol { .. } => {
            Some((error.to_string(), String::from("this does not look like a sound registry: check the image's host")))
        }
        PullError::TimedOut => Some((
            String::from("it took too long"),
            String::from("check the network between this host and the registry, then run the task again"),
        )),
        _ => None,
    }
}

fn answered(answer: &Answer) -> String {
    let words = answer.server.as_ref().map_or_else(String::new, |words| format!(" ({words})"));
    format!("{} answered {} to {}{words}", answer.host, answer.status_line(), answer.what)
}

fn denied_mend(denial: &Denial, asked: Asked<'_>) -> String {
    let repository = asked.reference.repository();
    match asked.user {
        None => String::from(
            "the image is private, or does not exist: add repositoryCredentials with a secret of username and password to the \
             container definition, and let the execution role read that secret",
        ),
        Some(user) if denial.by == DeniedBy::Registry && denial.scheme == Scheme::Bearer => format!(
            "the password of {user} was accepted, but {user} may not pull {repository}: let {user} read it, or check the \
             repository's name"
        ),
        Some(user) if denial.status == 403 => {
            format!(
                "{user} may not pull {repository}: let {user} read it at the registry, or check the repository's name"
            )
        }
        Some(user) => format!(
            "the registry refused {user}'s password: put the right one into the secret that repositoryCredentials names"
        ),
    }
}

fn no_answer_mend(kind: NoAnswer, host: &str) -> String {
    match kind {
        NoAnswer::Dns => format!("check the spelling of the image's host, and that this machine can resolve {host}"),
        NoAnswer::Refused => format!("nobody listens there: check that the registry runs, and the port in {host}"),
        NoAnswer::Silent => format!(
            "{host} took the request and then sent nothing, or next to nothing: look at its load and its storage, and at the \
             network between it and this machine"
        ),
        NoAnswer::TimedOut => format!("check routes and firewalls between this machine and {host}"),
        NoAnswer::Certificate => format!(
            "give the certificate authority of {host} as `ca` in the --registries file, or renew the registry's certificate"
        ),
        NoAnswer::Broken => format!(
            "check that {host} is a registry and speaks TLS; plain HTTP must be allowed with plain_http in the --registries file"
        ),
        NoAnswer::Forbidden => format!(
            "the registry led to an address that lies nearer to this machine than itself; if that is right, list {host} in the \
             --registries file"
        ),
    }
}

fn image_trouble(error: &PullError, asked: Asked<'_>) -> (String, String) {
    match error {
        PullError::Status(answer) if let Some(digest) = answer.what.strip_prefix("blobs ") => (
            format!("the manifest names {digest}, and the registry does not have it"),
            String::from("push the image again: its upload was not finished, or the registry's storage lost this part"),
        ),
        PullError::Status(_) => {
            let hint = if asked.user.is_none() { " (a private registry may say so of what it hides)" } else { "" };
            let tag = asked.reference.target();
            (
                format!("the registry has no {tag} in {}{hint}", asked.reference.repository()),
                String::from("check the repository's name and the tag, or push the image first"),
            )
        }
        PullError::Platform { wanted, offered } => (
            format!(
                "the image is not there for linux/{wanted}; there is: {}",
                if offered.is_empty() { String::from("nothing") } else { offered.join(", ") }
            ),
            String::from(
                "build the image for this platform, or set runtimePlatform.cpuArchitecture of the task definition",
            ),
        ),
        PullError::Unsupported(why) => (why.clone(), String::from("push the image again with a current client")),
        PullError::WrongDigest { .. } | PullError::WrongSize { .. } => (
            format!("what the registry sent is not what the manifest says: {error}"),
            String::from("the registry's storage, or a proxy before it, is damaged: push the image again"),
        ),
        PullError::Layer { source: super::unpack::UnpackError::Host { .. }, .. } | PullError::Store(_) => (
            words_of(error),
            String::from("look at the free space and the health of the disk below Tidegate's data directory"),
        ),
        PullError::Layer { .. } => (
            error.to_string(),
            String::from("the layer is damaged or malicious: do not use this image, or build it again"),
        ),
        other => (other.to_string(), String::from("look at the server's log for more")),
    }
}
