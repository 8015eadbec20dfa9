//! Every limit of the control plane, in one place.

/// The largest request body, in bytes. AWS's largest request here is PutLogEvents with one MiB of events.
pub const REQUEST_BODY_BYTES: usize = 2 * 1024 * 1024;
/// How long a client may take to send a request, in seconds.
pub const REQUEST_READ_SECONDS: u64 = 30;
/// The accepted difference between a request's time and ours, in seconds.
pub const CLOCK_SKEW_SECONDS: i64 = 300;
/// How long a stopped task stays visible, in seconds (ECS promises at least one hour).
pub const STOPPED_TASK_SECONDS: i64 = 3600;
/// The most journal batches that one durable commit takes together.
pub const GROUP_COMMIT_BATCHES: usize = 256;
/// How much of the log files one FilterLogEvents reads before it answers with a token, in bytes.
pub const LOG_SEARCH_BYTES: u64 = 64 * 1024 * 1024;
/// The time between two searches for expired log events, in seconds.
pub const LOG_RETENTION_SECONDS: u64 = 600;
/// How many items a page of KMS has when the caller does not say, and at most.
pub const KMS_PAGE_ITEMS: usize = 100;
/// The longest key policy, in bytes.
pub const KEY_POLICY_BYTES: usize = 32 * 1024;
/// How many grants a key may have.
pub const GRANTS_OF_KEY: usize = 50_000;
/// How many tags a key or a secret may have.
pub const RESOURCE_TAGS: usize = 50;
