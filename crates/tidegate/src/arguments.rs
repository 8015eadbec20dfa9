//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ipnet::Ipv4Net;
use node::RuntimeChoice;

/// Where a server keeps everything unless it is told otherwise.
pub(crate) const DATA_DIRECTORY: &str = "/var/lib/tidegate";
/// What is read for registries unless another file is named; it need not be there.
pub(crate) const REGISTRIES: &str = "/etc/tidegate/registries.toml";

/// Fargate that you run yourself: AWS's APIs for ECS tasks, on this machine, for real.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, max_term_width = 100, after_help = "Begin with:  tidegate demo")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server in the foreground
    Serve(Serve),
    /// Print the variables that make every AWS client use the server: eval "$(tidegate env)"
    Env(Place),
    /// Walk the road of a private image on this machine, with a registry of its own
    Demo {
        /// End a demo that was left running in this directory, and remove all it holds
        #[arg(long, value_name = "DIRECTORY")]
        end: Option<PathBuf>,
    },
    /// Say why a task is where it is, or why a call was answered as it was, and what to do about it
    ///
    /// The id of a call's request stands in its answer: in the header x-amzn-requestid, which `aws --debug` prints, and in
    /// boto3 as ResponseMetadata.RequestId of the response (of an error: of error.response). The other SDKs put it into the
    /// text of the error.
    Explain {
        #[command(flatten)]
        place: Place,
        /// The task's id, the beginning of it, or its ARN; or the id of a request
        #[arg(value_name = "TASK or REQUEST-ID")]
        name: String,
        /// Print the explanation as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a link that signs a browser in to the web console, once, within five minutes
    Console(Place),
    /// Check the whole road of a task definition, from its roles to its image, without starting anything
    ///
    /// Exits with 0 if every link is good, with 1 if one is broken, and with 2 if it could not be checked.
    Check(Check),
    /// Print who did what, on which resource, and which statement allowed or denied it
    Audit(Audit),
    /// List the tasks of all clusters
    Ps {
        #[command(flatten)]
        place: Place,
        /// Stopped tasks too
        #[arg(short, long)]
        all: bool,
    },
    /// Print what a task's containers have printed
    Logs {
        #[command(flatten)]
        place: Place,
        /// Go on until the task has stopped
        #[arg(short, long)]
        follow: bool,
        /// The task's id, the beginning of it, or its ARN
        task: String,
    },
    /// Look at what this machine has of what tasks need
    Doctor(Place),
}

