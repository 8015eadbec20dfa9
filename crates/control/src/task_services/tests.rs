//! The road from a role to a secret: each break of it has ECS's text, and a chain that says where and how to mend it.

use std::sync::Arc;

use api::kms::CreateKeyInput;
use api::secretsmanager::{CreateSecretInput, DeleteSecretInput};
use api::ssm::PutParameterInput;
use domain::compute::TaskServices as _;
use domain::ecs::Task;
use domain::failure::LinkKind::{self, Key, Policy, Registry, Role, Secret};
use domain::failure::Outcome::{self, Broken, Good, NotReached};
use domain::failure::{Failure, Link};
use domain::iam::Caller;
use domain::mend::{Fault, Wanted};
use serde_json::json;
use wire::Sensitive;

use super::AppTaskServices;
use crate::store::StoreError;
use crate::testing::{ACCOUNT, TestApp, allow, root};
use crate::{Request, ServiceError, kms, secretsmanager, ssm};

const TASK: &str = "0123456789abcdef0123456789abcdef";
const CREDENTIALS: &str = r#"{"username":"alice","password":"s3cret"}"#;

struct World {
    test: TestApp,
    services: AppTaskServices,
}

impl World {
    fn new() -> Self {
        let test = TestApp::new();
        let services = AppTaskServices::new(Arc::clone(&test.app));
        Self { test, services }
    }

    async fn secret(&self, name: &str, value: &str, key: Option<&str>) -> String {
        self.secret_of(root(), name, value, key).await
    }

    async fn secret_of(&self, caller: Caller, name: &str, value: &str, key: Option<&str>) -> String {
        let input = CreateSecretInput {
            name: name.into(),
            secret_string: Some(Sensitive::from(value)),
            kms_key_id: key.map(Into::into),
            client_request_token: Some(self.test.app.uuid()),
            ..CreateSecretInput::default()
        };
        let answer = secretsmanager::create::run(Arc::clone(&self.test.app), Request::new(input, caller, "r")).await;
        answer.expect("a secret").arn.expect("an ARN")
    }

    async fn role(&self, inline: &[(&str, serde_json::Value)]) -> String {
        self.test.put_role("exec", inline).await
    }

    async fn task(&self, role_arn: Option<&str>, parameter: Option<&str>, secrets: serde_json::Value) {
        let task = task(role_arn, parameter, &secrets);
        let put = self.test.app.store.write(|state| {
            state.tasks.put(TASK, task);
            Ok::<_, StoreError>(())
        });
        put.await.expect("durable");
    }

    async fn registry_auth(&self) -> Result<Option<(String, String)>, Failure> {
        let credentials = self.services.registry_auth(TASK, "web").await?;
        Ok(credentials.map(|found| (found.username, found.password.expose().to_owned())))
    }

    async fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        let variables = self.services.secret_environment(TASK, "web").await?;
        Ok(variables.into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect())
    }
}

fn task(role_arn: Option<&str>, parameter: Option<&str>, secrets: &serde_json::Value) -> Task {
    let spec = json!({
        "task_id": TASK,
        "task_arn": format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task/c/{TASK}"),
        "cluster_arn": format!("arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/c"),
        "account": ACCOUNT, "region": "us-east-1", "availability_zone": "us-east-1a",
        "family": "web", "revision": 1, "launch_type": "FARGATE", "group": "family:web",
        "interface": {
            "id": "eni-1", "attachment_id": "a", "mac_address": "02:00:00:00:00:01", "address": "172.31.0.5",
            "public_address": null, "subnet_id": "subnet-1", "subnet_cidr": "172.31.0.0/20", "vpc_id": "vpc-1",
            "vpc_cidrs": ["172.31.0.0/16"], "private_dns_name": null, "security_groups": [],
        },
        "cpu_units": 256, "memory_mib": 512, "architecture": "amd64", "task_role_arn": null,
        "execution_role_arn": role_arn, "tags": {}, "volumes": [], "shared_processes": false, "containers": [],
        "created_at": 0,
    });
    let task = json!({
        "spec": spec, "definition_arn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1", "overrides": {},
        "desired_status": "RUNNING", "last_status": "PENDING", "attachment": "ATTACHED", "version": 1,
        "containers": [{
            "name": "web", "credentials_parameter": parameter, "secrets": secrets, "last_status": "PENDING",
            "health": "Unknown",
        }],
    });
    serde_json::from_value(task).expect("a task")
}

