//! ECS in tests: an app with the default VPC, calls with JSON in and out.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::ecs::Task;
use domain::iam::Caller;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::store::State;
use crate::testing::{OWNER, TestApp, root};
use crate::{App, Request, ServiceError, ec2};

/// How long a test waits for a state.
const PATIENCE: Duration = Duration::from_secs(20);

/// An app with the default VPC.
pub(crate) struct Ecs {
    pub(crate) test: TestApp,
}

impl Ecs {
    /// Without any cluster.
    pub(crate) async fn new() -> Self {
        let test = TestApp::new();
        ec2::ensure_default_network(&test.app, OWNER).await.expect("a default VPC");
        Self { test }
    }

    /// With the cluster `walk` and the definition `web:1`.
    pub(crate) async fn with_definition() -> Self {
        let ecs = Self::new().await;
        ecs.ok(super::cluster::create, json!({"clusterName": "walk"})).await;
        ecs.ok(super::task_definition::register, definition()).await;
        ecs
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.test.app
    }

    /// Calls a handler as root.
    pub(crate) async fn call<I, O, F, Answering>(&self, handler: F, input: Value) -> Result<Value, ServiceError>
    where
        I: DeserializeOwned,
        O: Serialize,
        F: Fn(Arc<App>, Request<I>) -> Answering,
        Answering: Future<Output = Result<O, ServiceError>>,
    {
        self.call_as(root(), handler, input).await
    }

    /// Calls a handler as somebody.
    pub(crate) async fn call_as<I, O, F, Answering>(
        &self,
        caller: Caller,
        handler: F,
        input: Value,
    ) -> Result<Value, ServiceError>
    where
        I: DeserializeOwned,
        O: Serialize,
        F: Fn(Arc<App>, Request<I>) -> Answering,
        Answering: Future<Output = Result<O, ServiceError>>,
    {
        let input = serde_json::from_value(input).expect("the shape of the model");
        let output = handler(Arc::clone(self.app()), Request::new(input, caller, "request")).await?;
        Ok(serde_json::to_value(output).expect("a shape"))
    }

    /// Calls a handler as root and expects an answer.
    pub(crate) async fn ok<I, O, F, Answering>(&self, handler: F, input: Value) -> Value
    where
        I: DeserializeOwned,
        O: Serialize,
        F: Fn(Arc<App>, Request<I>) -> Answering,
        Answering: Future<Output = Result<O, ServiceError>>,
    {
        self.call(handler, input).await.expect("an answer")
    }

    /// Calls a handler as root and expects an error, told as code and message.
    pub(crate) async fn error<I, O, F, Answering>(&self, handler: F, input: Value) -> String
    where
        I: DeserializeOwned,
        O: Serialize,
        F: Fn(Arc<App>, Request<I>) -> Answering,
        Answering: Future<Output = Result<O, ServiceError>>,
    {
        self.call(handler, input).await.expect_err("an error").to_string()
    }

    /// A subnet of the default VPC.
    pub(crate) fn subnet(&self) -> String {
        self.app().store.read().subnets.values().next().expect("a subnet").id.clone()
    }

    /// RunTask on Fargate in the default VPC, with other members over it.
    pub(crate) fn run_input(&self, extra: &Value) -> Value {
        let mut input = json!({
            "cluster": "walk", "taskDefinition": "web", "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": [self.subnet()], "assignPublicIp": "ENABLED"}},
        });
        input.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
        input
    }

    /// Runs tasks and answers their ids.
    pub(crate) async fn run(&self, extra: &Value) -> Vec<String> {
        let answer = self.ok(super::run_task::run, self.run_input(extra)).await;
        assert_eq!(answer["failures"], json!([]));
        let tasks = answer["tasks"].as_array().expect("tasks");
        tasks.iter().map(|task| last_part(task["taskArn"].as_str().expect("an ARN"))).collect()
    }

    /// StopTask.
    pub(crate) async fn stop(&self, id: &str) -> Value {
        self.ok(super::task::stop, json!({"cluster": "walk", "task": id, "reason": "enough"})).await
    }

    /// The task's record.
    pub(crate) fn task(&self, id: &str) -> Arc<Task> {
        Arc::clone(self.app().store.read().tasks.get(id).expect("a task"))
    }

    /// Waits until the records are as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&State) -> bool) {
        let mut revision = self.app().store.revision();
        let wait = async {
            while !wanted(&self.app().store.read()) {
                revision.changed().await.expect("the store is open");
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "waited in vain: {what}");
    }
}

/// The last part of an ARN.
pub(crate) fn last_part(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A definition of one public image.
pub(crate) fn definition() -> Value {
    json!({
        "family": "web", "cpu": "256", "memory": "512", "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "web", "image": "nginx", "portMappings": [{"containerPort": 80}]}],
    })
}
