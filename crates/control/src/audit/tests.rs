//! The audit: what an event tells, what it hides, how files come and go, and that a search finds all of it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::secretsmanager::{CreateSecretInput, GetSecretValueInput, op};
use domain::audit::{Budget, Counted};
use domain::iam::Caller;
use serde_json::{Value, json};
use wire::Timestamp;

use super::counting::Counting;
use super::files::Shelf;
use super::parameters::{HIDDEN_MEMBERS, kept};
use super::search::{self, Place, Search};
use super::{AuditFiles, Event, Retention, last_used};
use crate::secretsmanager::values;
use crate::testing::{REGION, TestApp, allow, root};
use crate::{App, Request, audit, secretsmanager};

const TASK_SERVICE: &str = "ecs-tasks.amazonaws.com";
const DAY_SECONDS: i64 = 86_400;

fn everything(words: &[&str]) -> Search {
    Search {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        from: Timestamp::default(),
        until: Timestamp::from_seconds(i64::from(u32::MAX)),
        limit: 100,
        before: None,
        wanted: Box::new(|_| true),
    }
}

async fn lines(app: &Arc<App>) -> Vec<Value> {
    let found = search::run(app, everything(&[])).await.expect("readable");
    found.events.iter().rev().map(|(_, line)| serde_json::from_str(line).expect("JSON")).collect()
}

async fn secret(test: &TestApp) -> String {
    let input = CreateSecretInput {
        name: "hub".into(),
        secret_string: Some("hunter2".into()),
        client_request_token: Some(test.app.uuid()),
        ..CreateSecretInput::default()
    };
    let app = Arc::clone(&test.app);
    let made = secretsmanager::create::run(app, Request::new(input, root(), "r")).await.expect("made");
    made.arn.expect("an ARN")
}

async fn read(test: &TestApp, secret: &str, caller: &Caller) -> bool {
    let input = GetSecretValueInput { secret_id: secret.to_owned(), ..GetSecretValueInput::default() };
    let request = (input, caller.clone(), test.app.uuid());
    audit::call::<op::GetSecretValue, _, _>(&test.app, TASK_SERVICE, request, values::get).await.is_ok()
}

