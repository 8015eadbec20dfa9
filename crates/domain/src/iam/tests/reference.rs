//! The slow evaluation: over the JSON itself, every rule as its own sentence, nothing shared with the fast one.

use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine as _;
use serde_json::Value;

/// A request as the reference sees it.
pub(super) struct Request<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    pub(super) keys: &'a HashMap<String, Vec<String>>,
}

/// A caller as the reference sees it.
pub(super) struct Who<'a> {
    pub(super) account: &'a str,
    /// The ARN that names the caller itself (user, session, root).
    pub(super) own: &'a str,
    /// The ARN of the role of a session.
    pub(super) role: Option<&'a str>,
    pub(super) service: Option<&'a str>,
}

impl Who<'_> {
    fn is_root(&self) -> bool {
        self.own.ends_with(":root")
    }
}

/// The documents of every layer.
pub(super) struct Layers<'a> {
    pub(super) identity: &'a [Value],
    pub(super) boundary: Option<&'a Value>,
    pub(super) session: &'a [Value],
    pub(super) resource: Option<&'a Value>,
    pub(super) must_allow: bool,
}

pub(super) fn may(who: &Who<'_>, request: &Request<'_>, layers: &Layers<'_>) -> bool {
    let identity = statements(layers.identity);
    let boundary: Vec<&Value> = layers.boundary.into_iter().flat_map(statements_of).collect();
    let session = statements(layers.session);
    let resource: Vec<&Value> = layers.resource.into_iter().flat_map(statements_of).collect();

    let says = |statement: &&&Value, effect: &str| statement["Effect"] == effect && about(statement, request);
    let denies = |list: &[&Value]| list.iter().filter(|one| says(one, "Deny")).count() > 0;
    let allows = |list: &[&Value]| list.iter().filter(|one| says(one, "Allow")).count() > 0;
    if denies(&identity) || denies(&boundary) || denies(&session) {
        return false;
    }
    if resource.iter().any(|one| says(&one, "Deny") && named(one, who) != Named::Not) {
        return false;
    }
    let granted = |how: Named| resource.iter().any(|one| says(&one, "Allow") && named(one, who) == how);
    let itself = granted(Named::Itself);
    let by_role = granted(Named::Role);
    let by_account = granted(Named::Account);
    let identity_allows = who.is_root() || allows(&identity);
    let within = (layers.boundary.is_none() || allows(&boundary)) && (layers.session.is_empty() || allows(&session));
    if who.service.is_some() {
        return itself;
    }
    let owner = request.resource.split(':').nth(4).unwrap_or("");
    if owner.len() == 12 && owner != who.account {
        return (itself || by_role || by_account) && identity_allows && within;
    }
    if layers.must_allow {
        itself || (by_role && within) || (by_account && identity_allows && within)
    } else {
        itself || (by_role && within) || (identity_allows && within)
    }
}

fn statements(documents: &[Value]) -> Vec<&Value> {
    documents.iter().flat_map(statements_of).collect()
}

fn statements_of(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => vec![],
        other => vec![other.to_string()],
    }
}

fn about(statement: &Value, request: &Request<'_>) -> bool {
    let action = |pattern: &String| glob(&plain(&pattern.to_lowercase()), &chars(&request.action.to_lowercase()));
    let action_fits = match statement.get("NotAction") {
        Some(all_but) => !texts(all_but).iter().any(action),
        None => texts(&statement["Action"]).iter().any(action),
    };
    let resource = |pattern: &String| arn_fits(pattern, request.resource, request.keys);
    let resource_fits = match (statement.get("NotResource"), statement.get("Resource")) {
        (Some(all_but), _) => !texts(all_but).iter().any(resource),
        (None, Some(only)) => texts(only).iter().any(resource),
        (None, None) => true,
    };
    action_fits && resource_fits && conditions_hold(statement, request)
}

#[derive(Clone, Copy, PartialEq)]
enum Named {
    Not,
    Account,
    Role,
    Itself,
}

