//! The shim in trouble: no room on the disk, nobody who reads.

use super::*;
use crate::shim::output;
use crate::test_support::SmallDisk;

/// How large the output file of the container `c` is.
fn length(rig: &Rig) -> u64 {
    fs::metadata(rig.directory.join("containers/c").join(output::FILE_NAME)).map_or(0, |metadata| metadata.len())
}

/// Waits until the output file has not grown for a while, and answers its length.
fn settled_length(rig: &Rig) -> u64 {
    let (mut last, mut since) = (length(rig), Instant::now());
    let settled = wait::until(PATIENCE, || {
        let now = length(rig);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        (since.elapsed() > Duration::from_secs(1)).then_some(now)
    });
    settled.expect("it goes on growing")
}

fn counted_lines(count: u32) -> String {
    (0..count).flat_map(|number| ["line ".to_owned(), number.to_string(), "\n".to_owned()]).collect()
}

#[test]
fn a_full_disk_ends_no_container_and_its_exit_is_told_and_written() {
    let disk = SmallDisk::new(24 << 20);
    let options = Options { place: disk.path().to_owned(), ..Options::default() };
    let text = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.01; done";
    let mut rig = Rig::start_with(vec![script("c", text)], &options);
    let pid = rig.until_started("c");
    rig.until_printed("c", "line 5\n");
    disk.fill();
    settled_length(&rig);
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the container goes on, until it is killed");
    assert_eq!(rig.until_exited("c"), (137, None));
    disk.make_room();
    rig.until_finished();
    let output = rig.output("c");
    let numbers: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("line ")).collect();
    for (index, number) in numbers.iter().enumerate() {
        assert_eq!(*number, index.to_string(), "no line is torn or out of place");
    }
}

#[test]
fn a_short_want_of_room_loses_no_line() {
    let disk = SmallDisk::new(24 << 20);
    let options = Options { place: disk.path().to_owned(), ..Options::default() };
    let text = "i=0; while test $i -lt 300; do echo line $i; i=$((i+1)); sleep 0.01; done";
    let mut rig = Rig::start_with(vec![script("c", text)], &options);
    rig.until_started("c");
    rig.until_printed("c", "line 5\n");
    disk.fill();
    settled_length(&rig);
    disk.make_room();
    rig.until_finished();
    assert_eq!(rig.output("c"), counted_lines(300));
}

#[test]
fn a_blocking_container_waits_for_its_reader() {
    const BOUND: u64 = 100_000;
    let options = Options { output: OutputKeeping::Blocking(BOUND), ..Options::default() };
    let text = "i=0; while test $i -lt 40000; do echo line $i; i=$((i+1)); done";
    let mut rig = Rig::start_with(vec![script("c", text)], &options);
    rig.until_started("c");
    let held = settled_length(&rig);
    assert!((BOUND..BOUND * 2).contains(&held), "{held}");
    let mut taken = 0;
    while rig.child.try_wait().expect("a status").is_none() {
        let more = wait::until(PATIENCE, || {
            (length(&rig) > taken || rig.child.try_wait().expect("a status").is_some()).then_some(())
        });
        assert!(more.is_some(), "it waits for ever after {taken} bytes");
        taken = length(&rig);
        // It may have ended just now.
        let mut line =
            serde_json::to_vec(&Request::TakenOver { container: "c".into(), offset: taken }).expect("a request");
        line.push(b'\n');
        let _ = (&rig.stream).write_all(&line);
    }
    // Who leaves while it is still asked something may cut off what it said: the journal says all.
    let records = journal::read(&rig.directory).expect("a journal");
    assert!(records.iter().any(|record| matches!(record.event, Event::Exited { exit_code: 0, .. })), "{records:?}");
    assert_eq!(rig.output("c"), counted_lines(40_000));
}

#[test]
fn a_container_that_may_lose_lines_goes_on_and_says_how_many() {
    let options = Options { output: OutputKeeping::NonBlocking(100_000), ..Options::default() };
    let text = "i=0; while test $i -lt 20000; do echo line $i; i=$((i+1)); done";
    let mut rig = Rig::start_with(vec![script("c", text)], &options);
    rig.until_finished();
    let output = rig.output("c");
    let lines: Vec<&str> = output.lines().collect();
    let (notice, kept) = lines.split_last().expect("lines");
    for (number, line) in kept.iter().enumerate() {
        assert_eq!(*line, format!("line {number}"), "the oldest are kept");
    }
    let lost = 20_000 - kept.len();
    assert!(notice.starts_with(&format!("tidegate: {lost} lines (")), "{notice}");
    assert!(notice.ends_with("max-buffer-size)"), "{notice}");
}
