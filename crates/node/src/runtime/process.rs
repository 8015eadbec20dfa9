//! What a container executes: the image's configuration and the task definition's, merged as Docker and ECS merge them.

use domain::compute::{ContainerSpec, TaskSpec};

/// What an image says about its process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageDefaults {
    pub(crate) entry_point: Vec<String>,
    pub(crate) command: Vec<String>,
    /// `NAME=value`.
    pub(crate) environment: Vec<String>,
    pub(crate) user: String,
    pub(crate) working_directory: String,
    pub(crate) stop_signal: Option<String>,
}

/// What a container executes, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) arguments: Vec<String>,
    /// Without the secrets.
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) user: String,
    pub(crate) working_directory: String,
    pub(crate) stop_signal: i32,
}

/// The search path of an image that sets none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why an image and a definition make no process together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProcessError {
    /// Docker's words.
    #[error("the working directory '{0}' is invalid, it needs to be an absolute path")]
    WorkingDirectory(String),
    /// Nothing to execute.
    #[error("no command specified: neither the image nor the task definition names one")]
    NoCommand,
    /// The image's `StopSignal`.
    #[error("Invalid signal: {0}")]
    StopSignal(String),
}

/// Merges.
pub(crate) fn merge(
    task: &TaskSpec,
    container: &ContainerSpec,
    image: &ImageDefaults,
    hostname: &str,
) -> Result<Process, ProcessError> {
    let user = container.user.clone().unwrap_or_else(|| image.user.clone());
    let working_directory = match container.working_directory.as_deref().unwrap_or(&image.working_directory) {
        "" => "/",
        directory => directory,
    };
    if !working_directory.starts_with('/') {
        return Err(ProcessError::WorkingDirectory(working_directory.to_owned()));
    }
    Ok(Process {
        arguments: arguments(container, image)?,
        environment: environment(task, container, image, hostname),
        user,
        working_directory: working_directory.to_owned(),
        stop_signal: stop_signal(image.stop_signal.as_deref())?,
    })
}

/// An entry point of the definition silences the image's command as well.
fn arguments(container: &ContainerSpec, image: &ImageDefaults) -> Result<Vec<String>, ProcessError> {
    let given = |list: &Option<Vec<String>>| list.clone().filter(|list| !list.is_empty());
    let (mut entry_point, command) = match (given(&container.entry_point), given(&container.command)) {
        (Some(entry_point), command) => (entry_point, command.unwrap_or_default()),
        (None, Some(command)) => (image.entry_point.clone(), command),
        (None, None) => (image.entry_point.clone(), image.command.clone()),
    };
    entry_point.extend(command);
    if entry_point.is_empty() {
        return Err(ProcessError::NoCommand);
    }
    Ok(entry_point)
}

fn environment(
    task: &TaskSpec,
    container: &ContainerSpec,
    image: &ImageDefaults,
    hostname: &str,
) -> Vec<(String, String)> {
    let mut merged = Environment::default();
    merged.set("PATH", DEFAULT_PATH);
    merged.set("HOSTNAME", hostname);
    if container.pseudo_terminal {
        merged.set("TERM", "xterm");
    }
    merged.set("AWS_REGION", &task.region);
    merged.set("AWS_DEFAULT_REGION", &task.region);
    for variable in &image.environment {
        let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
        merged.set(name, value);
    }
    for (name, value) in &container.environment {
        merged.set(name, value);
    }
    let execution = if task.launch_type == "FARGATE" { "AWS_ECS_FARGATE" } else { "AWS_ECS_EC2" };
    merged.set("AWS_EXECUTION_ENV", execution);
    let endpoint = "http://169.254.170.2";
    let id = &container.runtime_id;
    merged.set("ECS_CONTAINER_METADATA_URI", &format!("{endpoint}/v3/{id}"));
    merged.set("ECS_CONTAINER_METADATA_URI_V4", &format!("{endpoint}/v4/{id}"));
    merged.set("ECS_AGENT_URI", &format!("{endpoint}/api/{id}"));
    if task.task_role_arn.is_some() {
        merged.set(
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            &format!("/v2/credentials/{}", credentials_id(&task.task_id)),
        );
    }
    // A secret of the same name wins; the plain value must not reach the process a second time.
    merged.0.retain(|(name, _)| !container.secret_names.contains(name));
    merged.0
}

