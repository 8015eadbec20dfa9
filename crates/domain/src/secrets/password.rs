//! Random passwords (GetRandomPassword).

use std::collections::BTreeSet;

use wire::Sensitive;

/// The kinds of characters a password may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CharacterType {
    /// `a` to `z`.
    Lowercase,
    /// `A` to `Z`.
    Uppercase,
    /// `0` to `9`.
    Numbers,
    /// The printable ASCII characters that are none of the others.
    Punctuation,
    /// The space.
    Space,
}

impl CharacterType {
    const fn characters(self) -> &'static str {
        match self {
            Self::Lowercase => "abcdefghijklmnopqrstuvwxyz",
            Self::Uppercase => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Self::Numbers => "0123456789",
            Self::Punctuation => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
            Self::Space => " ",
        }
    }
}

/// What a password must look like.
#[derive(Clone, Debug)]
pub struct PasswordRules {
    /// How many characters.
    pub length: usize,
    /// Which kinds there may be.
    pub types: BTreeSet<CharacterType>,
    /// Characters that must not occur.
    pub excluded: String,
    /// The kinds of which there must be at least one.
    pub required: BTreeSet<CharacterType>,
}

/// Rules that no password can follow, in the service's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than kinds that must occur.
    #[error("The password length is too short based on the required types.")]
    TooShort,
    /// Nothing is left, or nothing of a kind that must occur.
    #[error("The exclusions leave no character for a required type.")]
    NothingLeft,
}

/// A password by these rules. `below(n)` answers a uniformly random number below `n`.
///
/// # Errors
/// [`PasswordError`].
pub fn random_password(
    rules: &PasswordRules,
    mut below: impl FnMut(usize) -> usize,
) -> Result<Sensitive, PasswordError> {
    let allowed = |kind: CharacterType| -> Vec<char> {
        kind.characters().chars().filter(|character| !rules.excluded.contains(*character)).collect()
    };
    let every: Vec<char> = rules.types.iter().flat_map(|kind| allowed(*kind)).collect();
    if every.is_empty() {
        return Err(PasswordError::NothingLeft);
    }
    if rules.length < rules.required.len() {
        return Err(PasswordError::TooShort);
    }
    // The required ones go to random places; the rest is drawn from all.
    let mut password: Vec<char> = Vec::with_capacity(rules.length);
    for kind in &rules.required {
        let characters = allowed(*kind);
        if characters.is_empty() {
            return Err(PasswordError::NothingLeft);
        }
        password.push(characters[below(characters.len())]);
    }
    while password.len() < rules.length {
        password.push(every[below(every.len())]);
    }
    for place in (1..password.len()).rev() {
        password.swap(place, below(place + 1));
    }
    let text = Sensitive::new(password.iter().collect());
    zeroize::Zeroize::zeroize(&mut password);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPES: [CharacterType; 5] = [
        CharacterType::Lowercase,
        CharacterType::Uppercase,
        CharacterType::Numbers,
        CharacterType::Punctuation,
        CharacterType::Space,
    ];

    proptest! {
        #[test]
        fn passwords_follow_their_rules(
            length in 5usize..64, chosen in prop::sample::subsequence(&TYPES, 1..=5), excluded in "[a-cX-Z1-3!]*", seed: u64
        ) {
            let types: BTreeSet<CharacterType> = chosen.into_iter().collect();
            let rules = PasswordRules { length, types: types.clone(), excluded, required: types.clone() };
            let mut state = seed;
            let password = random_password(&rules, |n| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).expect("31 bits") % n
            }).expect("possible");
            let text = password.expose();
            prop_assert_eq!(text.chars().count(), length);
            prop_assert!(!text.contains(|character| rules.excluded.contains(character)));
            for kind in TYPES {
                prop_assert_eq!(text.contains(|character| kind.characters().contains(character)), types.contains(&kind));
            }
        }
    }

    #[test]
    fn impossible_rules_are_refused() {
        let all: BTreeSet<CharacterType> = TYPES.into_iter().collect();
        let rules = |length, types: BTreeSet<CharacterType>, excluded: &str| PasswordRules {
            length,
            required: types.clone(),
            types,
            excluded: excluded.into(),
        };
        let numbers = BTreeSet::from([CharacterType::Numbers]);
        assert_eq!(random_password(&rules(4, all, ""), |_| 0).err(), Some(PasswordError::TooShort));
        assert_eq!(random_password(&rules(4, BTreeSet::new(), ""), |_| 0).err(), Some(PasswordError::NothingLeft));
        assert_eq!(random_password(&rules(4, numbers, "0123456789"), |_| 0).err(), Some(PasswordError::NothingLeft));
    }
}
