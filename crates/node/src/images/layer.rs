//! One layer, from the network to a directory, in one pass.
//!
//! Three stages run side by side: the download hashes what arrives; one thread decompresses; another hashes the tar
//! stream (the diff id) and unpacks it. Nothing is written twice, and memory stays bounded by the queues between the
//! stages. A connection that breaks is taken up again with a range request while the other stages simply wait.
//!
//! What is unpacked goes to a directory of its own and counts only after size, digest and diff id were right; see
//! `store`. After a crash the half layer is thrown away and fetched again.

use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::mpsc as thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::PullProgress;
use super::client::RegistryClient;
use super::error::{NoAnswer, PullError, Retries, Spent};
use super::limits;
use super::manifest::Blob;
use super::store::Ingest;
use super::tar::{Archive, TarError};
use super::unpack::{UnpackError, Unpacked, unpack};
use domain::image::reference::Digest;

/// A piece of the download, or its good end.
enum Piece {
    Data(Bytes),
    End,
}

/// Where downloaded bytes go.
enum Sink {
    /// To be unpacked.
    Unpack(mpsc::Sender<Piece>),
    /// Nowhere: only the digest matters.
    Nowhere,
}

/// Downloads a layer and unpacks it. Everything about it has been verified on success.
pub(super) async fn fetch(
    sources: &[&RegistryClient],
    blob: &Blob,
    diff_id: &Digest,
    ingest: Ingest,
    progress: &PullProgress,
) -> Result<(Ingest, Unpacked), Spent> {
    let (sender, receiver) = mpsc::channel(limits::DOWNLOAD_PIECES);
    let (size, expected) = (blob.size, diff_id.clone());
    // The directory goes along: if this pull is dropped, it is removed when nobody writes to it any more.
    let unpacking = tokio::task::spawn_blocking(move || {
        unpack_stream(receiver, size, &expected, ingest.root()).map(|unpacked| (ingest, unpacked))
    });
    let downloaded = download(sources, blob, Sink::Unpack(sender), progress).await;
    let unpacked = unpacking.await.unwrap_or(Err(UnpackError::Abandoned));
    match (downloaded, unpacked) {
        (Ok(()), Ok(unpacked)) => Ok(unpacked),
        // A layer that cannot be unpacked also ends its download: the unpacking knows why.
        (_, Err(source)) if !matches!(source, UnpackError::Abandoned) => {
            Err(Spent { error: PullError::Layer { layer: diff_id.clone(), source }, attempts: 1 })
        }
        (Err(spent), _) => Err(spent),
        (Ok(()), Err(source)) => Err(Spent { error: PullError::Layer { layer: diff_id.clone(), source }, attempts: 1 }),
    }
}

/// Downloads a layer only to see that the registry has it.
pub(super) async fn prove(sources: &[&RegistryClient], blob: &Blob, progress: &PullProgress) -> Result<(), Spent> {
    download(sources, blob, Sink::Nowhere, progress).await
}

/// Downloads a blob; each broken connection goes on where it broke, at the next source.
async fn download(
    sources: &[&RegistryClient],
    blob: &Blob,
    mut sink: Sink,
    progress: &PullProgress,
) -> Result<(), Spent> {
    let mut state = Download { offset: 0, hash: Sha256::new(), waited: Duration::ZERO };
    let mut retries = Retries::within(limits::PULL_TIMEOUT);
    let mut next_source = 0;
    loop {
        let source = sources[next_source % sources.len()];
        let (before, waited) = (state.offset, state.waited);
        let error = match state.continue_from(source, blob, &mut sink, progress).await {
            Ok(true) => break,
            // The unpacking ended first and knows why.
            Ok(false) => return Ok(()),
            Err(error) => error,
        };
        if is_steady(state.offset - before, state.waited.saturating_sub(waited)) {
            retries.forget();
        }
        let last_source = next_source % sources.len() == sources.len() - 1;
        next_source += 1;
        if last_source {
            retries.after(error).await?;
        }
    }
    let found = Digest::from_hash(&state.hash.finalize());
    if found != blob.digest {
        let error = PullError::WrongDigest { expected: blob.digest.clone(), found };
        return Err(Spent { error, attempts: retries.attempts() + 1 });
    }
    if let Sink::Unpack(sender) = sink {
        // If nobody listens any more, the unpacking knows why.
        let _ = sender.send(Piece::End).await;
    }
    Ok(())
}