/// Kind and outcome of every link.
fn chain(failure: &Failure) -> Vec<(LinkKind, Outcome)> {
    failure.chain.iter().map(|link| (link.kind, link.outcome)).collect()
}

fn broken(failure: &Failure) -> &Link {
    failure.chain.iter().find(|link| link.outcome == Broken).expect("a broken link")
}

/// What the mend is made of: the role lacks this right.
fn not_allowed(action: &str, resource: &str) -> Fault {
    let principal = format!("arn:aws:iam::{ACCOUNT}:role/exec");
    Fault::NotAllowed(Wanted { principal, action: action.to_owned(), resource: resource.to_owned() })
}

const PREFIX: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                      failed: unable to get registry auth from asm: service call has been retried 1 time(s): ";

#[tokio::test]
async fn the_whole_road_gives_the_credentials() {
    let world = World::new();
    let secret = world.secret("hub", CREDENTIALS, None).await;
    let role = world.role(&[("read", allow("secretsmanager:GetSecretValue", &secret))]).await;
    for parameter in [secret.as_str(), "hub"] {
        world.task(Some(&role), Some(parameter), json!([])).await;
        let found = world.registry_auth().await.expect("credentials");
        assert_eq!(found, Some(("alice".into(), "s3cret".into())));
    }
    world.task(Some(&role), None, json!([])).await;
    assert_eq!(world.registry_auth().await.expect("no secret is named"), None);
}

#[tokio::test]
async fn a_secret_of_another_region_is_read_there() {
    let world = World::new();
    let away = Caller { region: "eu-west-1".into(), ..root() };
    let secret = world.secret_of(away, "hub", CREDENTIALS, None).await;
    assert!(secret.contains(":eu-west-1:"), "{secret}");
    let role = world.role(&[("read", allow("secretsmanager:GetSecretValue", &secret))]).await;
    let variable = json!([{"name": "LOGIN", "value_from": format!("{secret}:username::")}]);
    world.task(Some(&role), Some(&secret), variable).await;
    assert_eq!(world.registry_auth().await.expect("credentials"), Some(("alice".into(), "s3cret".into())));
    assert_eq!(world.environment().await.expect("values"), [("LOGIN".into(), "alice".into())]);
    // A name is one of the task's own region.
    world.task(Some(&role), Some("hub"), json!([])).await;
    assert!(world.registry_auth().await.is_err());
}

#[tokio::test]
async fn a_role_without_permission() {
    let world = World::new();
    let secret = world.secret("hub", CREDENTIALS, None).await;
    let role = world.role(&[]).await;
    world.task(Some(&role), Some(&secret), json!([])).await;
    let failure = world.registry_auth().await.expect_err("not allowed");
    let text = failure.to_string();
    let begin = format!(
        "{PREFIX}asm fetching secret from the service for {secret}: operation error Secrets Manager: GetSecretValue, https \
         response error StatusCode: 400, RequestID: "
    );
    let end = format!(
        ", api error AccessDeniedException: User: arn:aws:sts::{ACCOUNT}:assumed-role/exec/{TASK} is not authorized to \
         perform: secretsmanager:GetSecretValue on resource: {secret} because no identity-based policy allows the \
         secretsmanager:GetSecretValue action"
    );
    assert!(text.starts_with(&begin) && text.ends_with(&end), "{text}");
    assert_eq!(
        chain(&failure),
        [(Role, Good), (Policy, Broken), (Secret, NotReached), (Key, NotReached), (Registry, NotReached)]
    );
    assert_eq!(broken(&failure).fault.as_deref(), Some(&not_allowed("secretsmanager:GetSecretValue", &secret)));
    assert_eq!(failure.container.as_deref(), Some("web"));
}

#[tokio::test]
async fn a_customer_key_without_decrypt_and_then_with_it() {
    let world = World::new();
    let app = Arc::clone(&world.test.app);
    let key = kms::keys::create(app, Request::new(CreateKeyInput::default(), root(), "r")).await.expect("a key");
    let key = key.key_metadata.and_then(|key| key.arn).expect("an ARN");
    let secret = world.secret("hub", CREDENTIALS, Some(&key)).await;
    let read = allow("secretsmanager:GetSecretValue", &secret);
    let role = world.role(&[("read", read.clone())]).await;
    world.task(Some(&role), Some(&secret), json!([])).await;
    let failure = world.registry_auth().await.expect_err("KMS refuses");
    assert!(
        failure.to_string().ends_with("api error AccessDeniedException: Access to KMS is not allowed"),
        "{failure}"
    );
    assert_eq!(chain(&failure), [(Role, Good), (Policy, Good), (Secret, Good), (Key, Broken), (Registry, NotReached)]);
    let link = broken(&failure);
    assert!(link.detail.contains(&format!("kms:Decrypt on {key}")), "{}", link.detail);
    assert_eq!(link.fault.as_deref(), Some(&not_allowed("kms:Decrypt", &key)));
    world.role(&[("read", read), ("open", allow("kms:Decrypt", &key))]).await;
    assert!(world.registry_auth().await.expect("healed").is_some());
}

