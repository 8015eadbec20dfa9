//! What might mend a broken link, from what broke and from what is there. Whether it does is tried afterwards.

use domain::ecs::Task;
use domain::mend::{self, Fault, Mend, NoLogin};
use serde_json::Value;

use super::container::registry_of;
use crate::App;
use crate::ecs::rehearsal;
use crate::iam::{inline_names, role_by_arn};
use crate::store::State;

/// Where the link is.
pub(super) struct About<'a> {
    /// What the link is about.
    pub(super) subject: &'a str,
    /// The container of its road.
    pub(super) container: Option<&'a str>,
    /// The task that RunTask would make.
    pub(super) task: Option<&'a Task>,
    /// The ARN of the definition, when it is registered.
    pub(super) definition: Option<&'a str>,
}

/// The candidates, the best one first. `home` is the region of who checks, which no step needs to name.
pub(super) fn candidates(app: &App, about: &About<'_>, home: &str, fault: &Fault) -> Vec<Mend> {
    let state = app.store.read();
    match fault {
        Fault::NotAllowed(wanted) => {
            let taken = inline_names(&state, &wanted.principal);
            let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
            mend::allow(wanted, &taken).into_iter().collect()
        }
        Fault::NotAllowedByResource(wanted) => vec![mend::grant(&wanted.resource, &wanted.principal, home)],
        Fault::NoRole { role } => vec![mend::create_role(role)],
        Fault::NotTrusted { role } => {
            role_by_arn(&state, role).and_then(|record| mend::trust(role, &record.trust)).into_iter().collect()
        }
        Fault::SecretMarked { secret } => vec![mend::restore_secret(secret, home)],
        Fault::KeyDisabled { key } => vec![mend::enable_key(key, home)],
        Fault::KeyMarked { key } => vec![mend::cancel_key_deletion(key, home)],
        Fault::NoLoginInSecret => vec![mend::put_login(about.subject, None, home)],
        Fault::WrongLogin { user } => {
            about.secret().map(|secret| mend::put_login(&secret, Some(user), home)).into_iter().collect()
        }
        Fault::NoLogGroup { group, region } => {
            let made = mend::create_group(group, region, home);
            std::iter::once(made).chain(about.revision(app, mend::with_create_group)).collect()
        }
        Fault::NoPublicAddress => vec![mend::with_address()],
        Fault::PortClosed { group, port, protocol } => vec![mend::open_port(group, *port, protocol)],
        Fault::NoLogin => about.logins(app, &state),
        Fault::NoTag { tags } => about.tags(app, tags),
    }
}

impl About<'_> {
    /// The secret with the registry's login.
    fn secret(&self) -> Option<String> {
        self.task?.container(self.container?)?.credentials_parameter.clone()
    }

    /// The container's image.
    fn image(&self) -> Option<&str> {
        let containers = &self.task?.spec.containers;
        containers.iter().find(|one| Some(one.name.as_str()) == self.container).map(|one| one.image.as_str())
    }

    /// The tags that come nearest, each as a revision.
    fn tags(&self, app: &App, tags: &[String]) -> Vec<Mend> {
        let Some(image) = self.image() else { return Vec::new() };
        let near = mend::closest(image, tags).into_iter().map(|tag| mend::with_tag(image, tag));
        near.filter_map(|image| self.revision(app, |input, name| mend::with_image(input, name, &image))).collect()
    }

    /// The logins that other definitions have for the same registry, and a new one. No password is sent anywhere to find
    /// out which is right: a stranger's registry would be told them all.
    fn logins(&self, app: &App, state: &State) -> Vec<Mend> {
        let (Some(task), Some(image)) = (self.task, self.image()) else { return Vec::new() };
        let account = &task.spec.account;
        let of_registry = |other: &str| registry_of(other) == registry_of(image);
        let known = rehearsal::logins(state, account, of_registry);
        let known = known
            .iter()
            .filter_map(|secret| self.revision(app, |input, container| mend::with_login(input, container, secret)));
        known.chain(self.new_login(app, state, task, image)).collect()
    }

    fn new_login(&self, app: &App, state: &State, task: &Task, image: &str) -> Option<Mend> {
        let role = task.spec.execution_role_arn.as_deref()?;
        let region = task.spec.region.as_str();
        let beginning = format!("arn:aws:secretsmanager:{region}:{}:secret:{}", task.spec.account, mend::LOGINS);
        let secrets: Vec<&str> = state.secrets.with_prefix(&beginning).map(|(_, one)| one.name.as_str()).collect();
        let policies = inline_names(state, role);
        let policies: Vec<&str> = policies.iter().map(String::as_str).collect();
        self.revision(app, |definition, container| {
            mend::new_login(&NoLogin {
                host: &registry_of(image),
                definition,
                container,
                role,
                policies: &policies,
                secrets: &secrets,
                region,
            })
        })
    }

    /// A new revision of the definition with a change of this container.
    fn revision(&self, app: &App, change: impl FnOnce(&Value, &str) -> Option<Mend>) -> Option<Mend> {
        change(&rehearsal::registration(app, self.definition?)?, self.container?)
    }
}
