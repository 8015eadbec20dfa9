//! An error with what caused it, in one line, for people.

use std::error::Error;
use std::fmt;

/// Shows an error and its sources, each after a colon.
pub(crate) struct Causes<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let causes = std::iter::successors(self.0.source(), |error| (*error).source());
        causes.into_iter().try_for_each(|cause| write!(formatter, ": {cause}"))
    }
}
