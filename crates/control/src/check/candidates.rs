//! What might mend a broken link, from what broke and from what is there. Whether it does is tried afterwards.

use domain::ecs::Task;
use domain::mend::{self, Fault, Mend};
use serde_json::Value;

use crate::App;
use crate::ecs::rehearsal;
use crate::iam::{inline_names, role_by_arn};

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

/// The candidates, the best one first.
pub(super) fn candidates(app: &App, about: &About<'_>, fault: &Fault) -> Vec<Mend> {
    let state = app.store.read();
    let home = app.settings.region.as_str();
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
        Fault::NoLogin | Fault::NoTag => Vec::new(),
    }
}

impl About<'_> {
    /// The secret with the registry's login.
    fn secret(&self) -> Option<String> {
        self.task?.container(self.container?)?.credentials_parameter.clone()
    }

    /// A new revision of the definition with a change of this container.
    fn revision(&self, app: &App, change: impl FnOnce(&Value, &str) -> Option<Mend>) -> Option<Mend> {
        change(&rehearsal::registration(app, self.definition?)?, self.container?)
    }
}
