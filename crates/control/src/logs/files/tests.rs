//! What the files promise: durable, in order, tolerant of a torn tail, really deleted.

use super::*;

fn files(directory: &tempfile::TempDir) -> LogFiles {
    LogFiles::new(directory.path().join("logs"))
}

fn append(time: i64, message: &str, cursor: Option<u64>) -> Append {
    Append { stream: "s".into(), at: time + 1, events: vec![(time, message.to_owned())], cursor }
}

fn messages(files: &LogFiles) -> Vec<String> {
    let mut messages = Vec::new();
    for segment in files.segments("s").expect("segments") {
        files.read("s", &segment, |event| messages.push(format!("{} {}", event.number, event.message))).expect("read");
    }
    messages
}

fn newest_log(files: &LogFiles) -> PathBuf {
    let entries = fs::read_dir(files.shared.directory("s")).expect("a directory");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    paths.sort();
    paths.pop().expect("a segment")
}

#[tokio::test]
async fn events_and_cursor_are_there_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = files(&directory);
    assert_eq!(first.summary("s").expect("a summary"), StreamSummary::default());
    first.append(append(10, "a", Some(3))).await.expect("durable");
    first.append(append(12, "b", Some(7))).await.expect("durable");
    let second = files(&directory);
    let summary = second.summary("s").expect("a summary");
    assert_eq!(summary, first.summary("s").expect("a summary"));
    assert_eq!((summary.times, summary.appended_at, summary.cursor), (Some((10, 12)), Some(13), Some(7)));
    assert_eq!(messages(&second), ["0 a", "1 b"]);
}

#[tokio::test]
async fn a_torn_tail_is_left_out_and_followed_by_new_events() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = files(&directory);
    first.append(append(10, "kept", Some(5))).await.expect("durable");
    first.append(append(11, "torn", Some(9))).await.expect("durable");
    let path = newest_log(&first);
    let length = fs::metadata(&path).expect("metadata").len();
    fs::OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(length - 1)).expect("torn");

    let second = files(&directory);
    assert_eq!(second.summary("s").expect("a summary").cursor, Some(5), "the torn lines are read again");
    second.append(append(11, "torn", Some(9))).await.expect("durable");
    assert_eq!(messages(&second), ["0 kept", "1 torn"]);
    assert_eq!(messages(&files(&directory)), ["0 kept", "1 torn"]);
}

#[tokio::test]
async fn a_full_segment_is_closed_and_not_read_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = files(&directory);
    let large = "x".repeat(3 * 1024 * 1024);
    for time in 0..4 {
        first.append(append(time, &large, None)).await.expect("durable");
    }
    let segments = first.segments("s").expect("segments");
    assert_eq!(segments.iter().map(Segment::times).collect::<Vec<_>>(), [Some((0, 1)), Some((2, 3))]);
    assert_eq!(files(&directory).segments("s").expect("segments"), segments);
    assert_eq!(first.summary("s").expect("a summary").stored_bytes, 4 * (3 * 1024 * 1024 + 26));
}

#[tokio::test]
async fn expired_events_are_deleted_and_the_cursor_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let first = files(&directory);
    first.append(append(10, "old", Some(4))).await.expect("durable");
    first.expire("s", 10).await.expect("nothing to do");
    assert_eq!(messages(&first), ["0 old"]);
    let path = newest_log(&first);
    first.expire("s", 11).await.expect("expired");
    assert!(!path.exists());
    for files in [&first, &files(&directory)] {
        assert!(messages(files).is_empty());
        assert_eq!(files.summary("s").expect("a summary").cursor, Some(4));
    }
    first.append(append(20, "new", Some(8))).await.expect("durable");
    assert_eq!(messages(&files(&directory)), ["1 new"]);
    first.remove("s").await.expect("removed");
    assert!(first.stream_ids().expect("ids").is_empty());
    assert!(messages(&first).is_empty());
}

#[tokio::test]
async fn many_appends_at_once_are_all_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = Arc::new(files(&directory));
    let mut tasks = tokio::task::JoinSet::new();
    for time in 0..200 {
        let files = Arc::clone(&files);
        tasks.spawn(async move { files.append(append(time, "line", None)).await });
    }
    while let Some(result) = tasks.join_next().await {
        result.expect("no panic").expect("durable");
    }
    assert_eq!(messages(&files).len(), 200);
    let numbers: Vec<u64> =
        messages(&files).iter().map(|m| m.split(' ').next().expect("n").parse().expect("n")).collect();
    assert!(numbers.into_iter().eq(0..200));
}
