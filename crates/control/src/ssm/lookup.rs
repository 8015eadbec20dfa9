//! Which parameter a name or ARN means, and the access a call on it needs.

use std::sync::Arc;

use domain::iam::Caller;
use domain::ssm::{Asked, SECRET_PREFIX, check_name_read, parameter_arn};

use super::error;
use super::record::ParameterRecord;
use crate::store::State;
use crate::{Access, App, ServiceError};

/// The parameters as one caller sees them: names are of the caller's account and region.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    app: &'a App,
    state: &'a State,
    caller: &'a Caller,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(app: &'a App, state: &'a State, caller: &'a Caller) -> Self {
        Self { app, state, caller }
    }

    /// What a caller asks for, with its ARN.
    pub(super) fn asked<'b>(&self, text: &'b str) -> Option<Asked<'b>> {
        Asked::parse(text, &self.caller.region, &self.caller.account)
    }

    /// The ARN of the parameter of this name.
    pub(super) fn arn(&self, name: &str) -> String {
        parameter_arn(&self.caller.region, &self.caller.account, name)
    }

    /// The parameter of this ARN, unless its time is over or it is of another region.
    pub(super) fn at(&self, arn: &str) -> Option<&'a Arc<ParameterRecord>> {
        let now = self.app.now();
        let is_here = arn.split(':').nth(3) == Some(&self.caller.region);
        self.state.parameters.get(arn).filter(|parameter| is_here && !parameter.is_gone(now))
    }

    /// The parameter of a name or ARN without selector.
    pub(super) fn find(&self, name: &str) -> Result<&'a Arc<ParameterRecord>, ServiceError> {
        let asked = self.asked(name).filter(|asked| asked.selector.is_none());
        let asked = asked.ok_or_else(|| error::not_found(name))?;
        if !asked.is_by_arn() {
            check_name_read(asked.name)?;
        }
        self.at(&asked.arn).ok_or_else(|| error::not_found(name))
    }

    /// All parameters of the caller's account and region, by ARN.
    pub(super) fn all(&self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Arc<ParameterRecord>)> + use<'a> {
        let now = self.app.now();
        self.state.parameters.with_prefix(prefix).filter(move |(_, parameter)| !parameter.is_gone(now))
    }

    /// The access to what was asked for. Who may not even ask for an unknown one is told so.
    pub(super) fn access(&self, action: &'static str, text: &str) -> Access {
        let arn = if text.starts_with(SECRET_PREFIX) {
            self.arn(text)
        } else {
            self.asked(text).map_or_else(|| self.arn(text), |asked| asked.arn)
        };
        let access = Access::to(action, &arn);
        let Some(parameter) = self.at(&arn) else { return access };
        access
            .with_resource_tags("aws:ResourceTag", &parameter.tags)
            .with_resource_tags("ssm:resourceTag", &parameter.tags)
    }
}

/// Changes one parameter.
pub(super) async fn change<T>(
    app: &App,
    caller: &Caller,
    name: &str,
    change: impl FnOnce(&mut ParameterRecord) -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    app.store
        .write(|state| {
            let mut parameter = ParameterRecord::clone(Parameters::new(app, state, caller).find(name)?);
            let value = change(&mut parameter)?;
            let arn = parameter.arn.clone();
            state.parameters.put(&arn, parameter);
            Ok(value)
        })
        .await
}
