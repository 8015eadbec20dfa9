//! Every limit of a pull, in one place. A registry, an image and a layer are strangers: nothing of them is without end.

use std::time::Duration;

/// The largest `WWW-Authenticate` header that is read, in bytes.
pub(super) const CHALLENGE_BYTES: usize = 8 * 1024;
/// The most challenges of one answer, and parameters of one challenge.
pub(super) const CHALLENGES: usize = 16;
/// The largest answer of a token server, in bytes.
pub(super) const TOKEN_ANSWER_BYTES: usize = 256 * 1024;
/// The most scopes of one token.
pub(super) const SCOPES: usize = 8;

/// The largest manifest or index, in bytes (the registries' own limit is 4 MiB).
pub(super) const MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// How many tags of a repository are asked for.
pub(super) const TAGS: usize = 1000;
/// The largest image configuration, in bytes.
pub(super) const CONFIG_BYTES: usize = 8 * 1024 * 1024;
/// How much of an error answer is read, in bytes.
pub(super) const ERROR_BYTES: usize = 16 * 1024;
/// How much of what a server says is told to a person, in characters.
pub(super) const SERVER_WORDS: usize = 300;
/// The most entries of an index.
pub(super) const INDEX_ENTRIES: usize = 1024;
/// How deep indexes may be nested.
pub(super) const INDEX_DEPTH: usize = 4;
/// The most layers of an image (what overlay file systems of older kernels bear, and Docker's limit).
pub(super) const LAYERS: usize = 127;

/// The largest image, compressed, in bytes: what fits AWS's largest ephemeral storage.
pub(super) const IMAGE_BYTES: u64 = 200 * GIB;
/// The largest layer, unpacked, in bytes: files, holes and headers counted.
pub(super) const LAYER_BYTES: u64 = 200 * GIB;
/// Below this unpacked size no layer is called a bomb, in bytes.
pub(super) const BOMB_FLOOR_BYTES: u64 = 2 * GIB;
/// How many times its compressed size a layer may unpack to, above the floor.
pub(super) const BOMB_RATIO: u64 = 200;
/// The most entries of a layer.
pub(super) const LAYER_ENTRIES: u64 = 4_000_000;
/// The longest path in a layer, in bytes (Linux's PATH_MAX).
pub(super) const PATH_BYTES: usize = 4096;
/// The longest name of one path component, in bytes (Linux's NAME_MAX).
pub(super) const COMPONENT_BYTES: usize = 255;
/// The largest extended header (pax, GNU long name) of an entry, in bytes.
pub(super) const EXTENDED_HEADER_BYTES: u64 = 1024 * 1024;
/// The most extended attributes of one file.
pub(super) const ATTRIBUTES: usize = 64;
/// The largest extended attribute, in bytes.
pub(super) const ATTRIBUTE_BYTES: usize = 64 * 1024;
/// The most links on the way to one entry (as containerd counts).
pub(super) const LINKS: usize = 255;
/// The most pieces of a sparse file.
pub(super) const SPARSE_PIECES: usize = 65_536;

/// Redirects followed for one request.
pub(super) const REDIRECTS: usize = 5;
/// To connect and shake hands.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From a request to the answer's head.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest silence within a body (the agent's "inactivity time"), and the time over which its rate is measured.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// What a download must bring within that time, in bytes, so that a trickle cannot hold its place for hours.
pub(super) const PROGRESS_BYTES: u64 = 32 * 1024;
/// To resolve a reference, all attempts together (the agent's manifest timeout).
pub(super) const RESOLVE_TIMEOUT: Duration = Duration::from_mins(1);
/// For a look at an image that is not pulled, with everything.
pub(super) const INSPECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// Looks at images at the same time; others wait, as long as a look may take.
pub(super) const INSPECTIONS_AT_ONCE: usize = 16;
/// For a whole pull (the agent's limit).
pub(super) const PULL_TIMEOUT: Duration = Duration::from_hours(2);
/// The longest `Retry-After` that is waited for; a longer one ends the pull at once.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(20);

/// Layers of one pull at work at the same time.
pub(super) const LAYERS_AT_ONCE: usize = 4;
/// Layers of all pulls at work at the same time.
pub(super) const LAYERS_AT_ONCE_NODE: usize = 64;
/// Pieces of a download waiting to be unpacked (each at most some 10 KiB as the network delivers them).
pub(super) const DOWNLOAD_PIECES: usize = 64;
/// One piece of an unpacked layer between two stages, in bytes.
pub(super) const STAGE_BYTES: usize = 256 * 1024;
/// Pieces between two stages.
pub(super) const STAGE_PIECES: usize = 8;

/// Registries (with their repositories) that are remembered to have shown that they have a blob.
pub(super) const ORIGINS: usize = 64;
/// What images may take on disk before the ones not used are thrown away, in bytes.
pub(super) const STORE_BYTES: u64 = 40 * GIB;

const GIB: u64 = 1024 * 1024 * 1024;
