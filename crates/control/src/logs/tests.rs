//! CloudWatch Logs as its clients see it, and as the awslogs driver uses it.

use std::sync::Arc;

use api::logs::{
    CreateLogGroupInput, CreateLogStreamInput, DeleteLogGroupInput, DeleteLogStreamInput, DescribeLogGroupsInput,
    DescribeLogStreamsInput, FilterLogEventsInput, FilterLogEventsOutput, GetLogEventsInput, GetLogEventsOutput,
    InputLogEvent, PutLogEventsInput, PutLogEventsOutput, PutRetentionPolicyInput, RejectedLogEventsInfo,
};
use domain::compute::{LogLine, LogMode, LogTarget};
use domain::iam::{Caller, Identity};
use wire::Timestamp;

use super::*;
use crate::testing::{ACCOUNT, REGION, TestApp, root};
use crate::{App, Request};

fn request<I>(input: I) -> Request<I> {
    Request::new(input, root(), "test")
}

async fn create_group(app: &Arc<App>, name: &str) -> Result<(), ServiceError> {
    let input = CreateLogGroupInput { log_group_name: name.into(), ..CreateLogGroupInput::default() };
    super::group::create(Arc::clone(app), request(input)).await.map(drop)
}

async fn create_stream(app: &Arc<App>, group: &str, name: &str) -> Result<(), ServiceError> {
    let input = CreateLogStreamInput { log_group_name: group.into(), log_stream_name: name.into() };
    stream::create(Arc::clone(app), request(input)).await.map(drop)
}

async fn put(app: &Arc<App>, stream: &str, events: &[(i64, &str)]) -> Result<PutLogEventsOutput, ServiceError> {
    let log_events =
        events.iter().map(|(time, message)| InputLogEvent { timestamp: *time, message: (*message).into() }).collect();
    let input = PutLogEventsInput {
        log_group_name: "g".into(),
        log_stream_name: stream.into(),
        log_events,
        ..PutLogEventsInput::default()
    };
    put_events::run(Arc::clone(app), request(input)).await
}

async fn get(app: &Arc<App>, change: impl FnOnce(&mut GetLogEventsInput)) -> GetLogEventsOutput {
    let mut input =
        GetLogEventsInput { log_group_name: Some("g".into()), log_stream_name: "a".into(), ..Default::default() };
    change(&mut input);
    get_events::run(Arc::clone(app), request(input)).await.expect("events")
}

fn messages(output: &GetLogEventsOutput) -> Vec<&str> {
    output.events.iter().flatten().filter_map(|event| event.message.as_deref()).collect()
}

async fn filter(
    app: &Arc<App>,
    change: impl FnOnce(&mut FilterLogEventsInput),
) -> Result<FilterLogEventsOutput, ServiceError> {
    let mut input = FilterLogEventsInput { log_group_name: Some("g".into()), ..Default::default() };
    change(&mut input);
    filter_events::run(Arc::clone(app), request(input)).await
}

fn found(output: &FilterLogEventsOutput) -> Vec<&str> {
    output.events.iter().flatten().filter_map(|event| event.message.as_deref()).collect()
}

/// An app with the group `g` and the streams `a` and `b`, and its time in milliseconds.
async fn with_streams() -> (TestApp, i64) {
    let test = TestApp::new();
    create_group(&test.app, "g").await.expect("created");
    create_stream(&test.app, "g", "a").await.expect("created");
    create_stream(&test.app, "g", "b").await.expect("created");
    let now = test.app.now().milliseconds();
    (test, now)
}

