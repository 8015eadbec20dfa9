//! The checks that the models ask of inputs, and the words in which the services tell what they found.
//!
//! The generated code walks an input ([`Checked`]) and holds each value against its [`Constraint`]; every violation is
//! collected, as AWS does. A sensitive value is checked but never told. What only a service's own rules forbid is
//! decided in `domain`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use regex_lite::Regex;

use crate::{Blob, Sensitive};

/// The longest value that a message repeats, in bytes; longer ones are left out.
const TOLD_VALUE_BYTES: usize = 1024;

/// A structure that can check what it holds.
pub trait Checked {
    /// Adds what is wrong to `check`.
    fn check(&self, check: &mut Check);
}

/// What a model asks of one value.
pub struct Constraint {
    minimum: Option<i64>,
    maximum: Option<i64>,
    pattern: Option<&'static Pattern>,
    values: &'static [&'static str],
    keys: Option<&'static Constraint>,
    members: Option<&'static Constraint>,
}

/// A regular expression of a model, compiled when it is first needed.
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern in the words of the model.
    pub const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    /// The models mean the whole value. A pattern that does not compile matches everything.
    fn matches(&self, value: &str) -> bool {
        let regex = self.compiled.get_or_init(|| Regex::new(&format!(r"\A(?:{})\z", self.text)).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(value))
    }
}

impl Constraint {
    /// Nothing is asked.
    pub const NONE: Self = Self { minimum: None, maximum: None, pattern: None, values: &[], keys: None, members: None };

    /// Length (text in characters, blobs in bytes, lists and maps in entries) or number at least this.
    #[must_use]
    pub const fn at_least(mut self, minimum: i64) -> Self {
        self.minimum = Some(minimum);
        self
    }

    /// Length or number at most this.
    #[must_use]
    pub const fn at_most(mut self, maximum: i64) -> Self {
        self.maximum = Some(maximum);
        self
    }

    /// The whole text matches this regular expression.
    #[must_use]
    pub const fn matching(mut self, pattern: &'static Pattern) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// The text is one of these.
    #[must_use]
    pub const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    /// Every key of the map satisfies this.
    #[must_use]
    pub const fn with_keys(mut self, keys: &'static Self) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Every element of the list, or value of the map, satisfies this.
    #[must_use]
    pub const fn with_members(mut self, members: &'static Self) -> Self {
        self.members = Some(members);
        self
    }

    fn length(&self, length: usize, found: &mut Vec<Requirement>) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if let Some(maximum) = self.maximum.filter(|&maximum| length > maximum) {
            found.push(Requirement::LengthAtMost(maximum));
        }
        if let Some(minimum) = self.minimum.filter(|&minimum| length < minimum) {
            found.push(Requirement::LengthAtLeast(minimum));
        }
    }

    fn number(&self, number: i64, found: &mut Vec<Requirement>) {
        if let Some(maximum) = self.maximum.filter(|&maximum| number > maximum) {
            found.push(Requirement::AtMost(maximum));
        }
        if let Some(minimum) = self.minimum.filter(|&minimum| number < minimum) {
            found.push(Requirement::AtLeast(minimum));
        }
    }

    fn text(&self, text: &str, found: &mut Vec<Requirement>) {
        if self.minimum.is_some() || self.maximum.is_some() {
            self.length(text.chars().count(), found);
        }
        if let Some(pattern) = self.pattern.filter(|pattern| !pattern.matches(text)) {
            found.push(Requirement::Pattern(pattern.text));
        }
        if !self.values.is_empty() && !self.values.contains(&text) {
            found.push(Requirement::OneOf(self.values));
        }
    }

    /// What is asked of an element, as AWS repeats it whole when one element fails.
    fn of_element(&self) -> Vec<Requirement> {
        let mut all = Vec::new();
        all.extend(self.maximum.map(Requirement::LengthAtMost));
        all.extend(self.minimum.map(Requirement::LengthAtLeast));
        all.extend(self.pattern.map(|pattern| Requirement::Pattern(pattern.text)));
        if !self.values.is_empty() {
            all.push(Requirement::OneOf(self.values));
        }
        all
    }
}

/// What a value fails to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// It is required and absent.
    Present,
    /// It is too long.
    LengthAtMost(i64),
    /// It is too short.
    LengthAtLeast(i64),
    /// It is too large.
    AtMost(i64),
    /// It is too small.
    AtLeast(i64),
    /// It does not match.
    Pattern(&'static str),
    /// It is none of the known values.
    OneOf(&'static [&'static str]),
    /// One of its keys fails one of these.
    Keys(Vec<Requirement>),
    /// One of its elements fails one of these.
    Members(Vec<Requirement>),
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => formatter.write_str("Member must not be null"),
            Self::LengthAtMost(most) => write!(formatter, "Member must have length less than or equal to {most}"),
            Self::LengthAtLeast(least) => write!(formatter, "Member must have length greater than or equal to {least}"),
            Self::AtMost(most) => write!(formatter, "Member must have value less than or equal to {most}"),
            Self::AtLeast(least) => write!(formatter, "Member must have value greater than or equal to {least}"),
            Self::Pattern(text) => write!(formatter, "Member must satisfy regular expression pattern: {text}"),
            Self::OneOf([]) => formatter.write_str("Member must satisfy enum value set"),
            Self::OneOf(values) => write!(formatter, "Member must satisfy enum value set: [{}]", values.join(", ")),
            Self::Keys(all) => write!(formatter, "Map keys must satisfy constraint: [{}]", joined(all)),
            Self::Members(all) => write!(formatter, "Member must satisfy constraint: [{}]", joined(all)),
        }
    }
}