#[tokio::test]
async fn a_deleted_secret() {
    let world = World::new();
    let secret = world.secret("hub", CREDENTIALS, None).await;
    let role = world.role(&[("read", allow("secretsmanager:GetSecretValue", "*"))]).await;
    world.task(Some(&role), Some(&secret), json!([])).await;
    let delete = async |force: bool| {
        let input = DeleteSecretInput {
            secret_id: secret.clone(),
            recovery_window_in_days: None,
            force_delete_without_recovery: Some(force),
        };
        let app = Arc::clone(&world.test.app);
        secretsmanager::deletion::delete(app, Request::new(input, root(), "r")).await.expect("deleted");
    };
    delete(false).await;
    let failure = world.registry_auth().await.expect_err("scheduled");
    assert!(failure.message.contains(", InvalidRequestException: You can't perform this operation"), "{failure}");
    assert_eq!(broken(&failure).fault.as_deref(), Some(&Fault::SecretMarked { secret: secret.clone() }));
    assert_eq!(
        chain(&failure),
        [(Role, Good), (Policy, Good), (Secret, Broken), (Key, NotReached), (Registry, NotReached)]
    );
    delete(true).await;
    let failure = world.registry_auth().await.expect_err("gone");
    assert!(
        failure.message.ends_with(", ResourceNotFoundException: Secrets Manager can't find the specified secret."),
        "{failure}"
    );
}

