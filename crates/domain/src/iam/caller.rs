//! Who asks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use wire::Timestamp;

/// The authenticated principal of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account's 12 digits.
    pub account: String,
    /// The region the call is made in: the one its signature is scoped to, or the one a service acts in for its caller.
    pub region: String,
    /// Who it is.
    pub identity: Identity,
    /// The key the call was signed with; empty for calls that a service makes for its caller.
    pub access_key_id: String,
    /// Where the call came from, when it came over the network.
    pub source_ip: Option<IpAddr>,
    /// The call's `User-Agent`, as its sender likes to write it: `aws:UserAgent`.
    pub user_agent: Option<String>,
    /// The call's `Referer`, as its sender likes to write it: `aws:Referer`.
    pub referer: Option<String>,
    /// The service through which the call is made (`secretsmanager.us-east-1.amazonaws.com`): `aws:ViaService` and
    /// `kms:ViaService`.
    pub via_service: Option<String>,
}

/// The kinds of principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The account's root user: limited by no identity policy.
    Root,
    /// An IAM user.
    User {
        /// Its ARN.
        arn: String,
        /// `AIDA…`
        id: String,
        /// What its session was begun with; nothing for a call with an access key of its own.
        context: SessionContext,
    },
    /// A session that a user, or root, began for somebody it knows by name (GetFederationToken).
    FederatedUser {
        /// The name.
        name: String,
        /// Whose rights it has, as far as the session policies go.
        by: FederatedBy,
        /// What the session was begun with.
        context: SessionContext,
    },
    /// Somebody with a token of an identity provider, who asks for a role's session.
    WebIdentity {
        /// The provider's ARN.
        provider: String,
        /// The token's subject.
        subject: String,
    },
    /// Somebody who did not sign.
    Anonymous,
    /// A session of a role.
    Role {
        /// The role's ARN (with its path).
        role_arn: String,
        /// `AROA…`
        role_id: String,
        /// The session's name; for a task's roles the task id.
        session_name: String,
        /// What the session was begun with.
        context: SessionContext,
    },
    /// An AWS service acting by itself: `ecs-tasks.amazonaws.com`.
    Service {
        /// Its principal name.
        name: String,
    },
}

/// Who began a federated user's session.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FederatedBy {
    /// The account's root user.
    Root,
    /// An IAM user.
    User {
        /// Its ARN.
        arn: String,
        /// `AIDA…`
        id: String,
    },
}

/// What a session was begun with, beside who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SessionContext {
    /// Session policies as JSON documents; an empty list does not limit.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Session policies as ARNs of managed policies.
    #[serde(default)]
    pub policy_arns: Vec<String>,
    /// Session tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Keys of the tags that go on to the next session in a chain of roles.
    #[serde(default)]
    pub transitive_tag_keys: Vec<String>,
    /// `sts:SourceIdentity`.
    #[serde(default)]
    pub source_identity: Option<String>,
    /// `aws:TokenIssueTime`: when the session began.
    #[serde(default)]
    pub issued_at: Option<Timestamp>,
    /// When a code of an MFA device was given for it.
    #[serde(default)]
    pub mfa_at: Option<Timestamp>,
    /// `aws:FederatedProvider`: the identity provider whose token began it.
    #[serde(default)]
    pub federated_provider: Option<String>,
}

impl Caller {
    /// The principal's ARN as AWS writes it in messages and GetCallerIdentity.
    pub fn arn(&self) -> String {
        match &self.identity {
            Identity::Root => format!("arn:aws:iam::{}:root", self.account),
            Identity::User { arn, .. } => arn.clone(),
            Identity::Role { role_arn, session_name, .. } => {
                let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
                format!("arn:aws:sts::{}:assumed-role/{role}/{session_name}", self.account)
            }
            Identity::FederatedUser { name, .. } => format!("arn:aws:sts::{}:federated-user/{name}", self.account),
            Identity::WebIdentity { provider, .. } => provider.clone(),
            Identity::Anonymous => "anonymous".to_owned(),
            Identity::Service { name } => name.clone(),
        }
    }

    /// What its session was begun with; `None` for whoever has no session.
    pub fn session(&self) -> Option<&SessionContext> {
        match &self.identity {
            Identity::User { context, .. } if context.issued_at.is_some() => Some(context),
            Identity::Role { context, .. } | Identity::FederatedUser { context, .. } => Some(context),
            _ => None,
        }
    }

    /// The unique id: the account, `AIDA…`, `AROA…:session`, or the account and a federated user's name.
    pub fn user_id(&self) -> String {
        match &self.identity {
            Identity::Root => self.account.clone(),
            Identity::User { id, .. } => id.clone(),
            Identity::Role { role_id, session_name, .. } => format!("{role_id}:{session_name}"),
            Identity::FederatedUser { name, .. } => format!("{}:{name}", self.account),
            Identity::WebIdentity { provider, subject } => format!("{provider}:{subject}"),
            Identity::Anonymous => "anonymous".to_owned(),
            Identity::Service { name } => name.clone(),
        }
    }
}