struct Download {
    offset: u64,
    hash: Sha256,
    /// For the network, all attempts together. What keeps the server waiting (a slow disk here) does not count.
    waited: Duration,
}

/// Whether so much in so much time is worth going on with.
fn is_steady(bytes: u64, waited: Duration) -> bool {
    let windows = waited.as_secs_f64() / limits::SILENCE_TIMEOUT.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact")]
    let rate = bytes as f64 / windows.max(1.0);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let least = limits::PROGRESS_BYTES as f64;
    rate >= least
}

impl Download {
    /// What was seen of a body that came too slowly.
    fn too_slow(&self, blob: &Blob, arrived: u64) -> String {
        format!(
            "inactivity time exceeded timeout while pulling image: {} of {} bytes came, {arrived} of them in the last {} seconds",
            self.offset,
            blob.size,
            limits::SILENCE_TIMEOUT.as_secs()
        )
    }

    /// `true`: the blob is complete; `false`: nobody wants it any more.
    async fn continue_from(
        &mut self,
        source: &RegistryClient,
        blob: &Blob,
        sink: &mut Sink,
        progress: &PullProgress,
    ) -> Result<bool, PullError> {
        if self.offset == blob.size && blob.size > 0 {
            return Ok(true);
        }
        let mut body = source.blob(&blob.digest, blob.size, self.offset).await?;
        // A server without ranges begins at 0 again: what is known is passed over.
        let mut skip = self.offset - body.begins();
        let (mut waited, mut arrived) = (Duration::ZERO, 0);
        loop {
            let asked = Instant::now();
            let left = limits::SILENCE_TIMEOUT.saturating_sub(waited);
            let next = tokio::time::timeout(left, body.next()).await;
            let elapsed = asked.elapsed();
            (waited, self.waited) = (waited + elapsed, self.waited + elapsed);
            let Ok(next) = next else {
                return Err(body.insufficient(NoAnswer::Silent, &self.too_slow(blob, arrived)));
            };
            let Some(mut chunk) = next? else { break };
            arrived += chunk.len() as u64;
            if arrived >= limits::PROGRESS_BYTES {
                (waited, arrived) = (Duration::ZERO, 0);
            }
            if skip > 0 {
                let known = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
                chunk = chunk.slice(known..);
                skip -= known as u64;
            }
            if chunk.is_empty() {
                continue;
            }
            let length = chunk.len() as u64;
            if length > blob.size - self.offset {
                let found = self.offset.saturating_add(length);
                return Err(PullError::WrongSize { digest: blob.digest.clone(), expected: blob.size, found });
            }
            self.hash.update(&chunk);
            self.offset += length;
            progress.add(length);
            if let Sink::Unpack(sender) = sink
                && sender.send(Piece::Data(chunk)).await.is_err()
            {
                return Ok(false);
            }
        }
        if self.offset == blob.size {
            return Ok(true);
        }
        Err(body.insufficient(NoAnswer::Broken, "unexpected EOF"))
    }
}

/// Unpacks what has arrived whole; see `fuzzing`.
#[cfg(any(test, fuzzing))]
pub(super) fn unpack_bytes(bytes: &[u8], directory: &Path) -> Result<Unpacked, UnpackError> {
    let (sender, receiver) = mpsc::channel(2);
    for piece in [Piece::Data(Bytes::copy_from_slice(bytes)), Piece::End] {
        sender.try_send(piece).map_err(|_| UnpackError::Abandoned)?;
    }
    // The diff id of a layer that is not compressed; with others all but the end is the same.
    unpack_stream(receiver, bytes.len() as u64, &Digest::of(bytes), directory)
}