/// The id in the credentials endpoint's path: a UUID, the same for all containers of the task and for ever.
pub(crate) fn credentials_id(task_id: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(format!("tidegate credentials {task_id}"));
    let text = hex::encode(&digest[..16]);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[derive(Default)]
struct Environment(Vec<(String, String)>);

impl Environment {
    fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(existing, _)| existing == name) {
            Some((_, existing)) => value.clone_into(existing),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// `SIGQUIT`, `QUIT` or `3`; SIGTERM when the image names none.
fn stop_signal(text: Option<&str>) -> Result<i32, ProcessError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(nix::libc::SIGTERM) };
    if let Ok(number) = text.parse::<i32>() {
        return if (1..=64).contains(&number) { Ok(number) } else { Err(ProcessError::StopSignal(text.to_owned())) };
    }
    let name = text.to_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if let Some(offset) = name.strip_prefix("RTMIN") {
        let offset: i32 = offset.trim_start_matches('+').parse().unwrap_or(0);
        return Ok(34 + offset.clamp(0, 30));
    }
    format!("SIG{name}")
        .parse::<nix::sys::signal::Signal>()
        .map(|signal| signal as i32)
        .map_err(|_| ProcessError::StopSignal(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{container, task};

    fn image() -> ImageDefaults {
        ImageDefaults {
            entry_point: vec!["/entry".into()],
            command: vec!["run".into()],
            environment: vec!["FROM_IMAGE=1".into(), "BOTH=image".into(), "AWS_REGION=image".into()],
            ..ImageDefaults::default()
        }
    }

    #[test]
    fn entry_point_and_command_merge_as_docker_merges_them() {
        let list = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let cases = [
            (None, None, Some("/entry run")),
            (None, list(&["other"]), Some("/entry other")),
            (list(&["/mine"]), None, Some("/mine")),
            (list(&["/mine"]), list(&["other"]), Some("/mine other")),
            (list(&[]), list(&[]), Some("/entry run")),
        ];
        for (entry_point, command, expected) in cases {
            let mut spec = container("c");
            (spec.entry_point, spec.command) = (entry_point, command);
            let joined = arguments(&spec, &image()).ok().map(|words| words.join(" "));
            assert_eq!(joined.as_deref(), expected);
        }
        assert!(arguments(&container("c"), &ImageDefaults::default()).is_err());
    }

    #[test]
    fn the_environment_s_order_of_precedence() {
        let mut spec = container("c");
        spec.environment = vec![("BOTH".into(), "definition".into()), ("PASSWORD".into(), "plain".into())];
        spec.secret_names = vec!["PASSWORD".into()];
        let mut whole = task("t", vec![spec.clone()]);
        whole.task_role_arn = Some("arn:aws:iam::123456789012:role/r".into());
        let merged = environment(&whole, &spec, &image(), "host");
        let value = |name: &str| merged.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(value("BOTH"), Some("definition"));
        assert_eq!(value("FROM_IMAGE"), Some("1"));
        assert_eq!(value("AWS_REGION"), Some("image"));
        assert_eq!(value("AWS_DEFAULT_REGION"), Some("us-east-1"));
        assert_eq!(value("PASSWORD"), None);
        assert_eq!(value("AWS_EXECUTION_ENV"), Some("AWS_ECS_FARGATE"));
        assert!(value("ECS_CONTAINER_METADATA_URI_V4").is_some_and(|uri| uri.starts_with("http://169.254.170.2/v4/")));
        assert!(value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some());
    }

    #[test]
    fn stop_signals_are_read_as_docker_reads_them() {
        for (text, expected) in
            [("", Some(15)), ("SIGQUIT", Some(3)), ("quit", Some(3)), ("3", Some(3)), ("nonsense", None), ("0", None)]
        {
            assert_eq!(stop_signal(Some(text)).ok(), expected, "{text}");
        }
        assert_eq!(stop_signal(Some("SIGRTMIN+3")), Ok(37));
    }
}