fn joined(requirements: &[Requirement]) -> String {
    let words: Vec<String> = requirements.iter().map(ToString::to_string).collect();
    words.join(", ")
}

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: `tags.1.member.key`.
    pub path: String,
    /// The value, when it may be told.
    pub value: Option<String>,
    /// What it fails to be.
    pub requirement: Requirement,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, value, requirement } = self;
        match (requirement, value) {
            (Requirement::Present, _) => write!(formatter, "Value null at '{path}'")?,
            (_, Some(value)) => write!(formatter, "Value '{value}' at '{path}'")?,
            (_, None) => write!(formatter, "Value at '{path}'")?,
        }
        write!(formatter, " failed to satisfy constraint: {requirement}")
    }
}

/// The sentence in which most services tell violations.
pub fn told(violations: &[Violation]) -> String {
    let words: Vec<String> = violations.iter().map(ToString::to_string).collect();
    let plural = if violations.len() == 1 { "error" } else { "errors" };
    format!("{} validation {plural} detected: {}", violations.len(), words.join("; "))
}

/// Walks an input and remembers where it is and what was wrong.
#[derive(Debug, Default)]
pub struct Check {
    path: Vec<Step>,
    violations: Vec<Violation>,
}

#[derive(Debug)]
enum Step {
    Member(&'static str),
    Element(usize),
    Entry(String),
}

impl Check {
    /// Everything that is wrong with an input.
    pub fn violations_of(input: &impl Checked) -> Vec<Violation> {
        let mut check = Self::default();
        input.check(&mut check);
        check.violations
    }

    /// A member that must be there. An empty one is an absent one: a plain field cannot tell them apart, and no
    /// required member may be empty except where the model says so.
    pub fn required<T: Value>(&mut self, name: &'static str, value: &T, constraint: &Constraint) {
        if value.is_empty() {
            self.tell(name, None, value.lacking(constraint));
        } else {
            self.value(name, value, constraint);
        }
    }

    /// A member that is a value.
    pub fn value<T: Value>(&mut self, name: &'static str, value: &T, constraint: &Constraint) {
        let mut found = Vec::new();
        value.hold_against(constraint, &mut found);
        for requirement in found {
            self.tell(name, value.told().filter(|told| told.len() <= TOLD_VALUE_BYTES), requirement);
        }
    }

    /// A member that holds structures.
    pub fn within(&mut self, name: &'static str, value: &impl Checked) {
        self.path.push(Step::Member(name));
        value.check(self);
        self.path.pop();
    }

    fn tell(&mut self, name: &'static str, value: Option<String>, requirement: Requirement) {
        let steps = self.path.iter().map(|step| match step {
            Step::Member(name) => (*name).to_owned(),
            Step::Element(index) => format!("{index}.member"),
            Step::Entry(key) => format!("{key}.member"),
        });
        let path = steps.chain([name.to_owned()]).collect::<Vec<String>>().join(".");
        self.violations.push(Violation { path, value, requirement });
    }
}

impl<T: Checked> Checked for Option<T> {
    fn check(&self, check: &mut Check) {
        if let Some(value) = self {
            value.check(check);
        }
    }
}

impl<T: Checked> Checked for Box<T> {
    fn check(&self, check: &mut Check) {
        (**self).check(check);
    }
}

impl<T: Checked> Checked for Vec<T> {
    fn check(&self, check: &mut Check) {
        for (index, element) in self.iter().enumerate() {
            check.path.push(Step::Element(index + 1));
            element.check(check);
            check.path.pop();
        }
    }
}

impl<T: Checked> Checked for BTreeMap<String, T> {
    fn check(&self, check: &mut Check) {
        for (key, element) in self {
            check.path.push(Step::Entry(key.clone()));
            element.check(check);
            check.path.pop();
        }
    }
}

/// A value that a constraint can be held against.
pub trait Value {
    /// Adds what it fails to be. A structure has nothing to add: its members are checked by [`Checked`].
    fn hold_against(&self, _constraint: &Constraint, _found: &mut Vec<Requirement>) {}

    /// Whether nothing is there.
    fn is_empty(&self) -> bool {
        false
    }

    /// What is told of a required value that is empty.
    fn lacking(&self, _constraint: &Constraint) -> Requirement {
        Requirement::Present
    }

