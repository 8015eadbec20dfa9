//! Every limit of the control plane, in one place.

/// The largest request body, in bytes. AWS's largest request here is PutLogEvents with one MiB of events.
pub const REQUEST_BODY_BYTES: usize = 2 * 1024 * 1024;
/// How many bytes of requests may be in memory together; who holds some and is slowest gives way.
pub const REQUEST_BYTES_TOGETHER: usize = 128 * 1024 * 1024;
/// How long a new connection may be silent, in seconds.
pub const FIRST_BYTE_SECONDS: u64 = 5;
/// How long a client may take to send a head, in seconds.
pub const REQUEST_HEAD_SECONDS: u64 = 10;
/// How long a connection may be silent between two requests, in seconds.
pub const KEEP_ALIVE_SECONDS: u64 = 60;
/// A body is given up when this many seconds ...
pub const BODY_WINDOW_SECONDS: u64 = 5;
/// ... bring fewer bytes than this.
pub const BODY_WINDOW_BYTES: usize = 16 * 1024;
/// How long a client may take nothing of its answer, in seconds.
pub const ANSWER_STUCK_SECONDS: u64 = 30;
/// The accepted difference between a request's time and ours, in seconds.
pub const CLOCK_SKEW_SECONDS: i64 = 300;
/// How long a stopped task stays visible, in seconds (ECS promises at least one hour).
pub const STOPPED_TASK_SECONDS: i64 = 3600;
/// How long RunTask remembers a client token, in seconds.
pub const CLIENT_TOKEN_SECONDS: i64 = 24 * 3600;
/// The most journal batches that one durable commit takes together.
pub const GROUP_COMMIT_BATCHES: usize = 256;
/// How often the journal looks whether there is room on the disk again, in milliseconds.
pub const JOURNAL_PROBE_MILLISECONDS: u64 = 1000;
/// How much room there must be, in bytes: more than one write needs, so that the next ones do not fail again at once.
pub const JOURNAL_PROBE_BYTES: usize = 128 * 1024;
/// The largest append to a log stream, in bytes.
pub const LOG_APPEND_BYTES: usize = 16 * 1024 * 1024;
/// A segment of a log stream takes no further append beyond this size, in bytes.
pub const LOG_SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
/// How much of the log files one FilterLogEvents reads before it answers with a token, in bytes.
pub const LOG_SEARCH_BYTES: u64 = 64 * 1024 * 1024;
/// The time between two searches for expired log events, in seconds.
pub const LOG_RETENTION_SECONDS: u64 = 600;
/// The longest parameters or answer that an audit event keeps, in bytes of JSON.
pub const AUDIT_PARAMETERS_BYTES: usize = 64 * 1024;
/// The longest error message or user agent that an audit event keeps, in characters.
pub const AUDIT_TEXT_CHARACTERS: usize = 1024;
/// How many decisions that allowed something an audit event keeps.
pub const AUDIT_RULINGS: usize = 32;
/// How many counts a minute the audit has of each kind, before what comes beyond shares one.
pub const AUDIT_COUNTS: usize = 64;
/// How many different calls, and access keys, one count tells.
pub const AUDIT_COUNT_NAMES: usize = 32;
/// The time between two looks whether a minute's counts are to be written, in seconds.
pub const AUDIT_COUNT_CHECK_SECONDS: u64 = 5;
/// How long before its end the session of a task's role is begun anew, in seconds.
pub const TASK_SESSION_RENEWAL_SECONDS: i64 = 3600;
/// How often an hour the audit keeps the same refusal (caller, call, error) whole; then it counts.
pub const AUDIT_REFUSALS_AN_HOUR: u32 = 60;
/// How many different refusals an hour are told apart for that.
pub const AUDIT_REFUSAL_KINDS: usize = 4096;
/// How often the log tells that audit events are lost, in seconds.
pub const AUDIT_LOST_WARNING_SECONDS: i64 = 60;
/// An audit file takes no further event beyond this size, in bytes.
pub const AUDIT_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// How much of the audit files one search reads before it answers with a token, in bytes.
pub const AUDIT_SEARCH_BYTES: usize = 64 * 1024 * 1024;
/// How far the clock may step back while a search by time still finds everything, in seconds.
pub const AUDIT_CLOCK_SECONDS: i64 = 300;
/// The time between two searches for audit files that are too old, in seconds.
pub const AUDIT_SWEEP_SECONDS: u64 = 3600;
/// The time between two writes of when keys, roles and secrets were used last, in seconds.
pub const LAST_USE_SAVE_SECONDS: u64 = 300;
/// How many items a page of KMS has when the caller does not say, and at most.
pub const KMS_PAGE_ITEMS: usize = 100;
/// The longest key policy, in bytes.
pub const KEY_POLICY_BYTES: usize = 32 * 1024;
/// How many grants a key may have.
pub const GRANTS_OF_KEY: usize = 50_000;
/// How many RSA keys are made at a time: each takes a processor for up to seconds.
pub const KEY_GENERATIONS: usize = 2;
/// How long a call waits for its turn to make an RSA key, in seconds.
pub const KEY_GENERATION_SECONDS: u64 = 30;
/// How often a key is rotated on demand (KMS's own limit).
pub const ON_DEMAND_ROTATIONS: usize = 25;
/// How long a key's import parameters are valid, in seconds.
pub const IMPORT_PARAMETERS_SECONDS: i64 = 24 * 3600;
/// How many tags a key or a secret may have.
pub const RESOURCE_TAGS: usize = 50;
/// How many connections the front door serves at a time; a quarter is kept for those on which somebody has signed.
pub const CONNECTIONS: usize = 1024;
/// How many connections beyond that may be about to be closed.
pub const CONNECTIONS_LEAVING: usize = 64;
/// How many file descriptors are left for everything that is no connection: journal, registries, shims, logs.
pub const DESCRIPTORS_RESERVED: u64 = 512;
/// The largest head of a request, in bytes.
pub const REQUEST_HEADER_BYTES: usize = 64 * 1024;
/// The most headers of a request.
pub const REQUEST_HEADERS: usize = 100;
/// How long the front door pauses when a connection cannot be accepted, in milliseconds.
pub const ACCEPT_PAUSE_MILLISECONDS: u64 = 50;
/// How often the log tells that connections cannot be accepted, in seconds.
pub const ACCEPT_WARNING_SECONDS: u64 = 60;
/// How long calls under way may take when the server ends, in seconds.
pub const SHUTDOWN_SECONDS: u64 = 10;
/// The largest body of a sign-in to the console, in bytes.
pub const CONSOLE_BODY_BYTES: usize = 4 * 1024;
/// How many sessions of the console, and how many links to begin one, may be open.
pub const CONSOLE_SESSIONS: usize = 1000;
/// How many items a page of Secrets Manager has when the caller does not say.
pub const SECRET_PAGE_ITEMS: usize = 100;
/// How many secrets one BatchGetSecretValue gives.
pub const BATCH_SECRETS: usize = 20;
/// How many versions a secret keeps, as far as the surplus has no label and is older than a day.
pub const SECRET_VERSIONS: usize = 100;
/// How old a version without a label must be before it may be dropped, in seconds.
pub const DEPRECATED_VERSION_SECONDS: i64 = 24 * 3600;
/// How long one step of a rotation may take, in seconds: what AWS gives a Lambda function.
pub const ROTATION_STEP_SECONDS: i64 = 15 * 60;
/// How often a rotation may fail before it is given up until its next window.
pub const ROTATION_FAILURES: u32 = 5;
/// The time from a rotation's first failure to its next try is twice this, in seconds; it doubles each time.
pub const ROTATION_RETRY_SECONDS: i64 = 30;
/// How many staging labels a version may have.
pub const VERSION_STAGES: usize = 20;
/// How many items a page of SSM parameters has when the caller does not say.
pub const PARAMETER_PAGE_ITEMS: usize = 10;
/// How many items a page of a parameter's history has when the caller does not say.
pub const PARAMETER_HISTORY_ITEMS: usize = 50;
/// How many versions a parameter keeps.
pub const PARAMETER_VERSIONS: usize = 100;
/// How many labels a version of a parameter may have.
pub const PARAMETER_LABELS: usize = 10;
/// How many parameters ECS asks for at a time.
pub const PARAMETER_BATCH: usize = 10;
/// How many task definitions are checked at a time; a further check is refused.
pub const CHECKS: usize = 16;
/// How many mends are tried for the broken links of a check; what is not tried is not offered.
pub const MENDS: usize = 24;
/// How long a registry may take to say what an image is, in seconds. Clients wait for a check.
pub const INSPECTION_SECONDS: u64 = 20;
/// How much of what a command prints is read, in bytes; a root key is shorter.
pub const COMMAND_OUTPUT_BYTES: usize = 4096;
/// How often it is seen whether a command has ended, in milliseconds.
pub const COMMAND_POLL_MILLISECONDS: u64 = 10;
