//! Damaged content, broken connections, retries, and work that is done once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::fixture::{Content, GZIP_LAYER, changing_registry, file_in, gzip, noise, open_registry, room, tar_of};
use super::server::{Reply, Server};
use crate::images::PullProgress;
use domain::image::reference::Digest;

fn image() -> Content {
    Content::image("v1", &[tar_of(&[("hello", b"world")])])
}

#[tokio::test]
async fn a_dead_registry_is_told_quickly_and_in_gos_words() {
    let start = Instant::now();
    let failure = room().pull("127.0.0.1:1/alice/space", None).await.expect_err("nobody listens");
    assert_eq!(
        failure.to_string(),
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref \
         127.0.0.1:1/alice/space:latest: failed to do request: Head \"http://127.0.0.1:1/v2/alice/space/manifests/latest\": \
         dial tcp 127.0.0.1:1: connect: connection refused"
    );
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_unknown_host_is_told() {
    let failure = room().pull("no-such-host.invalid/alice/space", None).await.expect_err("no such host");
    assert!(failure.to_string().contains("dial tcp: lookup no-such-host.invalid: "), "{failure}");
}

#[tokio::test]
async fn a_missing_tag_is_not_found() {
    let server = open_registry(image()).await;
    let start = Instant::now();
    let failure = room().pull(&format!("{}/alice/space:no-such-tag", server.host), None).await.expect_err("missing");
    assert_eq!(
        failure.to_string(),
        format!(
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref \
             {}/alice/space:no-such-tag: not found",
            server.host
        )
    );
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(failure.chain[1].detail.contains("no no-such-tag in alice/space"), "{failure:?}");
}

#[tokio::test]
async fn what_is_no_reference_is_told() {
    let failure = room().pull("https://example.com/x", None).await.expect_err("no reference");
    assert!(failure.to_string().contains("invalid reference format"), "{failure}");
}

#[tokio::test]
async fn trouble_that_passes_is_waited_for() {
    for (status, header) in [(503, None), (429, Some("0")), (500, None), (429, None)] {
        let (asked, content) = (AtomicUsize::new(0), image());
        let server = Server::start(move |received| {
            if asked.fetch_add(1, Ordering::Relaxed) < 2 {
                let reply = Reply::new(status);
                return match header {
                    Some(seconds) => reply.header("retry-after", seconds),
                    None => reply,
                };
            }
            content.answer(received)
        })
        .await;
        room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect("it passed");
    }
}

#[tokio::test]
async fn a_limit_that_lasts_has_the_servers_words() {
    let content = image();
    let server = Server::start(move |received| match received.method.as_str() {
        "HEAD" => content.answer(received),
        _ => Reply::new(429)
            .header("retry-after", "3600")
            .body(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}"#),
    })
    .await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("limited");
    let text = failure.to_string();
    assert!(text.contains("httpReaderSeeker: failed open: unexpected status code http://"), "{text}");
    assert!(
        text.contains(
            "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit."
        ),
        "{text}"
    );
    assert!(failure.chain[0].mend.contains("mirror"), "{failure:?}");
}

#[tokio::test]
async fn a_manifest_that_is_not_what_its_digest_says_is_refused() {
    let content = image();
    let server = Server::start(move |received| {
        let mut reply = content.answer(received);
        if received.path.contains("/manifests/") && received.method == "GET" {
            reply.body.push(b' ');
        }
        reply
    })
    .await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("damaged");
    assert!(failure.to_string().contains("unexpected commit digest"), "{failure}");
}

type Damage = fn(&mut Vec<u8>);

#[tokio::test]
async fn damaged_layers_are_refused_and_leave_nothing() {
    let layer = gzip(&tar_of(&[("data", &noise(100_000, 1))]));
    let diff_id = Digest::of(&tar_of(&[("data", &noise(100_000, 1))])).to_string();
    let mut content = Content::default();
    content.add_compressed("v1", &[(GZIP_LAYER, layer.clone(), diff_id.clone())]);
    let digest = Digest::of(&layer).to_string();
    let damage: [(&str, Damage); 3] = [
        ("unexpected commit digest", |bytes| *bytes.last_mut().expect("not empty") ^= 1),
        ("unexpected commit size", |bytes| bytes.push(0)),
        ("unexpected commit size", |bytes| bytes.truncate(50_000)),
    ];
    for (words, damage) in damage {
        let mut content = content.clone();
        damage(content.blobs.get_mut(&digest).expect("the layer"));
        let server = open_registry(content).await;
        let room = room();
        let failure = room.pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("damaged");
        let text = failure.to_string();
        assert!(
            text.contains("ref pull has been retried") && (text.contains(words) || text.contains("failed to extract")),
            "{text}"
        );
        assert_eq!(std::fs::read_dir(room.content().join("layers")).expect("there").count(), 0);
    }
    // A layer that is what its digest says, but not what the configuration says.
    let mut content = Content::default();
    content.add_compressed("v1", &[(GZIP_LAYER, layer, Digest::of(b"other").to_string())]);
    let server = open_registry(content).await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("wrong diff id");
    assert!(
        failure.to_string().contains("failed to extract layer") && failure.to_string().contains("diff id"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let data = noise(3_000_000, 2);
    let content = Content::image("v1", &[tar_of(&[("data", &data)])]);
    let server = Server::start(move |received| {
        let reply = content.answer(received);
        let large = reply.body.len() > 600_000;
        if received.path.contains("/blobs/") && large { reply.cut_after(500_000) } else { reply }
    })
    .await;
    let progress = Arc::new(PullProgress::default());
    let room = room();
    let reference = format!("{}/alice/space:v1", server.host);
    let image = room.images.pull(&reference, None, "linux/amd64", progress.clone()).await.expect("in pieces");
    assert_eq!(file_in(&image, 0, "data"), data);
    assert_eq!(progress.ready_bytes(), progress.total_bytes());
    assert_eq!((progress.ready_layers(), progress.total_layers()), (1, 1));
    let ranges = server.received().iter().filter(|received| received.header("range").is_some()).count();
    assert!((5..=12).contains(&ranges), "{ranges}");
}

#[tokio::test]
async fn a_server_without_ranges_is_read_from_the_start() {
    let data = noise(2_000_000, 3);
    let content = Content::image("v1", &[tar_of(&[("data", &data)])]);
    let cuts = AtomicUsize::new(0);
    let server = Server::start(move |received| {
        let mut plain = received.clone();
        plain.headers.retain(|(name, _)| name != "range");
        let reply = content.answer(&plain);
        let first = reply.body.len() > 1_000_000 && cuts.fetch_add(1, Ordering::Relaxed) == 0;
        if first { reply.cut_after(1_000_000) } else { reply }
    })
    .await;
    let room = room();
    let image = room.pull(&format!("{}/alice/space:v1", server.host), None).await.expect("from the start");
    assert_eq!(file_in(&image, 0, "data"), data);
}

#[tokio::test]
async fn a_wrong_range_answer_is_refused() {
    let data = noise(2_000_000, 4);
    let content = Content::image("v1", &[tar_of(&[("data", &data)])]);
    let server = Server::start(move |received| {
        let mut reply = content.answer(received);
        if received.header("range").is_some() {
            reply.headers = vec![(String::from("content-range"), String::from("bytes 0-9/2000000"))];
            return reply;
        }
        if reply.body.len() > 1_000_000 { reply.cut_after(1_000_000) } else { reply }
    })
    .await;
    let failure = room().pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("another range");
    assert!(failure.to_string().contains("range answer (bytes 0-9/2000000) is not what was asked"), "{failure}");
}

#[tokio::test]
async fn pulls_at_the_same_time_download_once() {
    let content = Content::image("v1", &[tar_of(&[("a", &noise(400_000, 5))]), tar_of(&[("b", &noise(400_000, 6))])]);
    let layers: Vec<String> =
        content.blobs.iter().filter(|(_, bytes)| bytes.len() > 1000).map(|(digest, _)| digest.clone()).collect();
    let server = open_registry(content).await;
    let room = Arc::new(room());
    let reference = format!("{}/alice/space:v1", server.host);
    let pulls = (0..8).map(|_| {
        let (room, reference) = (room.clone(), reference.clone());
        tokio::spawn(async move { room.pull(&reference, None).await.map(|image| image.layers.len()) })
    });
    for pull in pulls.collect::<Vec<_>>() {
        assert_eq!(pull.await.expect("no panic"), Ok(2));
    }
    assert_eq!(layers.len(), 2);
    for layer in layers {
        assert_eq!(server.count("GET", &format!("/v2/alice/space/blobs/{layer}")), 1);
    }
    assert!(server.count("HEAD", "/v2/alice/space/manifests/v1") >= 8, "each pull is authorised by itself");
}

#[tokio::test]
async fn a_pull_that_is_given_up_leaves_the_next_one_free() {
    let content = Arc::new(Mutex::new(Content::image("v1", &[tar_of(&[("a", &noise(200_000, 7))])])));
    let server = changing_registry(content).await;
    let room = room();
    let reference = format!("{}/alice/space:v1", server.host);
    for milliseconds in 0..12 {
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), room.pull(&reference, None)).await;
    }
    room.pull(&reference, None).await.expect("free");
    assert_eq!(std::fs::read_dir(room.content().join("layers")).expect("there").count(), 1);
}

#[tokio::test]
async fn zstd_and_plain_layers_and_wrong_media_types() {
    let (a, b, c) = (tar_of(&[("a", b"1")]), tar_of(&[("b", b"2")]), tar_of(&[("c", b"3")]));
    let mut frames = zstd::encode_all(&a[..512], 3).expect("in memory");
    frames.extend(zstd::encode_all(&a[512..], 3).expect("in memory"));
    let id = |tar: &[u8]| Digest::of(tar).to_string();
    let mut content = Content::default();
    content.add_compressed(
        "v1",
        &[
            ("application/vnd.oci.image.layer.v1.tar+zstd", frames, id(&a)),
            ("application/vnd.oci.image.layer.v1.tar", b.clone(), id(&b)),
            // Says gzip, is zstd: the digests hold, so it is taken as Docker takes it.
            (GZIP_LAYER, zstd::encode_all(c.as_slice(), 3).expect("in memory"), id(&c)),
        ],
    );
    let server = open_registry(content).await;
    let room = room();
    let image = room.pull(&format!("{}/alice/space:v1", server.host), None).await.expect("all forms");
    assert_eq!([file_in(&image, 0, "a"), file_in(&image, 1, "b"), file_in(&image, 2, "c")], [b"1", b"2", b"3"]);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    // 3 GiB of zeros in some kilobytes: zstd frames of 64 MiB each.
    let frame = zstd::encode_all(vec![0; 64 << 20].as_slice(), 1).expect("in memory");
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").expect("short");
    header.set_size(48 * (64 << 20));
    header.set_mode(0o644);
    header.set_cksum();
    let mut bomb = zstd::encode_all(header.as_bytes().as_slice(), 1).expect("in memory");
    for _ in 0..48 {
        bomb.extend_from_slice(&frame);
    }
    let mut content = Content::default();
    content.add_compressed(
        "v1",
        &[("application/vnd.oci.image.layer.v1.tar+zstd", bomb, Digest::of(b"never reached").to_string())],
    );
    let server = open_registry(content).await;
    let room = room();
    let failure = room.pull(&format!("{}/alice/space:v1", server.host), None).await.expect_err("a bomb");
    assert!(failure.to_string().contains("unpacks to far more than it should"), "{failure}");
}

#[tokio::test]
async fn the_next_start_cleans_what_a_crash_left_and_distrusts_other_boots() {
    let server = open_registry(image()).await;
    let room = room();
    let reference = format!("{}/alice/space:v1", server.host);
    room.pull(&reference, None).await.expect("pulled");
    let content = room.content();
    let super::fixture::Room { images, directory } = room;
    drop(images);
    std::fs::create_dir_all(content.join("ingest/layer-7-0/root/half")).expect("made");
    let layer =
        std::fs::read_dir(content.join("layers")).expect("there").next().expect("one").expect("readable").path();
    let record = std::fs::read_to_string(layer.join("layer.json")).expect("there");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("there");
    std::fs::write(layer.join("layer.json"), record.replace(boot.trim(), "another boot")).expect("written");
    std::fs::write(content.join("blobs").join("torn.json"), "{").expect("written");

    let images = crate::images::Images::open(&content, crate::images::Registries::default()).expect("opens");
    assert!(!layer.exists(), "the disk may not have had all of it");
    let room = super::fixture::Room { images, directory };
    room.pull(&reference, None).await.expect("pulled again");
    assert!(layer.join("root/hello").exists());
    let deadline = Instant::now() + Duration::from_secs(10);
    while content.join("ingest/layer-7-0").exists() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn two_processes_do_not_share_a_directory() {
    let room = room();
    let error =
        crate::images::Images::open(&room.content(), crate::images::Registries::default()).err().expect("locked");
    assert!(error.to_string().contains("is another server using it?"), "{error}");
}

#[tokio::test]
async fn unused_images_are_collected_oldest_first_and_used_ones_stay() {
    let mut content = Content::image("v1", &[tar_of(&[("old", &noise(200_000, 8))])]);
    content.add_image("v2", &[tar_of(&[("new", &noise(200_000, 9))])]);
    let server = open_registry(content).await;
    let room = room();
    let old = room.pull(&format!("{}/alice/space:v1", server.host), None).await.expect("pulled");
    // Two pulls may fall into one tick of the file system's clock.
    for record in std::fs::read_dir(room.content().join("images")).expect("there") {
        let record = std::fs::File::open(record.expect("readable").path()).expect("opens");
        record.set_modified(std::time::SystemTime::now() - Duration::from_hours(1)).expect("aged");
    }
    let new = room.pull(&format!("{}/alice/space:v2", server.host), None).await.expect("pulled");
    assert_eq!(room.images.list().expect("listed").len(), 2);
    assert_eq!(room.images.collect(0).expect("collected"), 0, "both are in use");
    let (old_layer, new_layer) = (old.layers[0].clone(), new.layers[0].clone());
    drop((old, new));
    assert!(room.images.collect(250_000).expect("collected") >= 200_000);
    assert!(!old_layer.exists() && new_layer.exists());
    assert_eq!(room.images.list().expect("listed").len(), 1);
    room.pull(&format!("{}/alice/space:v1", server.host), None).await.expect("it can come back");
}