    /// The value for a message, if it may be told.
    fn told(&self) -> Option<String> {
        None
    }
}

impl Value for String {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        constraint.text(self, found);
    }
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn told(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Value for Sensitive {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        constraint.text(self.expose(), found);
    }
    fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl Value for Blob {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        constraint.length(self.0.len(), found);
    }
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Clients refuse a required blob that is not there, but send an empty one.
    fn lacking(&self, constraint: &Constraint) -> Requirement {
        constraint.minimum.map_or(Requirement::Present, Requirement::LengthAtLeast)
    }
}

impl Value for i32 {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        constraint.number(i64::from(*self), found);
    }
    fn told(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for i64 {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        constraint.number(*self, found);
    }
    fn told(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl<T: Value> Value for Option<T> {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        if let Some(value) = self {
            value.hold_against(constraint, found);
        }
    }
    fn is_empty(&self) -> bool {
        self.is_none()
    }
    fn told(&self) -> Option<String> {
        self.as_ref().and_then(Value::told)
    }
}

impl<T: Value> Value for Vec<T> {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        constraint.length(self.len(), found);
        if let Some(members) = constraint.members.filter(|members| any_fails(self.iter(), members)) {
            found.push(Requirement::Members(members.of_element()));
        }
    }
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
    fn told(&self) -> Option<String> {
        let told: Option<Vec<String>> = self.iter().map(Value::told).collect();
        told.map(|told| format!("[{}]", told.join(", ")))
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    fn hold_against(&self, constraint: &Constraint, found: &mut Vec<Requirement>) {
        constraint.length(self.len(), found);
        if let Some(keys) = constraint.keys.filter(|keys| any_fails(self.keys(), keys)) {
            found.push(Requirement::Keys(keys.of_element()));
        }
        if let Some(members) = constraint.members.filter(|members| any_fails(self.values(), members)) {
            found.push(Requirement::Members(members.of_element()));
        }
    }
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

fn any_fails<'a, T: Value + 'a>(mut elements: impl Iterator<Item = &'a T>, constraint: &Constraint) -> bool {
    let mut found = Vec::new();
    elements.any(|element| {
        element.hold_against(constraint, &mut found);
        !found.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::{Check, Checked, Constraint, Pattern, told};
    use crate::Sensitive;

    static LETTERS: Pattern = Pattern::new("[a-z]+");
    static NAME: Constraint = Constraint::NONE.at_least(1).at_most(4).matching(&LETTERS);
    static NAMES: Constraint = Constraint::NONE.at_most(2).with_members(&NAME);
    static KIND: Constraint = Constraint::NONE.one_of(&["EC2", "FARGATE"]);
    static COUNT: Constraint = Constraint::NONE.at_least(1).at_most(10);

    #[derive(Default)]
    struct Input {
        name: String,
        names: Option<Vec<String>>,
        kind: Option<String>,
        count: Option<i32>,
        secret: Option<Sensitive>,
        children: Vec<Input>,
    }

    impl Checked for Input {
        fn check(&self, check: &mut Check) {
            check.required("name", &self.name, &NAME);
            check.value("names", &self.names, &NAMES);
            check.value("kind", &self.kind, &KIND);
            check.value("count", &self.count, &COUNT);
            check.value("secret", &self.secret, &NAME);
            check.within("children", &self.children);
        }
    }

    fn named(name: &str) -> Input {
        Input { name: name.to_owned(), ..Input::default() }
    }

    #[test]
    fn violations_are_told_as_aws_tells_them() {
        let texts = [
            (named("abc"), None),
            (named(""), Some("Value null at 'name' failed to satisfy constraint: Member must not be null")),
            (
                named("abcde"),
                Some(
                    "Value 'abcde' at 'name' failed to satisfy constraint: Member must have length less than or equal to 4",
                ),
            ),
            (
                named("ab1"),
                Some(
                    "Value 'ab1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+",
                ),
            ),
            (
                Input { kind: Some("X".into()), ..named("a") },
                Some(
                    "Value 'X' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [EC2, FARGATE]",
                ),
            ),
            (
                Input { count: Some(11), ..named("a") },
                Some(
                    "Value '11' at 'count' failed to satisfy constraint: Member must have value less than or equal to 10",
                ),
            ),
            (
                Input { secret: Some("hidden".into()), ..named("a") },
                Some("Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 4"),
            ),
            (
                Input { names: Some(vec!["a".into(), "A".into()]), ..named("a") },
                Some(
                    "Value '[a, A]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must \
                     have length less than or equal to 4, Member must have length greater than or equal to 1, Member must \
                     satisfy regular expression pattern: [a-z]+]",
                ),
            ),
            (
                Input { children: vec![named("a"), named("-")], ..named("a") },
                Some(
                    "Value '-' at 'children.2.member.name' failed to satisfy constraint: Member must satisfy regular \
                     expression pattern: [a-z]+",
                ),
            ),
        ];
        for (input, expected) in texts {
            let violations = Check::violations_of(&input);
            match expected {
                None => assert_eq!(violations, vec![]),
                Some(text) => assert_eq!(told(&violations), format!("1 validation error detected: {text}")),
            }
        }
    }

    #[test]
    fn all_violations_are_collected() {
        let input = Input { count: Some(0), ..named("abcde1") };
        assert!(
            told(&Check::violations_of(&input)).starts_with("3 validation errors detected: Value 'abcde1' at 'name'")
        );
    }
}