#[tokio::test]
async fn malformed_secrets() {
    let world = World::new();
    let role = world.role(&[("read", allow("secretsmanager:GetSecretValue", "*"))]).await;
    let cases = [
        ("just a string", "asm fetching authorization data: unable to unmarshal secret value, invalid schema"),
        (r#"{"password":"s3cret"}"#, "asm fetching username: AuthorizationData is malformed, empty field"),
        (r#"{"username":"alice"}"#, "asm fetching password: AuthorizationData is malformed, empty field"),
    ];
    for (number, (value, text)) in cases.into_iter().enumerate() {
        let secret = world.secret(&format!("hub{number}"), value, None).await;
        world.task(Some(&role), Some(&secret), json!([])).await;
        let failure = world.registry_auth().await.expect_err("malformed");
        assert_eq!(failure.to_string(), format!("{PREFIX}{text}"));
        let key = failure.chain.iter().find(|link| link.kind == Key).expect("a key");
        assert!(key.subject.starts_with("arn:aws:kms:"), "{}", key.subject);
        let told = format!("{failure:?}");
        assert!(!told.contains("s3cret") && !told.contains("just a string"), "{told}");
        assert_eq!(
            chain(&failure),
            [(Role, Good), (Policy, Good), (Key, Good), (Secret, Broken), (Registry, NotReached)]
        );
    }
}

#[tokio::test]
async fn roles_that_cannot_be_assumed() {
    let world = World::new();
    world.task(Some("arn:aws:iam::123456789012:role/no-such-role"), Some("hub"), json!([])).await;
    let failure = world.registry_auth().await.expect_err("no role");
    assert!(failure.message.contains("ECS was unable to assume the role"), "{failure}");
    assert_eq!(chain(&failure)[0], (Role, Broken));
    world.task(None, Some("hub"), json!([])).await;
    let failure = world.registry_auth().await.expect_err("none at all");
    assert!(failure.message.ends_with("asm resource: unable to find execution role credentials"), "{failure}");
    assert_eq!(chain(&failure)[0], (Role, Broken));
}

#[tokio::test]
async fn variables_come_from_secrets() {
    let world = World::new();
    let role = world.role(&[("read", allow("secretsmanager:GetSecretValue", "*"))]).await;
    let secret = world.secret("app", r#"{"user":"alice","port":5432}"#, None).await;
    let from = |secrets: &[(&str, String)]| {
        let of = |(name, value_from): &(&str, String)| json!({"name": name, "value_from": value_from});
        json!(secrets.iter().map(of).collect::<Vec<_>>())
    };
    let variables = [("USER", format!("{secret}:user::")), ("PORT", format!("{secret}:port:AWSCURRENT:"))];
    world.task(Some(&role), None, from(&variables)).await;
    let found = world.environment().await.expect("variables");
    assert_eq!(found, [("USER".to_owned(), "alice".to_owned()), ("PORT".to_owned(), "5432".to_owned())]);
    let unable = "unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve";
    let asm = format!("{unable} secret from asm: service call has been retried 1 time(s)");
    let gone = secret.replace(":secret:app", ":secret:gone");
    let cases = [
        (
            format!("{secret}:host::"),
            format!("{asm}: retrieved secret from Secrets Manager did not contain json key host"),
        ),
        (
            format!("{secret}:host"),
            format!(
                "{asm}: an invalid ARN format for the AWS Secrets Manager secret was specified. Specify a valid ARN and \
                 try again."
            ),
        ),
        (gone.clone(), format!("{asm}: failed to fetch secret {gone} from secrets manager: operation error")),
        (
            "/app/password".into(),
            format!(
                "{unable} secrets from ssm: service call has been retried 1 time(s): operation error SSM: GetParameters, \
                 https response error StatusCode: 400, RequestID: "
            ),
        ),
    ];
    for (value_from, text) in cases {
        world.task(Some(&role), None, from(&[("A", value_from)])).await;
        let failure = world.environment().await.expect_err("no value");
        assert!(failure.message.starts_with(&text), "{failure}");
        assert!(failure.chain.iter().any(|link| link.outcome == Broken));
        assert!(!format!("{failure:?}").contains("alice"));
    }
}

#[tokio::test]
async fn variables_come_from_parameters() {
    let world = World::new();
    let arn = |name: &str| format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter{name}");
    for (name, value) in [("/app/password", "s3cret"), ("/app/other", "other")] {
        let input = PutParameterInput {
            name: name.into(),
            value: value.into(),
            r#type: Some("SecureString".into()),
            ..PutParameterInput::default()
        };
        ssm::put::run(Arc::clone(&world.test.app), Request::new(input, root(), "r")).await.expect("put");
    }
    let secrets =
        |names: &[&str]| json!(names.iter().map(|from| json!({"name": from, "value_from": from})).collect::<Vec<_>>());
    let read = allow("ssm:GetParameters", &arn("/app/password"));
    let role = world.role(&[("read", read.clone())]).await;
    let names = ["/app/password", &arn("/app/password"), "/app/password:1"];
    world.task(Some(&role), None, secrets(&names)).await;
    let found = world.environment().await.expect("variables");
    assert_eq!(found, names.map(|name| (name.to_owned(), "s3cret".to_owned())));

    world.task(Some(&role), None, secrets(&["/app/password", "/app/other"])).await;
    let failure = world.environment().await.expect_err("one may not be read");
    assert!(failure.message.contains("api error AccessDeniedException: User: "), "{failure}");
    assert!(failure.message.contains(&format!("ssm:GetParameters on resource: {}", arn("/app/other"))), "{failure}");
    assert_eq!(chain(&failure), [(Role, Good), (Policy, Broken), (Secret, NotReached), (Key, NotReached)]);

    let role = world.role(&[("read", allow("ssm:GetParameters", "*"))]).await;
    world.task(Some(&role), None, secrets(&["/app/password", "/app/gone", "/app/password:9"])).await;
    let failure = world.environment().await.expect_err("two are not there");
    assert!(failure.message.ends_with("1 time(s): invalid parameters: /app/gone,/app/password:9"), "{failure}");
    assert_eq!(chain(&failure), [(Role, Good), (Policy, Good), (Secret, Broken)]);

    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]});
    let role = world.role(&[("read", read), ("deny", deny)]).await;
    world.task(Some(&role), None, secrets(&["/app/password"])).await;
    let failure = world.environment().await.expect_err("the key is denied");
    assert!(
        failure.message.contains("is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:"),
        "{failure}"
    );
    assert_eq!(chain(&failure), [(Role, Good), (Policy, Good), (Secret, Good), (Key, Broken)]);
    assert!(!format!("{failure:?}").contains("s3cret"));
}

#[test]
fn errors_outside_the_model_come_from_the_api() {
    let told = |code: &'static str| super::road::secret_text(&ServiceError::new(code, "m"), "id");
    let prefix =
        "operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: id, ";
    assert_eq!(told("AccessDeniedException"), format!("{prefix}api error AccessDeniedException: m"));
    assert_eq!(told("ResourceNotFoundException"), format!("{prefix}ResourceNotFoundException: m"));
}
