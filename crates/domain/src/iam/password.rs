//! What a password must be like: the account's password policy, or IAM's default.
//!
//! It says nothing of age and reuse, which need a clock and earlier passwords.

/// The rules that a new password must follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordRules {
    /// IAM's default: at least eight characters, of three of the four kinds.
    Default,
    /// An account's own.
    Own {
        /// The least number of characters.
        minimum_length: usize,
        /// The kinds of character of which one must be there.
        required: Kinds,
    },
}

/// Kinds of character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// `A` to `Z`
    pub uppercase: bool,
    /// `a` to `z`
    pub lowercase: bool,
    /// `0` to `9`
    pub numbers: bool,
    /// `! @ # $ % ^ & * ( ) _ + - = [ ] { } | '`
    pub symbols: bool,
}

const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
const DEFAULT_LENGTH: usize = 8;
const LONGEST: usize = 128;

impl Kinds {
    fn of(password: &str) -> Self {
        Self {
            uppercase: password.contains(|character: char| character.is_ascii_uppercase()),
            lowercase: password.contains(|character: char| character.is_ascii_lowercase()),
            numbers: password.contains(|character: char| character.is_ascii_digit()),
            symbols: password.contains(|character| SYMBOLS.contains(character)),
        }
    }

    fn count(self) -> usize {
        [self.uppercase, self.lowercase, self.numbers, self.symbols].into_iter().filter(|there| *there).count()
    }
}

impl PasswordRules {
    /// What is wrong with a password, for `PasswordPolicyViolation`; `None` if nothing is.
    pub fn violation(&self, password: &str) -> Option<String> {
        let found = Kinds::of(password);
        let minimum = match self {
            Self::Default => DEFAULT_LENGTH,
            Self::Own { minimum_length, .. } => *minimum_length,
        };
        let length = password.chars().count();
        if length < minimum {
            return Some(format!("Password should have a minimum length of {minimum}"));
        }
        if length > LONGEST {
            return Some(format!("Password should have a maximum length of {LONGEST}"));
        }
        match self {
            Self::Default if found.count() < 3 => Some(
                "Password should have at least three of these: an uppercase letter, a lowercase letter, a number, a \
                 symbol"
                    .to_owned(),
            ),
            Self::Default => None,
            Self::Own { required, .. } => missing(*required, found),
        }
    }
}

fn missing(required: Kinds, found: Kinds) -> Option<String> {
    let kinds = [
        (required.uppercase && !found.uppercase, "uppercase letter"),
        (required.lowercase && !found.lowercase, "lowercase letter"),
        (required.numbers && !found.numbers, "number"),
        (required.symbols && !found.symbols, "symbol"),
    ];
    let (_, kind) = kinds.into_iter().find(|(missing, _)| *missing)?;
    Some(format!("Password should have at least one {kind}"))
}

#[cfg(test)]
mod tests {
    use super::{Kinds, PasswordRules};

    #[test]
    fn the_default_wants_eight_characters_of_three_kinds() {
        let rules = PasswordRules::Default;
        for (password, good) in [
            ("Aa345678", true),
            ("aa!45678", true),
            ("aa345678", false),
            ("Aa34567", false),
            ("Äa345678", false),
            (&"Aa1".repeat(43), false),
        ] {
            assert_eq!(rules.violation(password).is_none(), good, "{password}");
        }
    }

    #[test]
    fn an_own_policy_names_the_first_kind_that_is_missing() {
        let required = Kinds { uppercase: true, lowercase: true, numbers: true, symbols: true };
        let rules = PasswordRules::Own { minimum_length: 6, required };
        for (password, missing) in [
            ("aB3$x", Some("Password should have a minimum length of 6")),
            ("ab3$xy", Some("Password should have at least one uppercase letter")),
            ("AB3$XY", Some("Password should have at least one lowercase letter")),
            ("aBc$xy", Some("Password should have at least one number")),
            ("aB3cxy", Some("Password should have at least one symbol")),
            ("aB3$xy", None),
        ] {
            assert_eq!(rules.violation(password).as_deref(), missing, "{password}");
        }
        let none = PasswordRules::Own { minimum_length: 6, required: Kinds::default() };
        assert_eq!(none.violation("aaaaaa"), None);
    }
}
