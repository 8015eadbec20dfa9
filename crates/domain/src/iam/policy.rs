//! A policy document, read once, and which requests its statements are about.

use std::sync::Arc;

use super::caller::Caller;
use super::condition::Condition;
use super::context::Context;
use super::evaluate::Asked;
use super::pattern::{ArnPattern, Pattern};
use super::principal::{Closeness, Principal, all_of_caller_named};

/// A policy document in the form that evaluation needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The statements in their order.
    pub statements: Vec<Statement>,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Its `Sid`, if it has one.
    pub sid: Option<String>,
    /// Its place in the policy, from 0.
    pub index: usize,
    /// What it does.
    pub effect: Effect,
    /// Whom it is about; absent in identity policies.
    pub(super) principals: Option<Listed<Principal>>,
    pub(super) actions: Listed<Pattern>,
    /// What it is about; absent in trust policies, which are about their role.
    pub(super) resources: Option<Listed<ArnPattern>>,
    /// The resources as written, for explanations.
    pub(super) written_resources: Vec<String>,
    pub(super) conditions: Vec<Condition>,
    /// The whole statement as written, for explanations.
    pub(super) written: Arc<str>,
}

/// An element that has a `Not…` twin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listed<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

impl<T> Listed<T> {
    fn has(&self, matches: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Only(items) => items.iter().any(matches),
            Self::AllBut(items) => !items.iter().any(matches),
        }
    }

    /// The items as written, whichever twin it is.
    pub(super) fn items(&self) -> &[T] {
        match self {
            Self::Only(items) | Self::AllBut(items) => items,
        }
    }
}

impl Statement {
    /// How people find it: its Sid, else its place counted from 1.
    pub fn name(&self) -> String {
        match self.sid.as_deref() {
            Some(sid) if !sid.is_empty() => sid.to_owned(),
            _ => format!("statement {}", self.index + 1),
        }
    }

    /// Whether the statement of a resource policy is about everyone: `*`, or all but some.
    pub fn is_about_everyone(&self) -> bool {
        match &self.principals {
            Some(Listed::Only(principals)) => principals.contains(&Principal::Anyone),
            Some(Listed::AllBut(_)) => true,
            None => false,
        }
    }

    /// Whether action, resource and conditions fit; who asks is another question ([`Statement::names`]).
    pub(super) fn applies(&self, asked: &Asked<'_>) -> bool {
        self.covers_action(asked) && self.covers_resource(asked) && self.conditions_hold(asked.context)
    }

    pub(super) fn covers_action(&self, asked: &Asked<'_>) -> bool {
        self.actions.has(|pattern| pattern.matches(&asked.lower_case_action, asked.context))
    }

    pub(super) fn covers_resource(&self, asked: &Asked<'_>) -> bool {
        self.resources
            .as_ref()
            .is_none_or(|resources| resources.has(|pattern| pattern.matches(asked.resource, asked.context)))
    }

    fn conditions_hold(&self, context: &Context) -> bool {
        self.conditions.iter().all(|condition| condition.holds(context))
    }

    /// How closely the statement of a resource policy names the caller; `None` if it is not about the caller.
    pub(super) fn names(&self, caller: &Caller) -> Option<Closeness> {
        match self.principals.as_ref()? {
            Listed::Only(principals) => principals.iter().filter_map(|principal| principal.names(caller)).max(),
            Listed::AllBut(principals) => {
                let spared = match self.effect {
                    Effect::Allow => principals.iter().any(|principal| principal.names(caller).is_some()),
                    Effect::Deny => all_of_caller_named(principals, caller),
                };
                (!spared).then_some(Closeness::Itself)
            }
        }
    }
}

impl Policy {
    /// The condition keys, as written, that its statements ask for, without repetition.
    pub fn condition_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for statement in &self.statements {
            let conditions = statement.conditions.iter().flat_map(Condition::keys);
            let patterns = statement.resources.iter().flat_map(Listed::items);
            for key in conditions.chain(patterns.flat_map(ArnPattern::variable_keys)) {
                if !keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                    keys.push(key.to_owned());
                }
            }
        }
        keys
    }

    /// The principals that its statements name, for checking that they exist.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.statements.iter().filter_map(|statement| statement.principals.as_ref()).flat_map(Listed::items)
    }
}