/// What is checked, and how the answer is printed.
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The JSON that RegisterTaskDefinition takes; - for standard input
    #[arg(required_unless_present_any = ["family", "task"], conflicts_with_all = ["family", "task"])]
    pub(crate) file: Option<PathBuf>,
    /// A registered task definition instead of a file
    #[arg(long, value_name = "NAME[:REVISION]")]
    pub(crate) family: Option<String>,
    /// A task that was run, as if it were run again: its id, the beginning of it, or its ARN
    #[arg(long, value_name = "TASK", conflicts_with_all = ["family", "cluster", "launch_type", "subnet"])]
    pub(crate) task: Option<String>,
    /// The cluster of the task [default: not checked]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// FARGATE or EC2 [default: FARGATE, if the definition is fit for it]
    #[arg(long, value_name = "TYPE")]
    pub(crate) launch_type: Option<String>,
    /// A subnet of the task; may be given several times [default: any]
    #[arg(long, value_name = "ID")]
    pub(crate) subnet: Vec<String>,
    /// Print the links as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which server a command is about.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The server's data directory [default: what AWS_ENDPOINT_URL names, else /var/lib/tidegate]
    #[arg(long, value_name = "DIRECTORY", env = "TIDEGATE_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The region that is meant [default: that of an ARN, else AWS_REGION, else the server's own]
    #[arg(long, value_name = "NAME", value_parser = region)]
    pub(crate) region: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Only calls about this resource: its ARN, or a part of it such as a secret's name
    #[arg(long, value_name = "ARN")]
    pub(crate) resource: Option<String>,
    /// Only calls of this user, role, session or task: its ARN or name
    #[arg(long, value_name = "ARN")]
    pub(crate) caller: Option<String>,
    /// Only calls of this operation (GetSecretValue)
    #[arg(long, value_name = "NAME")]
    pub(crate) event: Option<String>,
    /// Only what is not older: 15m, 1h, 2d, or a time (2026-11-23T12:00:00Z)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only what a policy refused
    #[arg(long)]
    pub(crate) denied: bool,
    /// At most so many, the newest ones
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Print each event as a line of JSON, in CloudTrail's form
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on with what comes
    #[arg(short, long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where everything durable lies
    #[arg(long, value_name = "DIRECTORY", default_value = DATA_DIRECTORY, env = "TIDEGATE_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4566")]
    pub(crate) listen: SocketAddr,
    /// The region of whoever names none; all others are served too
    #[arg(long, default_value = "us-east-1", value_parser = region)]
    pub(crate) region: String,
    /// The account that exists from the start
    #[arg(long, value_name = "12 DIGITS", default_value = "123456789012", value_parser = account)]
    pub(crate) account: String,
    /// A host name under which the web console may be opened, beside localhost and addresses
    #[arg(long, value_name = "NAME")]
    pub(crate) console_host: Vec<String>,
    /// Prints the root key, as 64 hexadecimal digits or in base64, from where it is kept; see also TIDEGATE_ROOT_KEY
    /// [default: the file root.key of the data directory]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) root_key_command: Option<String>,
    /// Serve the web console's files from here instead of those in this binary, for who works on it
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) console_dir: Option<PathBuf>,
    /// A range from which tasks get public addresses [default: 198.51.100.0/24, reachable from this host only]
    #[arg(long, value_name = "CIDR")]
    pub(crate) public_pool: Vec<Ipv4Net>,
    /// Mirrors, certificates and other settings per registry [default: /etc/tidegate/registries.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) registries: Option<PathBuf>,
    /// What starts containers: libcontainer (built in), or the command of an OCI runtime such as runc or runsc
    #[arg(long, value_name = "RUNTIME", default_value = "libcontainer")]
    pub(crate) runtime: RuntimeChoice,
    /// What rotates secrets in the place of Lambda functions: a shell command, called once for each step, with
    /// TIDEGATE_ROTATION_STEP, TIDEGATE_ROTATION_SECRET_ID, TIDEGATE_ROTATION_CLIENT_REQUEST_TOKEN and AWS credentials
    /// in its environment [default: RotateSecret is refused]
    #[arg(long, value_name = "COMMAND")]
    pub(crate) rotation_command: Option<String>,
    /// What network names begin with; a second server on this machine needs another one
    #[arg(long, value_name = "NAME", default_value = "tg", value_parser = network_name)]
    pub(crate) network_name: String,
    /// Four link-local addresses between host and tasks; a second server on this machine needs others
    #[arg(long, value_name = "CIDR", default_value = "169.254.172.0/30", value_parser = network_link)]
    pub(crate) network_link: Ipv4Net,
    /// How many days audit events are kept
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3653))]
    pub(crate) audit_days: u32,
    /// How many MiB of audit events are kept at most; the oldest go first
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..=1_048_576))]
    pub(crate) audit_mib: u64,
}

fn account(text: &str) -> Result<String, String> {
    let good = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if good { Ok(text.to_owned()) } else { Err("an account is 12 digits".to_owned()) }
}

fn region(text: &str) -> Result<String, String> {
    let good =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if good { Ok(text.to_owned()) } else { Err("a region is like us-east-1".to_owned()) }
}

fn network_name(text: &str) -> Result<String, String> {
    let good =
        (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if good { Ok(text.to_owned()) } else { Err("a name is 1 to 10 small letters and digits".to_owned()) }
}

fn network_link(text: &str) -> Result<Ipv4Net, String> {
    let range: Ipv4Net = text.parse().map_err(|_| "not an address range".to_owned())?;
    if range.prefix_len() == 30 { Ok(range.trunc()) } else { Err("the range has four addresses (/30)".to_owned()) }
}
