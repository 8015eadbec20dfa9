//! The pages of the web console, embedded at build time: which file a path means, and the headers that keep it safe.
//!
//! It knows no account and no session; sign-in is the front door's. The sources are in `console/` of the repository.

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::response::Builder;
use http::{HeaderMap, Method, Response, StatusCode};

/// A file of the console as it was built.
struct File {
    /// Beneath `/console/`.
    path: Cow<'static, str>,
    /// Its ETag, with quotes.
    tag: Cow<'static, str>,
    gzip: Bytes,
}

/// What the build put into this binary: path, ETag, compressed content.
static EMBEDDED: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The pages of the console.
pub struct Pages {
    files: Vec<File>,
}

const ROOT: &str = "/console/";
const INDEX: &str = "index.html";
/// Where the build puts files with a hash in their name: they never change.
const HASHED: &str = "assets/";
/// What `index.html` has in the place of the nonce.
const NONCE: &str = "__NONCE__";
const PLACEHOLDER: &str = include_str!("placeholder.html");

impl Pages {
    /// Those in this binary.
    pub fn embedded() -> Self {
        let file = |&(path, tag, gzip): &(&'static str, &'static str, &'static [u8])| File {
            path: path.into(),
            tag: tag.into(),
            gzip: Bytes::from_static(gzip),
        };
        Self { files: EMBEDDED.iter().map(file).collect() }
    }

    /// Those in a directory, as they are now: for whoever works on the console.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn of_directory(directory: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        collect(directory, "", &mut files)?;
        Ok(Self { files })
    }

    /// Answers a GET or HEAD for a path beneath `/console/`. Every page has an address of its own, so a path that is no
    /// file is the application's, which shows the page; only a path that looks like a file can be missing. `nonce` is a
    /// fresh random text of letters and digits.
    pub fn answer(&self, request: &Parts, nonce: &str) -> Response<Bytes> {
        let path = request.uri.path().strip_prefix(ROOT).unwrap_or_default();
        let mut response = match self.files.iter().find(|file| file.path == path && path != INDEX) {
            Some(file) => of_file(file, &request.headers),
            None if is_file_name(path) => {
                of(guarded(StatusCode::NOT_FOUND, "text/plain; charset=utf-8"), "The console has no such file.")
            }
            None => index(self.files.iter().find(|file| file.path == INDEX), nonce),
        };
        if request.method == Method::HEAD {
            *response.body_mut() = Bytes::new();
        }
        response
    }
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
            continue;
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&fs::read(entry.path())?)?;
        let gzip = Bytes::from(encoder.finish()?);
        let mut hasher = DefaultHasher::new();
        gzip.hash(&mut hasher);
        files.push(File { path: path.into(), tag: format!("\"{:016x}\"", hasher.finish()).into(), gzip });
    }
    Ok(())
}

/// Files lie at the top or in one directory; the address of a page may end in a name that looks like a file's.
fn is_file_name(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    path.starts_with(HASHED)
        || !path.contains('/') && extension.is_some_and(|extension| media_type(extension).is_some())
}

fn of_file(file: &File, headers: &HeaderMap) -> Response<Bytes> {
    let media_type = file.path.rsplit_once('.').and_then(|(_, extension)| media_type(extension));
    let caching = if file.path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == file.tag.as_bytes());
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let builder = guarded(status, media_type.unwrap_or("application/octet-stream"))
        .header(CACHE_CONTROL, caching)
        .header(ETAG, file.tag.as_ref())
        .header(VARY, "accept-encoding");
    if known {
        return of(builder, Bytes::new());
    }
    if takes_gzip(headers) {
        return of(builder.header(CONTENT_ENCODING, "gzip"), file.gzip.clone());
    }
    of(builder, plain(file))
}

