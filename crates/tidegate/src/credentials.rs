//! The file `credentials` in the data directory: where the server listens and the root user's access key.
//!
//! It has the form of AWS's own files, so `AWS_SHARED_CREDENTIALS_FILE` can name it, and is readable by its owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use wire::Sensitive;
use zeroize::Zeroizing;

/// What a client needs to know of a server.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Sensitive,
    pub(crate) session_token: Option<Sensitive>,
}

/// The region that the environment names, as AWS's own clients read it.
pub(crate) fn region_of_environment() -> Option<String> {
    variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Credentials {
    pub(crate) fn path(data_directory: &Path) -> PathBuf {
        data_directory.join("credentials")
    }

    /// Makes the file say so: all of it or nothing, and only if it says something else.
    pub(crate) fn write(&self, data_directory: &Path) -> io::Result<()> {
        let path = Self::path(data_directory);
        let text = self.file();
        let is_ours = fs::metadata(&path).is_ok_and(|file| file.permissions().mode() & 0o777 == 0o600);
        if is_ours && fs::read(&path).map(Zeroizing::new).is_ok_and(|there| *there == *text.as_bytes()) {
            return Ok(());
        }
        let new = path.with_extension("new");
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)
    }

    fn file(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "# Written by tidegate serve; `tidegate env` reads it.\n[default]\nendpoint_url = {}\nregion = {}\n\
             aws_access_key_id = {}\naws_secret_access_key = {}\n",
            self.endpoint,
            self.region,
            self.access_key_id,
            self.secret_access_key.expose()
        ))
    }

    /// Reads the file of a server's data directory.
    pub(crate) fn read(data_directory: &Path) -> anyhow::Result<Self> {
        let path = Self::path(data_directory);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
                "there is no Tidegate server in {directory} yet.\nStart one:  tidegate serve --data-dir {directory}\n\
                 Or name another data directory with --data-dir.",
                directory = data_directory.display()
            ),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let value = |key: &str| {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            let mut values = pairs.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned());
            values.next().with_context(|| format!("{} has no {key}", path.display()))
        };
        Ok(Self {
            endpoint: value("endpoint_url")?,
            region: value("region")?,
            access_key_id: value("aws_access_key_id")?,
            secret_access_key: value("aws_secret_access_key")?.into(),
            session_token: None,
        })
    }

    /// What the environment says, as AWS's own clients read it; `None` unless it names an endpoint and a key.
    pub(crate) fn from_environment() -> Option<Self> {
        Some(Self {
            endpoint: variable("AWS_ENDPOINT_URL")?,
            region: region_of_environment()?,
            access_key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?.into(),
            session_token: variable("AWS_SESSION_TOKEN").map(Sensitive::from),
        })
    }

    /// The lines that a shell evaluates.
    pub(crate) fn exports(&self) -> String {
        let pairs = [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key.expose()),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
        ];
        let mut lines: Vec<String> =
            pairs.iter().map(|(name, value)| format!("export {name}='{}'", value.replace('\'', r"'\''"))).collect();
        lines.push("unset AWS_SESSION_TOKEN AWS_PROFILE".to_owned());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_as_written_and_only_its_owner_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let written = Credentials {
            endpoint: "http://127.0.0.1:4566".into(),
            region: "us-east-1".into(),
            access_key_id: "AKIA1".into(),
            secret_access_key: "a=b/c+d".into(),
            session_token: None,
        };
        written.write(directory.path()).expect("written");
        written.write(directory.path()).expect("written again");
        let mode = fs::metadata(Credentials::path(directory.path())).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = Credentials::read(directory.path()).expect("read");
        assert_eq!(read.exports(), written.exports());
        assert!(read.exports().contains("export AWS_SECRET_ACCESS_KEY='a=b/c+d'\n"));
        assert!(!format!("{read:?}").contains("a=b"));
    }

    #[test]
    fn a_directory_without_a_server_is_told() {
        let error = Credentials::read(Path::new("/nonexistent")).expect_err("none");
        assert!(error.to_string().starts_with("there is no Tidegate server in /nonexistent yet."));
    }
}
