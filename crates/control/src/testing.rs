//! An app for tests: its own data directory, a clock that stands still until it is moved, a fixed root key.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::compute::{
    BoxFuture, ContainerUsage, ImageFacts, ImageInspection, NetworkUsage, ProcessUsage, PullState, PullUsage,
    RegistryCredentials, TaskUsage, UsageInspection,
};
use domain::failure::Failure;
use domain::iam::{Caller, Identity};
use wire::Timestamp;

use crate::ec2::Owner;
use crate::iam::record::{Entity, RoleRecord};
use crate::iam::sessions;
use crate::seal::{KEY_BYTES, RootKey};
use crate::store::{SqliteJournal, Store, StoreError};
use crate::{App, Settings};

/// The account of every test.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of every test.
pub(crate) const REGION: &str = "us-east-1";
/// Whose resources in EC2 they are.
pub(crate) const OWNER: Owner<'static> = Owner { account: ACCOUNT, region: REGION };

/// An app and what must live as long as it does.
pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    directory: tempfile::TempDir,
    milliseconds: Arc<AtomicI64>,
}

impl TestApp {
    /// A fresh app with empty tables.
    pub(crate) fn new() -> Self {
        Self::with_root_key(RootKey::from_bytes([7; KEY_BYTES]))
    }

    /// The same under another root key.
    pub(crate) fn with_root_key(root_key: RootKey) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let milliseconds = Arc::new(AtomicI64::new(1_790_000_000_000));
        let hand = Arc::clone(&milliseconds);
        let journal = SqliteJournal::open(&directory.path().join("tidegate.db")).expect("opens");
        let store = Store::open(journal).expect("loads");
        let settings = Settings {
            data_directory: directory.path().to_owned(),
            region: REGION.into(),
            account: ACCOUNT.into(),
            public_pool: Settings::default_public_pool(),
            console_hosts: Vec::new(),
            rotation: None,
            audit_retention: crate::audit::Retention::default(),
        };
        let clock = Arc::new(move || Timestamp::from_milliseconds(hand.load(Ordering::Relaxed)));
        let app = Arc::new(App::new(store, settings, clock, root_key));
        Self { app, directory, milliseconds }
    }

    /// Where the database lies.
    pub(crate) fn data_directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Makes a role that ECS may assume, or gives it other inline policies.
    pub(crate) async fn put_role(&self, name: &str, inline: &[(&str, serde_json::Value)]) -> String {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{name}");
        let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole",
        }]});
        let role = RoleRecord {
            entity: Entity {
                name: name.into(),
                path: "/".into(),
                id: format!("AROA{name}"),
                arn: arn.clone(),
                created: self.app.now(),
                tags: BTreeMap::new(),
                inline: inline.iter().map(|(name, document)| ((*name).into(), document.to_string())).collect(),
                attached: Vec::new(),
                boundary: None,
            },
            description: None,
            trust: trust.to_string(),
            max_session_seconds: 3600,
        };
        let key = format!("{ACCOUNT}/{}", name.to_ascii_lowercase());
        let put = self.app.store.write(|state| {
            state.iam_roles.put(&key, role);
            Ok::<_, StoreError>(())
        });
        put.await.expect("durable");
        arn
    }

    /// A session of a role that [`TestApp::put_role`] made.
    pub(crate) fn session(&self, role_arn: &str) -> Caller {
        sessions::for_task(&self.app, &self.app.store.read(), role_arn, "session", REGION).expect("a session")
    }

    /// Moves the clock.
    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.milliseconds.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

/// An identity policy with one statement.
pub(crate) fn allow(action: &str, resource: &str) -> serde_json::Value {
    serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": action, "Resource": resource,
    }]})
}

/// A registry that has every image, in one layer of one MiB, and takes every password.
struct Images;

impl ImageInspection for Images {
    fn inspect<'a>(
        &'a self,
        image: &'a str,
        credentials: Option<RegistryCredentials>,
        architecture: &'a str,
    ) -> BoxFuture<'a, Result<ImageFacts, Failure>> {
        let facts = ImageFacts {
            reference: image.to_owned(),
            registry: image.split('/').next().unwrap_or_default().to_owned(),
            user: credentials.map(|credentials| credentials.username),
            digest: "sha256:00".into(),
            platform: format!("linux/{architecture}"),
            layers: 1,
            layers_seen: 1,
            size_bytes: 1024 * 1024,
        };
        Box::pin(async move { Ok(facts) })
    }

    fn tags<'a>(&'a self, _: &'a str, _: Option<RegistryCredentials>) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { Vec::new() })
    }
}

/// What CheckTaskDefinition asks about images.
pub(crate) fn images() -> Arc<dyn ImageInspection> {
    Arc::new(Images)
}

/// A machine on which every task is one container `web` that has run for two seconds.
struct Meter;

impl UsageInspection for Meter {
    fn usage(&self, _: &str) -> Option<TaskUsage> {
        let process = ProcessUsage { cpu_nanoseconds: 2_000_000_000, memory_bytes: 5 << 20, processes: 3 };
        let pull =
            PullUsage { state: PullState::Pulled, done_bytes: Some(7), total_layers: Some(1), ..PullUsage::default() };
        Some(TaskUsage {
            network: Some(NetworkUsage { received_bytes: 11, sent_bytes: 13 }),
            containers: vec![ContainerUsage { name: "web".into(), process: Some(process), pull }],
        })
    }
}

/// What DescribeTaskUsage asks about tasks.
pub(crate) fn usage() -> Arc<dyn UsageInspection> {
    Arc::new(Meter)
}

/// The account's root user.
pub(crate) fn root() -> Caller {
    Caller {
        account: ACCOUNT.into(),
        region: REGION.into(),
        identity: Identity::Root,
        access_key_id: "AKIATEST".into(),
        source_ip: None,
        user_agent: None,
        referer: None,
        via_service: None,
    }
}