fn index(file: Option<&File>, nonce: &str) -> Response<Bytes> {
    let page = match file {
        Some(file) => String::from_utf8_lossy(&plain(file)).into_owned(),
        None => PLACEHOLDER.to_owned(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; \
         font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let builder = guarded(StatusCode::OK, "text/html; charset=utf-8")
        .header(CONTENT_SECURITY_POLICY, policy)
        .header(CACHE_CONTROL, "no-store");
    of(builder, page.replace(NONCE, nonce))
}

fn plain(file: &File) -> Bytes {
    let mut bytes = Vec::new();
    // The build packed it; it cannot be broken.
    let _ = GzDecoder::new(file.gzip.as_ref()).read_to_end(&mut bytes);
    Bytes::from(bytes)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// Headers of every answer: nobody guesses types, frames pages, or is told where a link was followed.
fn guarded(status: StatusCode, media_type: &'static str) -> Builder {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, media_type)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(X_FRAME_OPTIONS, "DENY")
        .header(REFERRER_POLICY, "no-referrer")
        .header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin")
        .header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin")
}

fn of(builder: Builder, body: impl Into<Bytes>) -> Response<Bytes> {
    // Headers that are constants, or digits and letters, are always good.
    builder.body(body.into()).unwrap_or_default()
}

fn media_type(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "map" => "application/json",
        "md" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn get(path: &str, headers: &[(HeaderName, &str)]) -> Response<Bytes> {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        Pages::embedded().answer(&request.body(()).expect("a request").into_parts().0, "abc123")
    }

    fn header(response: &Response<Bytes>, name: HeaderName) -> &str {
        response.headers().get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }

    #[test]
    fn every_page_is_the_application_under_its_policy() {
        for path in ["/console/", "/console/index.html", "/console/secrets/my.js", "/console/tasks/demo/0123"] {
            let page = get(path, &[]);
            assert_eq!((page.status(), header(&page, CACHE_CONTROL)), (StatusCode::OK, "no-store"), "{path}");
            assert!(header(&page, CONTENT_SECURITY_POLICY).contains("style-src 'self' 'nonce-abc123'"), "{path}");
            assert!(!String::from_utf8_lossy(page.body()).contains(NONCE), "{path}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_not_a_page() {
        for path in ["/console/assets/x", "/console/assets/gone.js", "/console/favicon.png", "/console/index.html.map"]
        {
            assert_eq!(get(path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_file_is_compressed_for_whom_takes_it_and_sent_once() {
        let file = File { path: "assets/a.js".into(), tag: "\"1\"".into(), gzip: Bytes::new() };
        let headers = |pairs: &[(HeaderName, &str)]| {
            pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect::<HeaderMap>()
        };
        let packed = of_file(&file, &headers(&[(ACCEPT_ENCODING, "br, gzip")]));
        assert_eq!(
            (header(&packed, CONTENT_ENCODING), header(&packed, CONTENT_TYPE)),
            ("gzip", "text/javascript; charset=utf-8")
        );
        for unwilling in ["", "br", "gzip;q=0"] {
            assert_eq!(header(&of_file(&file, &headers(&[(ACCEPT_ENCODING, unwilling)])), CONTENT_ENCODING), "");
        }
        let known = of_file(&file, &headers(&[(IF_NONE_MATCH, "\"1\"")]));
        assert_eq!((known.status(), known.body().len()), (StatusCode::NOT_MODIFIED, 0));
        assert!(header(&known, CACHE_CONTROL).ends_with("immutable"));
    }

    #[test]
    fn pages_of_a_directory_are_served_as_they_lie_there() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("assets")).expect("a directory");
        fs::write(directory.path().join("assets/a.js"), "let a;").expect("written");
        fs::write(directory.path().join(INDEX), "nonce=__NONCE__").expect("written");
        let pages = Pages::of_directory(directory.path()).expect("read");
        let get = |path: &str| pages.answer(&Request::get(path).body(()).expect("a request").into_parts().0, "abc123");
        assert_eq!(get("/console/assets/a.js").body().as_ref(), b"let a;");
        assert_eq!(get("/console/clusters").body().as_ref(), b"nonce=abc123");
        assert_eq!(get("/console/assets/b.js").status(), StatusCode::NOT_FOUND);
    }
}
