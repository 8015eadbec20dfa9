//! Staging labels: each is attached to at most one version of a secret, and `AWSPREVIOUS` follows `AWSCURRENT`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version that is given when none is named.
pub const CURRENT: &str = "AWSCURRENT";
/// The version that was current before.
pub const PREVIOUS: &str = "AWSPREVIOUS";
/// The version that a rotation is preparing.
pub const PENDING: &str = "AWSPENDING";

/// Which label is attached to which version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages(BTreeMap<String, String>);

/// A move of a label that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// The label lies elsewhere than was said.
    #[error(
        "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {version}, so you must explicitly reference that version in RemoveFromVersionId."
    )]
    NotNamed {
        /// The label.
        stage: String,
        /// Where it lies.
        version: String,
    },
    /// The label is not attached to the version it should be taken from.
    #[error("The staging label {stage} isn't attached to version {version}.")]
    NotAttached {
        /// The label.
        stage: String,
        /// Where it was said to lie.
        version: String,
    },
    /// There must always be a current version.
    #[error(
        "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
    )]
    CurrentRemoved,
    /// Neither where from nor where to.
    #[error("You must specify at least one of RemoveFromVersionId and MoveToVersionId.")]
    NothingToDo,
}

impl Stages {
    /// The version this label is attached to.
    pub fn version(&self, stage: &str) -> Option<&str> {
        self.0.get(stage).map(String::as_str)
    }

    /// The labels of a version, in order.
    pub fn of(&self, version: &str) -> Vec<String> {
        self.0.iter().filter(|(_, at)| *at == version).map(|(stage, _)| stage.clone()).collect()
    }

    /// Every version that has a label, with its labels.
    pub fn by_version(&self) -> BTreeMap<String, Vec<String>> {
        let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (stage, version) in &self.0 {
            versions.entry(version.clone()).or_default().push(stage.clone());
        }
        versions
    }

    /// Attaches a label to a version, taking it from where it was. The version that stops being current becomes the
    /// previous one, and is no longer pending.
    pub fn attach(&mut self, stage: &str, version: &str) {
        let before = self.0.insert(stage.to_owned(), version.to_owned());
        if stage == CURRENT
            && let Some(before) = before.filter(|before| before != version)
        {
            if self.version(PENDING) == Some(before.as_str()) {
                self.0.remove(PENDING);
            }
            self.0.insert(PREVIOUS.to_owned(), before);
        }
    }

    /// Moves a label by hand (UpdateSecretVersionStage).
    ///
    /// # Errors
    /// [`StageError`] when the caller does not say where the label lies now, or would leave no current version.
    pub fn move_by_hand(&mut self, stage: &str, from: Option<&str>, to: Option<&str>) -> Result<(), StageError> {
        let at = self.version(stage).map(str::to_owned);
        if let Some(from) = from.filter(|from| at.as_deref() != Some(*from)) {
            return Err(StageError::NotAttached { stage: stage.to_owned(), version: from.to_owned() });
        }
        match (to, at) {
            (Some(to), Some(at)) if at != to && from.is_none() => {
                Err(StageError::NotNamed { stage: stage.to_owned(), version: at })
            }
            (Some(to), _) => {
                self.attach(stage, to);
                Ok(())
            }
            (None, _) if from.is_none() => Err(StageError::NothingToDo),
            (None, _) if stage == CURRENT => Err(StageError::CurrentRemoved),
            (None, _) => {
                self.0.remove(stage);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(pairs: &[(&str, &str)]) -> Stages {
        Stages(pairs.iter().map(|(stage, version)| ((*stage).to_owned(), (*version).to_owned())).collect())
    }

    #[test]
    fn previous_follows_current() {
        let mut labels = Stages::default();
        labels.attach(CURRENT, "1");
        assert_eq!(labels, stages(&[(CURRENT, "1")]));
        labels.attach(CURRENT, "1");
        assert_eq!(labels, stages(&[(CURRENT, "1")]));
        labels.attach(CURRENT, "2");
        assert_eq!(labels, stages(&[(CURRENT, "2"), (PREVIOUS, "1")]));
        labels.attach(PENDING, "3");
        labels.attach(CURRENT, "3");
        assert_eq!(labels.of("3"), [CURRENT, PENDING]);
        assert_eq!(labels.of("2"), [PREVIOUS]);
        assert!(labels.of("1").is_empty());
        assert_eq!(labels.by_version().into_keys().collect::<Vec<_>>(), ["2", "3"]);
        labels.attach(CURRENT, "2");
        assert_eq!(labels, stages(&[(CURRENT, "2"), (PREVIOUS, "3")]));
    }

    #[test]
    fn moving_by_hand() {
        let begin = stages(&[(CURRENT, "2"), (PREVIOUS, "1"), ("GREEN", "1")]);
        let moved = |stage: &str, from: Option<&str>, to: Option<&str>| {
            let mut labels = begin.clone();
            labels.move_by_hand(stage, from, to).map(|()| labels)
        };
        assert_eq!(
            moved(CURRENT, Some("2"), Some("1")),
            Ok(stages(&[(CURRENT, "1"), (PREVIOUS, "2"), ("GREEN", "1")]))
        );
        assert_eq!(moved("BLUE", None, Some("1")).map(|labels| labels.version("BLUE") == Some("1")), Ok(true));
        assert_eq!(moved("GREEN", Some("1"), None).map(|labels| labels.version("GREEN").is_none()), Ok(true));
        assert_eq!(moved("GREEN", None, Some("1")), Ok(begin.clone()));
        assert!(matches!(moved("GREEN", None, Some("2")), Err(StageError::NotNamed { .. })));
        assert!(matches!(moved("GREEN", Some("2"), Some("1")), Err(StageError::NotAttached { .. })));
        assert_eq!(moved(CURRENT, Some("2"), None), Err(StageError::CurrentRemoved));
        assert_eq!(moved(CURRENT, None, None), Err(StageError::NothingToDo));
    }
}