fn named(statement: &Value, who: &Who<'_>) -> Named {
    let how = |list: &Value| -> Vec<Named> {
        if list == "*" {
            return vec![Named::Itself];
        }
        let mut all = Vec::new();
        for name in texts(&list["AWS"]) {
            let account = name.len() == 12 && name.chars().all(|digit| digit.is_ascii_digit());
            let root = format!("arn:aws:iam::{}:root", who.account);
            if name == "*" {
                all.push(Named::Itself);
            } else if who.service.is_some() {
            } else if (account && name == who.account) || name == root {
                all.push(if who.is_root() { Named::Itself } else { Named::Account });
            } else if name == who.own {
                all.push(Named::Itself);
            } else if Some(name.as_str()) == who.role {
                all.push(Named::Role);
            }
        }
        for name in texts(&list["Service"]) {
            if who.service == Some(&name) {
                all.push(Named::Itself);
            }
        }
        all
    };
    if let Some(all_but) = statement.get("NotPrincipal") {
        let listed = how(all_but);
        let everything = all_but == "*" || texts(&all_but["AWS"]).iter().any(|name| name == "*");
        let spared = if statement["Effect"] == "Allow" {
            !listed.is_empty()
        } else if everything {
            true
        } else {
            listed.contains(&Named::Itself)
                && (who.service.is_some() || who.is_root() || listed.contains(&Named::Account))
                && (who.role.is_none() || listed.contains(&Named::Role))
        };
        return if spared { Named::Not } else { Named::Itself };
    }
    let listed = how(&statement["Principal"]);
    [Named::Itself, Named::Role, Named::Account].into_iter().find(|one| listed.contains(one)).unwrap_or(Named::Not)
}

fn conditions_hold(statement: &Value, request: &Request<'_>) -> bool {
    let Some(Value::Object(operators)) = statement.get("Condition") else { return true };
    operators.iter().all(|(operator, keys)| {
        keys.as_object().expect("an object").iter().all(|(key, wanted)| {
            let found =
                request.keys.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, values)| values);
            let found = found.filter(|values| !values.is_empty());
            condition_holds(operator, &texts(wanted), found, request.keys)
        })
    })
}

pub(super) fn condition_holds(
    operator: &str,
    wanted: &[String],
    found: Option<&Vec<String>>,
    keys: &HashMap<String, Vec<String>>,
) -> bool {
    if operator == "Null" {
        return wanted.iter().any(|wanted| wanted == if found.is_none() { "true" } else { "false" });
    }
    let for_all = operator.starts_with("ForAllValues:");
    let for_any = operator.starts_with("ForAnyValue:");
    let bare = operator.trim_start_matches("ForAllValues:").trim_start_matches("ForAnyValue:");
    let if_exists = bare.ends_with("IfExists");
    let bare = bare.trim_end_matches("IfExists");
    let negated = bare.contains("Not");
    let positive = bare.replace("Not", "");
    let Some(found) = found else {
        return if_exists || for_all || (negated && !for_any);
    };
    let fits = |value: &String| wanted.iter().any(|wanted| value_fits(&positive, wanted, value, keys));
    if for_all {
        found.iter().all(|value| fits(value) ^ negated)
    } else if for_any {
        found.iter().any(|value| fits(value) ^ negated)
    } else {
        found.iter().any(fits) ^ negated
    }
}