/// The two blocking stages. Runs on a blocking thread and starts the other.
fn unpack_stream(
    receiver: mpsc::Receiver<Piece>,
    compressed_size: u64,
    expected: &Digest,
    directory: &Path,
) -> Result<Unpacked, UnpackError> {
    let (sender, pieces) = thread::sync_channel(limits::STAGE_PIECES);
    let limit =
        limits::BOMB_FLOOR_BYTES.max(compressed_size.saturating_mul(limits::BOMB_RATIO)).min(limits::LAYER_BYTES);
    let decoder = std::thread::Builder::new().name(String::from("decompress")).spawn(move || {
        let source = Arriving { receiver, piece: Bytes::new(), ended: false };
        decompress(source, limit, &sender);
    });
    let decoder = decoder.map_err(|source| UnpackError::Host {
        operation: "start a thread for",
        path: String::from("/"),
        source,
    })?;
    let mut stream = Stage { pieces, piece: Vec::new(), at: 0, hash: Sha256::new() };
    let mut archive = Archive::new(&mut stream);
    let unpacked = unpack(&mut archive, directory);
    let unpacked = unpacked.and_then(|unpacked| archive.drain().map(|()| unpacked).map_err(UnpackError::from));
    let found = Digest::from_hash(&stream.hash.clone().finalize());
    // Ends the other thread if it is still at work.
    drop(stream);
    let _ = decoder.join();
    match unpacked {
        Err(UnpackError::Tar(TarError::Read(error))) if error.kind() == ABANDONED => Err(UnpackError::Abandoned),
        Err(UnpackError::Tar(TarError::Read(error))) if error.kind() == TOO_LARGE => {
            Err(UnpackError::Limit("unpacks to far more than it should"))
        }
        Ok(_) if found != *expected => Err(UnpackError::DiffId),
        other => other,
    }
}

/// How the stages tell each other that a download was given up.
const ABANDONED: io::ErrorKind = io::ErrorKind::ConnectionAborted;
/// How the decompressing stage says that it stopped at the limit.
const TOO_LARGE: io::ErrorKind = io::ErrorKind::FileTooLarge;

/// Decompresses what arrives. The first bytes say how it is compressed: media types are known to be wrong, digests not.
fn decompress(mut source: Arriving, limit: u64, sender: &thread::SyncSender<io::Result<Vec<u8>>>) {
    let mut magic = Vec::with_capacity(4);
    let result = (&mut source).take(4).read_to_end(&mut magic).and_then(|_| {
        let is_gzip = magic.starts_with(&[0x1f, 0x8b]);
        let is_zstd =
            magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || matches!(magic[..], [0x50..=0x5f, 0x2a, 0x4d, 0x18]);
        let whole = BufReader::with_capacity(64 * 1024, Cursor::new(std::mem::take(&mut magic)).chain(source));
        if is_gzip {
            pass_on(MultiGzDecoder::new(whole), limit, sender)
        } else if is_zstd {
            pass_on(zstd::stream::read::Decoder::with_buffer(whole)?, limit, sender)
        } else {
            pass_on(whole, limit, sender)
        }
    });
    if let Err(error) = result {
        let _ = sender.send(Err(error));
    }
}

fn pass_on(mut reader: impl Read, limit: u64, sender: &thread::SyncSender<io::Result<Vec<u8>>>) -> io::Result<()> {
    let mut total = 0_u64;
    loop {
        let mut piece = Vec::with_capacity(limits::STAGE_BYTES);
        let count = (&mut reader).take(limits::STAGE_BYTES as u64).read_to_end(&mut piece)?;
        total += count as u64;
        if total > limit {
            return Err(TOO_LARGE.into());
        }
        // Nobody listens: the unpacking has failed and says so itself.
        if count == 0 || sender.send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}

/// The download, as the decompressing thread reads it.
struct Arriving {
    receiver: mpsc::Receiver<Piece>,
    piece: Bytes,
    ended: bool,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Piece::Data(piece)) => self.piece = piece,
                Some(Piece::End) => self.ended = true,
                None => return Err(ABANDONED.into()),
            }
        }
        let count = self.piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

/// The tar stream, as the unpacking reads it; hashed on the way.
struct Stage {
    pieces: thread::Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
    hash: Sha256,
}

impl BufRead for Stage {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.piece.len() {
            self.piece = match self.pieces.recv() {
                Ok(piece) => piece?,
                Err(thread::RecvError) => Vec::new(),
            };
            self.at = 0;
            self.hash.update(&self.piece);
        }
        Ok(&self.piece[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Stage {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_told_from_a_slow_line() {
        let least = limits::PROGRESS_BYTES;
        let window = limits::SILENCE_TIMEOUT;
        for (bytes, waited, steady) in [
            (least, Duration::from_millis(1), true),
            (least - 1, Duration::from_millis(1), false),
            (least, window, true),
            (least, window + Duration::from_millis(100), false),
            (10 * least, 10 * window, true),
            (10 * least, 11 * window, false),
        ] {
            assert_eq!(is_steady(bytes, waited), steady, "{bytes} bytes in {waited:?}");
        }
    }
}
