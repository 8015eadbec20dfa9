//! What of the audit is kept whole, what is only counted, and which part of the room it may take.
//!
//! The room is divided among kinds of events, so that many of one kind cannot push out those of another: neither a page
//! that asks every second, nor somebody without a key, nor somebody with one in a loop.

use serde_json::Value;

/// A part of the audit's room, which only its own events fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Budget {
    /// Calls that gave somebody the value of a secret, or the plain bytes of a key.
    Secrets,
    /// Calls that changed something or began a session.
    Changes,
    /// Calls that only looked, or used a key or a log without changing it.
    Readings,
    /// Calls with a good signature that were refused or failed.
    Refusals,
    /// How often what is only counted happened.
    Counts,
}

impl Budget {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Secrets, Self::Changes, Self::Readings, Self::Refusals, Self::Counts];

    /// How its folder is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Changes => "changes",
            Self::Readings => "readings",
            Self::Refusals => "refusals",
            Self::Counts => "counts",
        }
    }

    /// How many bytes it may have of all.
    pub fn share(self, all: u64) -> u64 {
        let sixteenths = match self {
            Self::Secrets | Self::Changes => 6,
            Self::Readings => 2,
            Self::Refusals | Self::Counts => 1,
        };
        all / 16 * sixteenths
    }
}

/// What is only counted: one event a minute stands for all of one kind and source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Nobody knows whose they are: without a signature, or with one that is not good.
    Unauthenticated,
    /// A session of the console looked around.
    Console,
    /// The same caller was refused the same thing again and again.
    Refused,
}

impl Counted {
    /// How the event is called.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UnauthenticatedCalls",
            Self::Console => "ConsoleReadings",
            Self::Refused => "RepeatedRefusals",
        }
    }
}

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Nobody who is known.
    Nobody,
    /// A session of the console.
    Console,
    /// Anybody else.
    Known,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was done.
    Done,
    /// It was refused or failed.
    Refused,
}

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The service's name: `kms`.
    pub service: &'a str,
    /// The operation: `Decrypt`.
    pub operation: &'a str,
    /// What was asked, as the event shows it.
    pub parameters: Option<&'a Value>,
    /// Who asked.
    pub who: Who,
    /// How it ended.
    pub ended: Ended,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// An event of its own.
    Whole(Budget),
    /// It is only counted.
    Counted(Counted),
}

/// Decides what becomes of a call. Of refusals the first ones are kept whole and the others [`Counted::Refused`]; who
/// counts them knows which.
pub fn keeping(call: &Call<'_>) -> Keeping {
    match (call.who, call.ended) {
        (Who::Nobody, _) => Keeping::Counted(Counted::Unauthenticated),
        (_, Ended::Refused) => Keeping::Whole(Budget::Refusals),
        _ if gives_secret(call) => Keeping::Whole(Budget::Secrets),
        _ if !is_looking(call) => Keeping::Whole(Budget::Changes),
        (Who::Console, _) => Keeping::Counted(Counted::Console),
        (Who::Known, _) => Keeping::Whole(Budget::Readings),
    }
}

/// How operations begin that change nothing.
const READINGS: &[&str] = &[
    "BatchGet", "Check", "Decode", "Describe", "Explain", "Filter", "Get", "List", "Lookup", "Search", "Simulate",
    "Test", "Validate",
];
/// Operations of which CloudTrail says that they change nothing although they are not called so.
const OTHER_READINGS: &[(&str, &str)] = &[("sts", "AssumeRole"), ("sts", "AssumeRoleWithWebIdentity")];
/// What KMS does with a key leaves the key as it is.
const USES_OF_KEYS: &[&str] = &["Decrypt", "DeriveSharedSecret", "Encrypt", "Generate", "ReEncrypt", "Sign", "Verify"];
/// What gives somebody the value of a secret, the plain bytes of a key, or what a key had encrypted.
const SECRETS: &[(&str, &str)] = &[
    ("secretsmanager", "BatchGetSecretValue"),
    ("secretsmanager", "GetSecretValue"),
    ("kms", "Decrypt"),
    ("kms", "DeriveSharedSecret"),
    ("kms", "GenerateDataKey"),
    ("kms", "GenerateDataKeyPair"),
];
/// The same where it was asked `WithDecryption`.
const DECRYPTING: &[&str] = &["GetParameter", "GetParameterHistory", "GetParameters", "GetParametersByPath"];
/// What begins a session: readings to CloudTrail, and yet what somebody does next.
const SESSIONS: &[&str] = &["AssumeRole", "AssumeRoleWithWebIdentity", "GetFederationToken", "GetSessionToken"];