fn value_fits(operator: &str, wanted: &str, value: &str, keys: &HashMap<String, Vec<String>>) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let date = |text: &str| {
        use time::format_description::well_known::Rfc3339;
        let at = time::OffsetDateTime::parse(text, &Rfc3339).ok().map(time::OffsetDateTime::unix_timestamp);
        at.or_else(|| text.parse::<i64>().ok())
    };
    match operator {
        "StringEquals" => filled(wanted, keys).is_some_and(|wanted| text_of(&wanted) == value),
        "StringEqualsIgnoreCase" => {
            filled(wanted, keys).is_some_and(|wanted| text_of(&wanted).to_lowercase() == value.to_lowercase())
        }
        "StringLike" => filled(wanted, keys).is_some_and(|wanted| glob(&wanted, &chars(value))),
        "ArnEquals" | "ArnLike" => arn_fits(wanted, value, keys),
        "Bool" => wanted.eq_ignore_ascii_case(value) && ["true", "false"].contains(&value.to_lowercase().as_str()),
        "BinaryEquals" => {
            let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).ok();
            decode(wanted).is_some() && decode(wanted) == decode(value)
        }
        "IpAddress" => address_fits(wanted, value),
        other => {
            let order = |less: bool, equal: bool, greater: bool| match other
                .trim_start_matches("Numeric")
                .trim_start_matches("Date")
            {
                "Equals" => equal,
                "LessThan" => less,
                "LessThanEquals" => less || equal,
                "GreaterThan" => greater,
                "GreaterThanEquals" => greater || equal,
                _ => panic!("{other}"),
            };
            if other.starts_with("Numeric") {
                let (Some(value), Some(wanted)) = (number(value), number(wanted)) else { return false };
                #[expect(clippy::float_cmp, reason = "that is what NumericEquals asks")]
                let equal = value == wanted;
                order(value < wanted, equal, value > wanted)
            } else {
                let (Some(value), Some(wanted)) = (date(value), date(wanted)) else { return false };
                order(value < wanted, value == wanted, value > wanted)
            }
        }
    }
}

fn address_fits(wanted: &str, value: &str) -> bool {
    let (network, bits) = wanted.split_once('/').unwrap_or((wanted, "32"));
    let (Ok(IpAddr::V4(network)), Ok(IpAddr::V4(value)), Ok(bits)) =
        (network.parse(), value.parse(), bits.parse::<u32>())
    else {
        return false;
    };
    (0..bits).all(|bit| u32::from(network) << bit >> 31 == u32::from(value) << bit >> 31)
}

/// A character of a pattern; `true` when it stands for itself even if it is `*` or `?`.
type Filled = Vec<(char, bool)>;

fn plain(pattern: &str) -> Filled {
    pattern.chars().map(|character| (character, false)).collect()
}

fn text_of(pattern: &Filled) -> String {
    pattern.iter().map(|(character, _)| character).collect()
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn filled(pattern: &str, keys: &HashMap<String, Vec<String>>) -> Option<Filled> {
    let Some((before, rest)) = pattern.split_once("${") else { return Some(plain(pattern)) };
    let Some((variable, after)) = rest.split_once('}') else { return Some(plain(pattern)) };
    let value = if ["*", "?", "$"].contains(&variable) {
        variable.to_owned()
    } else {
        let (key, default) = variable.split_once(", ").map_or((variable, None), |(key, default)| (key, Some(default)));
        let found = keys.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, values)| values.as_slice());
        match found.unwrap_or_default() {
            [one] => one.clone(),
            [] => default?.trim_matches('\'').to_owned(),
            _ => return None,
        }
    };
    let mut all = plain(before);
    all.extend(value.chars().map(|character| (character, true)));
    all.extend(filled(after, keys)?);
    Some(all)
}

fn arn_fits(pattern: &str, arn: &str, keys: &HashMap<String, Vec<String>>) -> bool {
    if pattern == "*" {
        return true;
    }
    // Colons of variables are hidden while the pattern is cut into its parts.
    let mut hidden = String::new();
    let mut inside = false;
    for character in pattern.chars() {
        inside = (inside && character != '}') || character == '{';
        hidden.push(if inside && character == ':' { '\u{1}' } else { character });
    }
    let mut parts: Vec<String> = hidden.splitn(6, ':').map(|part| part.replace('\u{1}', ":")).collect();
    parts.resize(6, "*".into());
    let own: Vec<&str> = arn.splitn(6, ':').collect();
    own.len() == 6
        && parts
            .iter()
            .zip(own)
            .all(|(pattern, part)| filled(pattern, keys).is_some_and(|pattern| glob(&pattern, &chars(part))))
}

fn glob(pattern: &[(char, bool)], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [('*', false), rest @ ..] => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        [('?', false), rest @ ..] => !text.is_empty() && glob(rest, &text[1..]),
        [(wanted, _), rest @ ..] => text.first() == Some(wanted) && glob(rest, &text[1..]),
    }
}
