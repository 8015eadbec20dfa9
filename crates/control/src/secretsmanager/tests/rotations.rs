//! What the reconciler of rotations reads and writes: windows that open, failures, and when they are given up.

use std::sync::Arc;

use api::secretsmanager::{RotateSecretInput, RotationRulesType};

use domain::secrets::PENDING;

use super::{DAY_SECONDS, arn_of_new, ask, put, token};
use crate::app::RotationCommand;
use crate::limits::ROTATION_FAILURES;
use crate::secretsmanager::record::{Purpose, RotationRecord};
use crate::secretsmanager::rotation::{Failure, due, ended, rotate};
use crate::testing::{TestApp, root};

fn with_command() -> TestApp {
    let mut test = TestApp::new();
    let app = Arc::get_mut(&mut test.app).expect("nobody else has it yet");
    app.settings.rotation = Some(RotationCommand { command: "true".into(), endpoint: "http://127.0.0.1:1".into() });
    test
}

async fn schedule(test: &TestApp, days: i64, rotate_immediately: Option<bool>) -> String {
    let version_id = token();
    let input = RotateSecretInput {
        secret_id: "a".into(),
        client_request_token: Some(version_id.clone()),
        rotation_rules: Some(RotationRulesType {
            automatically_after_days: Some(days),
            ..RotationRulesType::default()
        }),
        rotate_immediately,
        ..RotateSecretInput::default()
    };
    rotate(Arc::clone(&test.app), ask(input, &root())).await.expect("scheduled");
    version_id
}

fn rotation(test: &TestApp, arn: &str) -> RotationRecord {
    test.app.store.read().secrets.get(arn).and_then(|secret| secret.rotation.clone()).expect("a rotation")
}

#[tokio::test]
async fn a_window_opens_and_the_next_is_set() {
    let test = with_command();
    let arn = arn_of_new(&test, "a", "one").await;
    schedule(&test, 2, Some(false)).await;
    let jobs = due(&test.app).await.expect("looks");
    ended(&test.app, &jobs[0], Ok(())).await.expect("written");
    assert!(due(&test.app).await.expect("looks").is_empty());
    test.pass_seconds(2 * DAY_SECONDS);
    let jobs = due(&test.app).await.expect("looks");
    assert_eq!(due(&test.app).await.expect("looks").len(), jobs.len(), "the same, not another");
    let job = &jobs[0];
    assert_eq!(job.arn, arn);
    // A command that makes no version did not rotate, whatever it says.
    ended(&test.app, job, Ok(())).await.expect("written");
    assert_eq!(rotation(&test, &arn).under_way.expect("under way").failures, 1);
    put(&test, "a", "two", Some(&job.version_id)).await.expect("a version");
    ended(&test.app, job, Ok(())).await.expect("written");
    let rotation = rotation(&test, &arn);
    assert_eq!((rotation.under_way, rotation.rotated_at), (None, Some(test.app.now())));
    assert!(rotation.next_opens_at > Some(test.app.now().plus_seconds(DAY_SECONDS)));
    test.pass_seconds(DAY_SECONDS);
    assert!(due(&test.app).await.expect("looks").is_empty());
}

#[tokio::test]
async fn a_failing_rotation_waits_longer_and_is_given_up_until_its_next_window() {
    let test = with_command();
    let arn = arn_of_new(&test, "a", "one").await;
    let version_id = schedule(&test, 30, None).await;
    for failures in 1..=ROTATION_FAILURES {
        let jobs = due(&test.app).await.expect("looks");
        assert_eq!(jobs.iter().map(|job| job.version_id.as_str()).collect::<Vec<_>>(), [&version_id]);
        ended(&test.app, &jobs[0], Err(Failure::NotCurrent)).await.expect("written");
        assert!(due(&test.app).await.expect("looks").is_empty(), "not at once");
        let waits = rotation(&test, &arn).under_way.map(|it| it.retry_at.seconds() - test.app.now().seconds());
        assert_eq!(waits, (failures < ROTATION_FAILURES).then_some(30 << failures));
        test.pass_seconds(waits.unwrap_or_default());
    }
    test.pass_seconds(DAY_SECONDS);
    assert!(due(&test.app).await.expect("looks").is_empty());
    test.pass_seconds(30 * DAY_SECONDS);
    assert_eq!(due(&test.app).await.expect("looks")[0].version_id, version_id, "what was begun is taken up again");
}

fn pending(test: &TestApp, arn: &str) -> Option<String> {
    test.app.store.read().secrets.get(arn).and_then(|secret| secret.stages.version(PENDING).map(str::to_owned))
}

#[tokio::test]
async fn a_rotation_that_waits_for_its_window_is_tested_once() {
    let test = with_command();
    let arn = arn_of_new(&test, "a", "one").await;
    for outcome in [Ok(()), Err(Failure::NotCurrent)] {
        let version_id = schedule(&test, 30, Some(false)).await;
        let jobs = due(&test.app).await.expect("looks");
        assert_eq!((jobs[0].purpose, &jobs[0].version_id), (Purpose::Test, &version_id));
        assert_eq!(pending(&test, &arn), Some(version_id));
        ended(&test.app, &jobs[0], outcome).await.expect("written");
        assert!(due(&test.app).await.expect("looks").is_empty());
        let rotation = rotation(&test, &arn);
        assert_eq!((rotation.enabled, rotation.under_way, rotation.rotated_at), (true, None, None));
        assert_eq!(pending(&test, &arn), None);
    }
}

#[tokio::test]
async fn a_test_yields_to_what_is_asked_next() {
    let test = with_command();
    let arn = arn_of_new(&test, "a", "one").await;
    schedule(&test, 30, Some(false)).await;
    let tested = due(&test.app).await.expect("looks");
    let version_id = schedule(&test, 30, None).await;
    ended(&test.app, &tested[0], Ok(())).await.expect("ignored");
    let jobs = due(&test.app).await.expect("looks");
    assert_eq!((jobs[0].purpose, &jobs[0].version_id), (Purpose::Rotate, &version_id));
    assert_eq!(pending(&test, &arn), Some(version_id));
}