/// Whether an operation only reads, as CloudTrail's `readOnly` says it.
pub fn is_read_only(service: &str, operation: &str) -> bool {
    let begins = |words: &[&str]| words.iter().any(|word| operation.starts_with(word));
    begins(READINGS) || OTHER_READINGS.contains(&(service, operation)) || (service == "kms" && begins(USES_OF_KEYS))
}

/// Whether a session begins with it.
pub fn begins_session(service: &str, operation: &str) -> bool {
    service == "sts" && SESSIONS.contains(&operation)
}

fn is_looking(call: &Call<'_>) -> bool {
    let writes_logs = (call.service, call.operation) == ("logs", "PutLogEvents");
    writes_logs || (is_read_only(call.service, call.operation) && !begins_session(call.service, call.operation))
}

fn gives_secret(call: &Call<'_>) -> bool {
    SECRETS.contains(&(call.service, call.operation))
        || (call.service == "ssm"
            && DECRYPTING.contains(&call.operation)
            && call.parameters.is_some_and(|asked| asked["withDecryption"] == true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_call_has_its_place() {
        use Budget::{Changes, Readings, Refusals, Secrets};
        use Keeping::{Counted as Count, Whole};
        let nothing = json!({});
        let decrypting = json!({"withDecryption": true});
        for (service, operation, parameters, known, console) in [
            ("secretsmanager", "GetSecretValue", &nothing, Whole(Secrets), Whole(Secrets)),
            ("secretsmanager", "BatchGetSecretValue", &nothing, Whole(Secrets), Whole(Secrets)),
            ("kms", "Decrypt", &nothing, Whole(Secrets), Whole(Secrets)),
            ("kms", "GenerateDataKey", &nothing, Whole(Secrets), Whole(Secrets)),
            ("kms", "GenerateDataKeyWithoutPlaintext", &nothing, Whole(Readings), Count(Counted::Console)),
            ("ssm", "GetParameter", &decrypting, Whole(Secrets), Whole(Secrets)),
            ("ssm", "GetParametersByPath", &decrypting, Whole(Secrets), Whole(Secrets)),
            ("ssm", "GetParameter", &nothing, Whole(Readings), Count(Counted::Console)),
            ("ecs", "ListTasks", &nothing, Whole(Readings), Count(Counted::Console)),
            ("tidegate", "SearchEvents", &nothing, Whole(Readings), Count(Counted::Console)),
            ("logs", "PutLogEvents", &nothing, Whole(Readings), Count(Counted::Console)),
            ("sts", "AssumeRole", &nothing, Whole(Changes), Whole(Changes)),
            ("sts", "GetCallerIdentity", &nothing, Whole(Readings), Count(Counted::Console)),
            ("ecs", "RunTask", &nothing, Whole(Changes), Whole(Changes)),
            ("tidegate", "ConsoleLogin", &nothing, Whole(Changes), Whole(Changes)),
        ] {
            let call = |who, ended| keeping(&Call { service, operation, parameters: Some(parameters), who, ended });
            assert_eq!(call(Who::Known, Ended::Done), known, "{operation}");
            assert_eq!(call(Who::Console, Ended::Done), console, "{operation}");
            for who in [Who::Known, Who::Console] {
                assert_eq!(call(who, Ended::Refused), Whole(Refusals), "{operation}");
            }
            assert_eq!(call(Who::Nobody, Ended::Refused), Count(Counted::Unauthenticated), "{operation}");
        }
    }

    #[test]
    fn the_budgets_are_the_whole_room() {
        let gib = 1 << 30;
        assert_eq!(Budget::ALL.iter().map(|budget| budget.share(gib)).sum::<u64>(), gib);
    }
}
