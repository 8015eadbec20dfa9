//! What broke, as far as a mend can be made of it.

/// What broke a link. There is none for what nobody can mend by adding something: an explicit deny, a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No identity policy of a role or user allows it.
    NotAllowed(Wanted),
    /// No statement of the resource's own policy allows it, and it must.
    NotAllowedByResource(Wanted),
    /// There is no such role.
    NoRole {
        /// Its ARN.
        role: String,
    },
    /// The role's trust policy does not let ECS's tasks assume it.
    NotTrusted {
        /// Its ARN.
        role: String,
    },
    /// The secret is scheduled for deletion.
    SecretMarked {
        /// Its ARN.
        secret: String,
    },
    /// The key is disabled.
    KeyDisabled {
        /// Its ARN.
        key: String,
    },
    /// The key is scheduled for deletion.
    KeyMarked {
        /// Its ARN.
        key: String,
    },
    /// The secret's value is not a user name and a password.
    NoLoginInSecret,
    /// The registry wants a login, and there is none.
    NoLogin,
    /// The registry refused this user's password.
    WrongLogin {
        /// The user name that the secret has.
        user: String,
    },
    /// The registry has no such tag or digest of the image.
    NoTag {
        /// The tags that it has, as far as they were asked for.
        tags: Vec<String>,
    },
    /// The task has no public address.
    NoPublicAddress,
    /// No rule of the security groups lets an address in.
    PortClosed {
        /// The group to open.
        group: String,
        /// The port.
        port: u16,
        /// `tcp` or `udp`.
        protocol: String,
    },
    /// There is no such log group.
    NoLogGroup {
        /// Its name.
        group: String,
        /// Its region.
        region: String,
    },
}

impl Fault {
    /// What KMS's error says of the state of a key.
    pub fn of_key_state(code: &str, key: &str) -> Option<Self> {
        match code {
            "DisabledException" => Some(Self::KeyDisabled { key: key.to_owned() }),
            "KMSInvalidStateException" => Some(Self::KeyMarked { key: key.to_owned() }),
            _ => None,
        }
    }
}

/// What somebody wanted to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The ARN of the role or user.
    pub principal: String,
    /// `secretsmanager:GetSecretValue`
    pub action: String,
    /// The ARN it was asked of.
    pub resource: String,
}