#[tokio::test]
async fn names_that_are_taken_or_unknown_are_told_in_the_words_of_the_service() {
    let (test, now) = with_streams().await;
    let again = create_group(&test.app, "g").await.expect_err("taken");
    assert_eq!(again.to_string(), "ResourceAlreadyExistsException: The specified log group already exists");
    let again = create_stream(&test.app, "g", "a").await.expect_err("taken");
    assert_eq!(again.to_string(), "ResourceAlreadyExistsException: The specified log stream already exists");
    let unknown = create_stream(&test.app, "h", "a").await.expect_err("unknown");
    assert_eq!(unknown.to_string(), "ResourceNotFoundException: The specified log group does not exist.");
    let unknown = put(&test.app, "c", &[(now, "x")]).await.expect_err("unknown");
    assert_eq!(unknown.to_string(), "ResourceNotFoundException: The specified log stream does not exist.");
}

#[tokio::test]
async fn forward_pages_end_with_the_same_token() {
    let (test, now) = with_streams().await;
    put(&test.app, "a", &[(now, "1"), (now, "2"), (now + 1, "3")]).await.expect("put");
    let first = get(&test.app, |input| (input.start_from_head, input.limit) = (Some(true), Some(2))).await;
    assert_eq!(messages(&first), ["1", "2"]);
    let second = get(&test.app, |input| input.next_token = first.next_forward_token.clone()).await;
    assert_eq!(messages(&second), ["3"]);
    let end = get(&test.app, |input| input.next_token = second.next_forward_token.clone()).await;
    assert!(messages(&end).is_empty());
    assert_eq!(end.next_forward_token, second.next_forward_token);
    put(&test.app, "a", &[(now + 1, "4")]).await.expect("put");
    let more = get(&test.app, |input| input.next_token = end.next_forward_token).await;
    assert_eq!(messages(&more), ["4"]);
    let back = get(&test.app, |input| input.next_token = more.next_backward_token).await;
    assert_eq!(messages(&back), ["1", "2", "3"]);
}

#[tokio::test]
async fn the_forward_token_of_an_empty_stream_leads_to_its_first_event() {
    let (test, now) = with_streams().await;
    for start_from_head in [None, Some(true)] {
        let nothing = get(&test.app, |input| input.start_from_head = start_from_head).await;
        assert!(messages(&nothing).is_empty());
        let event = format!("{start_from_head:?}");
        put(&test.app, "a", &[(now, &event)]).await.expect("put");
        let first = get(&test.app, |input| input.next_token = nothing.next_forward_token).await;
        assert_eq!(messages(&first), [event.as_str()]);
        let input = DeleteLogStreamInput { log_group_name: "g".into(), log_stream_name: "a".into() };
        stream::delete(Arc::clone(&test.app), request(input)).await.expect("deleted");
        create_stream(&test.app, "g", "a").await.expect("created");
    }
}

#[tokio::test]
async fn without_a_token_the_newest_events_come_first() {
    let (test, now) = with_streams().await;
    put(&test.app, "a", &[(now, "1"), (now + 1, "2"), (now + 2, "3")]).await.expect("put");
    put(&test.app, "a", &[(now + 1, "late")]).await.expect("put");
    let newest = get(&test.app, |input| input.limit = Some(2)).await;
    assert_eq!(messages(&newest), ["late", "3"]);
    let before = get(&test.app, |input| input.next_token = newest.next_backward_token).await;
    assert_eq!(messages(&before), ["1", "2"]);
    let none = get(&test.app, |input| input.next_token = before.next_backward_token.clone()).await;
    assert!(messages(&none).is_empty());
    assert_eq!(none.next_backward_token, before.next_backward_token);
    let ranged = get(&test.app, |input| (input.start_time, input.end_time) = (Some(now + 1), Some(now + 2))).await;
    assert_eq!(messages(&ranged), ["2", "late"]);
}