#[tokio::test]
async fn a_reading_for_a_role_tells_who_what_and_which_statement() {
    let test = TestApp::new();
    let arn = secret(&test).await;
    let statement = json!({"Sid": "Read", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": REGION}}});
    let document = json!({"Version": "2012-10-17", "Statement": [statement]});
    let role = test.put_role("exec", &[("read", document)]).await;
    assert!(read(&test, &arn, &test.session(&role)).await);
    test.put_role("exec", &[]).await;
    assert!(!read(&test, &arn, &test.session(&role)).await);
    let events = lines(&test.app).await;
    let of = |name: &str| events.iter().filter(|event| event["eventName"] == name).collect::<Vec<_>>();
    let [done, refused] = of("GetSecretValue")[..] else { panic!("two readings: {events:?}") };
    assert_eq!(done["userIdentity"]["type"], "AssumedRole");
    assert_eq!(done["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"], role);
    assert_eq!(done["userIdentity"]["invokedBy"], TASK_SERVICE);
    assert_eq!(done["resources"][0]["ARN"], arn);
    assert_eq!(done["requestParameters"]["secretId"], arn);
    assert_eq!((&done["responseElements"], &done["readOnly"]), (&Value::Null, &json!(true)));
    let decision = &done["additionalEventData"]["decisions"][0];
    assert_eq!(
        (&decision["verdict"], &decision["statement"], &decision["index"]),
        (&json!("allowed"), &json!("Read"), &json!(0))
    );
    assert_eq!(decision["policy"], format!("inline policy read of {role}"));
    assert_eq!(decision["conditions"], json!({"aws:RequestedRegion": [REGION]}));
    let written: Value = serde_json::from_str(decision["document"].as_str().expect("a statement")).expect("JSON");
    assert_eq!(written, statement);
    // The key was asked through Secrets Manager: an event of its own, and a decision of the reading.
    let [opened] = of("Decrypt")[..] else { panic!("one decryption: {events:?}") };
    assert_eq!(opened["sourceIPAddress"], "secretsmanager.amazonaws.com");
    assert_eq!(opened["requestParameters"]["encryptionContext"]["SecretARN"], arn);
    assert_eq!(opened["requestParameters"]["ciphertextBlob"], "***");
    assert_eq!(done["additionalEventData"]["decisions"][1]["action"], "kms:Decrypt");
    assert_eq!(done["resources"].as_array().map(Vec::len), Some(1));
    // A refusal says why, and what to do.
    assert_eq!(refused["errorCode"], "AccessDeniedException");
    let decision = &refused["additionalEventData"]["decisions"][0];
    assert_eq!(decision["verdict"], "implicitDeny");
    assert!(
        decision["mend"].as_str().is_some_and(|mend| mend.contains("add a policy with the statement")),
        "{decision}"
    );
    assert!(!format!("{events:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_role_that_is_used_remembers_when() {
    let test = TestApp::new();
    let arn = secret(&test).await;
    let role = test.put_role("exec", &[("read", allow("secretsmanager:GetSecretValue", "*"))]).await;
    let id = "AROAexec";
    let saved = || test.app.store.read().last_uses.get(id).cloned();
    assert_eq!(test.app.last_uses.of(&test.app.store.read(), id), None);
    assert!(read(&test, &arn, &test.session(&role)).await);
    let used = test.app.last_uses.of(&test.app.store.read(), id).expect("used");
    assert_eq!((used.service.as_str(), used.region.as_str()), ("secretsmanager", REGION));
    assert_eq!((used.at.seconds() % 60, saved()), (0, None));
    last_used::save(&test.app).await.expect("saved");
    assert_eq!(saved().as_deref(), Some(&used));
    assert_eq!(test.app.last_uses.of(&test.app.store.read(), id), Some(used));
}

/// Members whose names sound like secrets and which hold none: names, places, and words that clients choose to be seen.
const HARMLESS: &[&str] = &[
    "attributevalue",
    "clientrequesttoken",
    "clienttoken",
    "contextkeyvalues",
    "credentialspecs",
    "credentialsparameter",
    "decodedmessage",
    "encodedmessage",
    "externalsecretrotationrolearn",
    "missingcontextvalues",
    "nexttoken",
    "secretid",
    "secretidlist",
    "secretversionstostages",
    "sequencetoken",
    "servicecredentialalias",
    "servicespecificcredentialid",
    "subjectfromwebidentitytoken",
    "nextsequencetoken",
    "tagvalue",
    "uploadsequencetoken",
    "value",
    "valuefrom",
    "values",
];

#[test]
fn what_sounds_like_a_secret_in_a_model_is_hidden_or_known_to_be_harmless() {
    let sounds =
        regex_lite::Regex::new("(?i)secret|passw|plaintext|privatekey|credential|token|value").expect("a pattern");
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let (mut checked, mut open) = (0, BTreeSet::new());
    for entry in fs::read_dir(models).expect("the models") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let model: Value = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
        let shapes = model["shapes"].as_object().expect("shapes");
        for (shape, name, member) in members(shapes) {
            let lower = name.to_ascii_lowercase();
            // Of answers to readings nothing is kept.
            let is_page =
                lower.ends_with("nexttoken") || lower.starts_with("nextforward") || lower.starts_with("nextbackward");
            if !sounds.is_match(name) || is_page || !is_plain(shapes, member, 0) {
                continue;
            }
            checked += 1;
            if !HIDDEN_MEMBERS.contains(&lower.as_str()) && !HARMLESS.contains(&lower.as_str()) {
                open.insert(format!("{}: {shape}.{name}", path.display()));
            }
        }
    }
    assert!(checked > 50, "{checked}");
    assert!(open.is_empty(), "hide these in parameters.rs, or call them harmless here: {open:#?}");
}

type Shapes = serde_json::Map<String, Value>;

fn members(shapes: &Shapes) -> impl Iterator<Item = (&str, &str, &str)> {
    shapes.iter().filter(|(_, shape)| shape["sensitive"] != true).flat_map(|(name, shape)| {
        let members = shape["members"].as_object().into_iter().flatten();
        members
            .map(move |(member, reference)| (name.as_str(), member.as_str(), reference["shape"].as_str().unwrap_or("")))
    })
}

/// Whether the shape holds strings that no type hides.
fn is_plain(shapes: &Shapes, name: &str, depth: usize) -> bool {
    let shape = &shapes[name];
    match shape["type"].as_str() {
        _ if shape["sensitive"] == true || depth > 8 => false,
        Some("string") => true,
        Some("list") => is_plain(shapes, shape["member"]["shape"].as_str().unwrap_or(""), depth + 1),
        Some("map") => is_plain(shapes, shape["value"]["shape"].as_str().unwrap_or(""), depth + 1),
        _ => false,
    }
}

#[test]
fn names_hide_what_types_do_not() {
    let shape = json!({"environment": [{"name": "PASSWORD", "value": "hunter2"}], "SessionToken": "hunter2",
        "overrides": {"containerOverrides": [{"environment": [{"name": "A", "value": "hunter2"}]}]},
        "logEvents": [{"message": "hunter2"}], "name": "web"});
    let kept_shape = kept(&shape);
    assert!(!kept_shape.to_string().contains("hunter2"), "{kept_shape}");
    assert_eq!((&kept_shape["environment"][0]["name"], &kept_shape["name"]), (&json!("PASSWORD"), &json!("web")));
    let long = kept(&json!({"policy": "x".repeat(crate::limits::AUDIT_PARAMETERS_BYTES)}));
    assert_eq!(long["omitted"], true);
}

fn event(at: Timestamp, id: &str, padding: usize) -> Event {
    let line = json!({"eventVersion": "1", "userIdentity": {}, "eventTime": at.to_rfc3339(), "eventSource": "s",
        "eventName": "Run", "awsRegion": REGION, "sourceIPAddress": "x".repeat(padding), "requestID": id, "eventID": id,
        "readOnly": true, "eventType": "t", "managementEvent": true, "recipientAccountId": "1", "eventCategory": "c"});
    serde_json::from_value(line).expect("an event")
}

fn names(shelf: &Shelf) -> Vec<String> {
    let name = |path: &PathBuf| path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    shelf.paths().expect("a directory").iter().map(name).collect()
}

fn put(shelf: &Shelf, event: &Event) {
    let line = [serde_json::to_vec(event).expect("JSON"), b"\n".to_vec()].concat();
    shelf.append(&event.event_time[..10], &line).expect("written");
}

#[test]
fn files_begin_with_days_and_when_full_and_go_when_old_or_too_many() {
    let directory = tempfile::tempdir().expect("a directory");
    // Six sixteenths are for changes, in files of at most eight MiB.
    let retention = Retention { days: 2, bytes: 54 << 20 };
    let root = directory.path().join("changes");
    let shelf = Shelf::new(directory.path(), Budget::Changes, retention);
    let noon = Timestamp::from_rfc3339("2026-11-20T12:00:00Z").expect("a time");
    put(&shelf, &event(noon, "a", 0));
    put(&shelf, &event(noon.plus_seconds(DAY_SECONDS), "b", 9 << 20));
    put(&shelf, &event(noon.plus_seconds(DAY_SECONDS), "c", 0));
    assert_eq!(names(&shelf), ["2026-11-20-0000", "2026-11-21-0000", "2026-11-21-0001"]);
    let mode = fs::metadata(root.join("2026-11-21-0001.jsonl")).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A torn line is closed by the next start, and no event is lost behind it.
    let path = root.join("2026-11-21-0001.jsonl");
    let whole = fs::read(&path).expect("readable");
    fs::write(&path, [&whole[..], b"{\"eventVers"].concat()).expect("written");
    let shelf = Shelf::new(directory.path(), Budget::Changes, retention);
    put(&shelf, &event(noon.plus_seconds(DAY_SECONDS), "d", 0));
    assert_eq!(fs::read_to_string(&path).expect("readable").lines().count(), 3);
    // Days: the first goes. Bytes: the larger one goes when the sum is too much.
    shelf.sweep(noon.plus_seconds(3 * DAY_SECONDS)).expect("swept");
    assert_eq!(names(&shelf), ["2026-11-21-0000", "2026-11-21-0001"]);
    put(&shelf, &event(noon.plus_seconds(2 * DAY_SECONDS), "e", 9 << 20));
    put(&shelf, &event(noon.plus_seconds(2 * DAY_SECONDS), "f", 9 << 20));
    assert_eq!(names(&shelf), ["2026-11-21-0001", "2026-11-22-0000", "2026-11-22-0001"]);
}

#[tokio::test]
async fn a_search_goes_backwards_page_by_page_over_files_and_days() {
    let test = TestApp::new();
    let noon = Timestamp::from_rfc3339("2026-11-20T12:00:00Z").expect("a time");
    let mut expected = Vec::new();
    for number in 0..40_i64 {
        let id = format!("id{number}");
        // The order is that of time, whichever budget an event is of.
        let budget = Budget::ALL[usize::try_from(number % 4).expect("small")];
        test.app.audit.append(&event(noon.plus_seconds(number * 7200), &id, 0), budget).expect("written");
        expected.insert(0, id);
    }
    let torn = test.data_directory().join("audit/secrets/2026-11-21-0000.jsonl");
    let whole = fs::read(&torn).expect("readable");
    fs::write(&torn, [&whole[..], b"{\"torn"].concat()).expect("written");
    let ids = |events: &[(Event, String)]| events.iter().map(|(event, _)| event.event_id.clone()).collect::<Vec<_>>();
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let search = Search { limit: 7, before, ..everything(&[]) };
        let page = search::run(&test.app, search).await.expect("readable");
        assert!(page.events.len() <= 7);
        found.extend(ids(&page.events));
        before = page.next.map(|place| Place::of_token(&place.token()).expect("our own token"));
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    let one = search::run(&test.app, everything(&["\"eventID\":\"id17\""])).await.expect("readable");
    assert_eq!(ids(&one.events), ["id17"]);
    let (from, until) = (noon.plus_seconds(10 * 7200), noon.plus_seconds(12 * 7200));
    let some = search::run(&test.app, Search { from, until, ..everything(&[]) }).await.expect("readable");
    assert_eq!(ids(&some.events), ["id12", "id11", "id10"]);
    for token in ["", "!", "Li4vLi4vZXRjL3Bhc3N3ZDow"] {
        assert_eq!(Place::of_token(token), None, "{token}");
    }
}

fn from(at: Timestamp, address: &str, name: &str, code: &str) -> Event {
    let mut event = event(at, "first", 0);
    (event.source_ip_address, event.event_name) = (address.into(), name.into());
    (event.event_source, event.error_code) = ("sts.amazonaws.com".into(), Some(code.into()));
    event
}

#[test]
fn what_is_counted_is_one_event_a_minute_for_each_source_and_kind() {
    let minute = Timestamp::from_rfc3339("2026-11-20T12:00:00Z").expect("a time");
    let mut counting = Counting::default();
    let mut told = Vec::new();
    for second in 0..90 {
        let now = minute.plus_seconds(second);
        for (address, name, code) in [("10.0.0.1", "A", "Bad"), ("10.0.0.1", "B", "Bad"), ("10.0.0.2", "A", "Worse")] {
            told.extend(counting.count(Counted::Unauthenticated, from(now, address, name, code), now));
        }
    }
    assert_eq!(told.len(), 2, "the first minute is over");
    told.extend(counting.take());
    let of = |address: &str| told.iter().filter(|event| event.source_ip_address == address).collect::<Vec<_>>();
    let [first, second] = of("10.0.0.1")[..] else { panic!("two minutes: {told:?}") };
    let count = first.additional_event_data.counted.as_ref().expect("a count");
    assert_eq!((count.count, count.calls["sts:A"], count.calls["sts:B"]), (120, 60, 60));
    assert_eq!((count.first_time.as_str(), count.last_time.as_str()), ("2026-11-20T12:00:00Z", "2026-11-20T12:00:59Z"));
    assert_eq!(second.additional_event_data.counted.as_ref().map(|count| count.count), Some(60));
    assert!(first.is_called("A") && first.is_called("UnauthenticatedCalls") && !first.is_called("C"));
    assert_eq!((first.outcome(), of("10.0.0.2").len()), ("failed", 2));
    assert!(counting.take().is_empty());
}

#[test]
fn counts_are_bounded_and_lose_no_call() {
    let now = Timestamp::from_rfc3339("2026-11-20T12:00:00Z").expect("a time");
    let mut counting = Counting::default();
    for number in 0..10_000 {
        let (address, name) = (format!("10.0.{}.{}", number / 250, number % 250), format!("Call{number}"));
        counting.count(Counted::Unauthenticated, from(now, &address, &name, "Bad"), now);
    }
    let told = counting.running();
    assert_eq!(told.len(), crate::limits::AUDIT_COUNTS + 1);
    let count = |event: &Event| event.additional_event_data.counted.as_ref().map_or(0, |counted| counted.count);
    assert_eq!(told.iter().map(count).sum::<u64>(), 10_000);
    let others = told.iter().max_by_key(|event| count(event)).expect("the rest");
    assert_eq!((others.source_ip_address.as_str(), others.error_code.as_deref()), ("others", None));
    let calls = &others.additional_event_data.counted.as_ref().expect("a count").calls;
    assert_eq!((calls.len(), calls.values().sum::<u64>()), (crate::limits::AUDIT_COUNT_NAMES + 1, count(others)));
}

#[test]
fn the_same_refusal_is_kept_so_often_an_hour() {
    let now = Timestamp::from_rfc3339("2026-11-20T12:00:00Z").expect("a time");
    let mut counting = Counting::default();
    let mut kept =
        |at: Timestamp, name: &str| (0..100).filter(|_| counting.is_kept(&from(at, "::1", name, "No"))).count();
    assert_eq!((kept(now, "A"), kept(now, "A"), kept(now, "B")), (60, 0, 60));
    assert_eq!(kept(now.plus_seconds(3600), "A"), 60);
}

#[tokio::test]
async fn a_budget_is_filled_by_its_own_only() {
    let test = TestApp::new();
    let files = &test.app.audit;
    let noon = Timestamp::from_rfc3339("2026-11-20T12:00:00Z").expect("a time");
    files.append(&event(noon, "secret", 0), Budget::Secrets).expect("written");
    // More than its share of the whole: what is oldest goes, file by file.
    for _ in 0..20 {
        files.append(&event(noon, "reading", 9 << 20), Budget::Readings).expect("written");
    }
    let readings = files.shelves().iter().find(|shelf| shelf.budget == Budget::Readings).expect("a budget");
    assert!(readings.paths().expect("readable").len() < 20);
    // One search reads so much, and goes on from where it stopped.
    let mut before = None;
    let found = loop {
        let search = Search { before, ..everything(&["\"eventID\":\"secret\""]) };
        let found = search::run(&test.app, search).await.expect("readable");
        if !found.events.is_empty() {
            break found.events;
        }
        before = Some(found.next.expect("there is more to read"));
    };
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn what_is_lost_is_told_and_a_secret_is_withheld() {
    let test = TestApp::new();
    let arn = secret(&test).await;
    // A file where the folders should be: nothing can be written.
    let folder = test.data_directory().join("audit");
    fs::remove_dir_all(&folder).expect("removed");
    fs::write(&folder, b"").expect("written");
    // The next day has files of its own.
    test.pass_seconds(DAY_SECONDS);
    let input = GetSecretValueInput { secret_id: arn.clone(), ..GetSecretValueInput::default() };
    let request = (input, root(), test.app.uuid());
    let refused = audit::call::<op::GetSecretValue, _, _>(&test.app, TASK_SERVICE, request, values::get).await;
    let error = refused.expect_err("withheld");
    assert!(error.message.starts_with("The value is withheld"), "{error}");
    assert!(test.app.audit.lost() >= 1);
    fs::remove_file(&folder).expect("removed");
    assert!(read(&test, &arn, &root()).await);
    assert_eq!(test.app.audit.lost(), 0);
    let told = lines(&test.app).await;
    assert!(told.iter().any(|event| event["eventName"] == "AuditEventsLost"), "{told:?}");
}

#[test]
fn files_of_an_older_server_are_taken_over() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("2026-11-20-0000.jsonl"), b"{}\n").expect("written");
    let files = AuditFiles::new(directory.path().to_owned(), Retention::default());
    let changes = files.shelves().iter().find(|shelf| shelf.budget == Budget::Changes).expect("a budget");
    assert_eq!(names(changes), ["2026-11-20-0000"]);
}

#[test]
fn a_secret_is_meant_by_its_arn_its_name_and_with_or_without_its_suffix() {
    let resource = |arn: &str| super::resources::Resource { arn: arn.into(), account_id: None, kind: None };
    let secret = resource("arn:aws:secretsmanager:us-east-1:1:secret:prod/db-a1B2c3");
    for name in [
        "arn:aws:secretsmanager:us-east-1:1:secret:prod/db-a1B2c3",
        "arn:aws:secretsmanager:us-east-1:1:secret:prod/db",
        "prod/db",
        "prod/db-a1B2c3",
        "db-a1B2c3",
    ] {
        assert!(secret.is_named(name), "{name}");
    }
    for name in ["", "prod", "d", "arn:aws:secretsmanager:us-east-1:1:secret:prod"] {
        assert!(!secret.is_named(name), "{name}");
    }
    assert!(resource("arn:aws:iam::1:role/a/b/exec").is_named("exec"));
}