#[tokio::test]
async fn streams_are_filtered_together_in_order_of_time() {
    let (test, now) = with_streams().await;
    put(&test.app, "a", &[(now, "a ERROR 1"), (now + 2, "a INFO"), (now + 4, "a ERROR 2")]).await.expect("put");
    put(&test.app, "b", &[(now + 1, "b ERROR 1"), (now + 3, "b ERROR 2")]).await.expect("put");
    let all = filter(&test.app, |input| input.filter_pattern = Some("ERROR".into())).await.expect("found");
    assert_eq!(found(&all), ["a ERROR 1", "b ERROR 1", "b ERROR 2", "a ERROR 2"]);
    assert_eq!(all.next_token, None);
    let page = filter(&test.app, |input| input.limit = Some(2)).await.expect("found");
    assert_eq!(found(&page), ["a ERROR 1", "b ERROR 1"]);
    let rest = filter(&test.app, |input| input.next_token = page.next_token).await.expect("found");
    assert_eq!(found(&rest), ["a INFO", "b ERROR 2", "a ERROR 2"]);
    let one = filter(&test.app, |input| input.log_stream_name_prefix = Some("b".into())).await.expect("found");
    assert_eq!(found(&one), ["b ERROR 1", "b ERROR 2"]);
    let until = filter(&test.app, |input| input.end_time = Some(now + 1)).await.expect("found");
    assert_eq!(found(&until), ["a ERROR 1", "b ERROR 1"], "the end time is included");
    let refused = filter(&test.app, |input| input.filter_pattern = Some("[ip]".into())).await.expect_err("refused");
    assert_eq!(refused.code, "InvalidParameterException");
    let ids: std::collections::BTreeSet<_> = all.events.iter().flatten().map(|event| event.event_id.clone()).collect();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn events_out_of_time_are_rejected_and_the_others_taken() {
    let (test, now) = with_streams().await;
    let hour = 3600 * 1000;
    let output = put(&test.app, "a", &[(now, "good"), (now + 3 * hour, "future")]).await.expect("put");
    let rejected = RejectedLogEventsInfo { too_new_log_event_start_index: Some(1), ..Default::default() };
    assert_eq!(output.rejected_log_events_info, Some(rejected));
    let all = get(&test.app, |_| ()).await;
    assert_eq!(messages(&all), ["good"]);
}

#[tokio::test]
async fn retention_hides_at_once_and_deletes_in_the_sweep() {
    let (test, now) = with_streams().await;
    put(&test.app, "a", &[(now, "old")]).await.expect("put");
    let policy = |days| PutRetentionPolicyInput { log_group_name: "g".into(), retention_in_days: days };
    let refused = retention::put(Arc::clone(&test.app), request(policy(2))).await.expect_err("refused");
    assert_eq!(refused.code, "InvalidParameterException");
    retention::put(Arc::clone(&test.app), request(policy(1))).await.expect("put");
    test.pass_seconds(24 * 3600 + 1);
    assert!(messages(&get(&test.app, |input| input.start_from_head = Some(true)).await).is_empty());
    retention::sweep(&test.app).await.expect("swept");
    let stored = group::describe(Arc::clone(&test.app), request(DescribeLogGroupsInput::default())).await;
    let group = stored.expect("groups").log_groups.and_then(|groups| groups.into_iter().next()).expect("a group");
    assert_eq!((group.stored_bytes, group.retention_in_days), (Some(0), Some(1)));
    assert_eq!(group.arn, Some(format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g:*")));
}

#[tokio::test]
async fn a_stream_made_again_does_not_show_what_the_old_one_held() {
    let (test, now) = with_streams().await;
    put(&test.app, "a", &[(now, "old")]).await.expect("put");
    let input = DeleteLogStreamInput { log_group_name: "g".into(), log_stream_name: "a".into() };
    stream::delete(Arc::clone(&test.app), request(input)).await.expect("deleted");
    create_stream(&test.app, "g", "a").await.expect("created");
    assert!(messages(&get(&test.app, |_| ()).await).is_empty());
    put(&test.app, "a", &[(now, "new")]).await.expect("put");
    let input = DeleteLogGroupInput { log_group_name: "g".into() };
    super::group::delete(Arc::clone(&test.app), request(input)).await.expect("deleted");
    assert!(test.app.logs.stream_ids().expect("ids").is_empty());
    assert!(test.app.store.read().log_streams.is_empty());
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_their_last_event_in_pages() {
    let (test, now) = with_streams().await;
    create_stream(&test.app, "g", "c").await.expect("created");
    put(&test.app, "a", &[(now + 5, "x")]).await.expect("put");
    put(&test.app, "b", &[(now, "x")]).await.expect("put");
    let list = async |order: &str, descending: bool| {
        let (mut names, mut token) = (Vec::new(), None);
        loop {
            let input = DescribeLogStreamsInput {
                log_group_name: Some("g".into()),
                order_by: Some(order.into()),
                descending: Some(descending),
                limit: Some(2),
                next_token: token,
                ..Default::default()
            };
            let page = stream::describe(Arc::clone(&test.app), request(input)).await.expect("streams");
            names.extend(page.log_streams.into_iter().flatten().filter_map(|stream| stream.log_stream_name));
            token = page.next_token;
            if token.is_none() {
                return names.concat();
            }
        }
    };
    assert_eq!(list("LogStreamName", false).await, "abc");
    assert_eq!(list("LogStreamName", true).await, "cba");
    assert_eq!(list("LastEventTime", true).await, "abc");
    assert_eq!(list("LastEventTime", false).await, "cba");
}

fn target(create_group: bool) -> LogTarget {
    let (group, stream, region) = ("/ecs/web".into(), "p/c/1".into(), REGION.into());
    LogTarget { group, stream, region, create_group, mode: LogMode::default() }
}

fn line(at: i64, message: &str) -> LogLine {
    LogLine { at: Timestamp::from_milliseconds(at), message: message.into() }
}

#[tokio::test]
async fn a_task_makes_its_stream_and_hands_over_its_lines_with_their_offset() {
    let test = TestApp::new();
    let failure = task::open(&test.app, &root(), &target(false)).await.expect_err("no group");
    assert_eq!(
        failure.to_string(),
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed \
         to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit \
         status 1"
    );
    assert!(failure.chain.last().is_some_and(|link| link.mend.contains("create-log-group")));
    for _ in 0..2 {
        task::open(&test.app, &root(), &target(true)).await.expect("opened, also a second time");
    }
    assert_eq!(task::offset(&test.app, ACCOUNT, &target(true)).expect("an offset"), 0);
    let long = "ä".repeat(600 * 1024);
    let lines = vec![line(1, "one"), line(1, ""), line(2, &long)];
    task::put(&test.app, &root(), &target(true), lines, 77).await.expect("taken over");
    assert_eq!(task::offset(&test.app, ACCOUNT, &target(true)).expect("an offset"), 77);
    let input = FilterLogEventsInput { log_group_name: Some("/ecs/web".into()), ..Default::default() };
    let output = filter_events::run(Arc::clone(&test.app), request(input)).await.expect("found");
    assert_eq!(found(&output).len(), 2, "the page is full of bytes");
    assert!(output.next_token.is_some());
}

#[tokio::test]
async fn a_role_without_permission_cannot_log() {
    let test = TestApp::new();
    create_group(&test.app, "/ecs/web").await.expect("created");
    let stranger = Caller {
        identity: Identity::Role {
            role_arn: format!("arn:aws:iam::{ACCOUNT}:role/bare"),
            role_id: "AROATEST".into(),
            session_name: "1".into(),
            context: domain::iam::SessionContext::default(),
        },
        ..root()
    };
    let failure = task::open(&test.app, &stranger, &target(true)).await.expect_err("denied");
    assert!(failure.message.contains("AccessDeniedException: User: arn:aws:sts::"), "{failure}");
    task::open(&test.app, &root(), &target(true)).await.expect("opened");
    let failure = task::put(&test.app, &stranger, &target(true), vec![line(1, "x")], 1).await.expect_err("denied");
    assert!(failure.message.contains("logs:PutLogEvents"), "{failure}");
    assert_eq!(task::offset(&test.app, ACCOUNT, &target(true)).expect("an offset"), 0);
}
