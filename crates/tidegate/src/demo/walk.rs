//! The article's walk, as AWS calls of an ordinary client: once to the page and its end, twice into a failure.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use api::Operation;
use api::ecs::{CreateClusterInput, RegisterTaskDefinitionInput, RunTaskInput, StopTaskInput, op as ecs};
use api::logs::{CreateLogGroupInput, FilterLogEventsInput, op as logs};
use api::secretsmanager::{CreateSecretInput, op as secretsmanager};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::image::LOG_LINE;
use super::registry::{USER, random_text};
use super::story::{Story, show};
use crate::client::Client;
use crate::explain;
use crate::tasks::{self, Found};

const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const CLUSTER: &str = "demo";
const LOG_GROUP: &str = "/ecs/demo";
const GREETING: &str = "Hello from";

pub(super) struct Walk<'a> {
    client: &'a Client,
    directory: PathBuf,
    image: String,
    page: String,
    secret: String,
    subnet: String,
    group: String,
}

impl<'a> Walk<'a> {
    /// A walk to the container of this image, which must serve this page.
    pub(super) fn new(client: &'a Client, directory: &Path, image: String, page: String) -> Self {
        let directory = directory.to_owned();
        Self { client, directory, image, page, secret: String::new(), subnet: String::new(), group: String::new() }
    }

    /// The road to its end.
    pub(super) async fn succeed(&mut self, story: &mut Story, login: &Value) -> anyhow::Result<()> {
        story.chapter("What the task needs")?;
        self.secret = self
            .create_secret(story, "Store the registry's user name and password as a secret", "registry-login", login)
            .await?;
        let role = self.create_role(story, "demo-execution", &self.secret).await?;
        let command = format!("aws ecs create-cluster --cluster-name {CLUSTER}");
        let input = CreateClusterInput { cluster_name: Some(CLUSTER.into()), ..CreateClusterInput::default() };
        story.step("Make a cluster", &command, self.call::<ecs::CreateCluster>(&input)).await?;
        self.prepare_network(story).await?;
        let command = format!("aws logs create-log-group --log-group-name {LOG_GROUP}");
        let input = CreateLogGroupInput { log_group_name: LOG_GROUP.into(), ..CreateLogGroupInput::default() };
        story.step("Make a log group", &command, self.call::<logs::CreateLogGroup>(&input)).await?;
        self.register(story, "page", &self.secret, &role).await?;

        story.chapter("The task")?;
        let task = self.run_task(story, "page").await?;
        let found = self.wait(story, &task, "RUNNING").await?;
        let address = self.public_address(story, &found).await?;
        self.fetch(story, &address).await?;
        self.find_log_line(story, &found).await?;
        self.stop(story, &task).await?;
        self.wait(story, &task, "STOPPED").await?;
        Ok(())
    }

    /// The registry refuses the password.
    pub(super) async fn fail_with_a_wrong_password(&self, story: &mut Story) -> anyhow::Result<()> {
        story.chapter("The same with a wrong password in the secret")?;
        let login = json!({"username": USER, "password": "not-the-password"});
        let secret = self.create_secret(story, "Store a wrong password as a secret", "wrong-login", &login).await?;
        let role = self.create_role(story, "demo-wrong-login", &secret).await?;
        self.register(story, "wrong-login", &secret, &role).await?;
        self.fail(story, "wrong-login", "CannotPullContainerError", "registry").await
    }

    /// The role may not read the secret.
    pub(super) async fn fail_without_permission(&self, story: &mut Story) -> anyhow::Result<()> {
        story.chapter("The same with a role that may not read the secret")?;
        let role = self.create_role(story, "demo-without-permission", "").await?;
        self.register(story, "without-permission", &self.secret, &role).await?;
        self.fail(story, "without-permission", "ResourceInitializationError", "policy").await
    }

    async fn create_secret(&self, story: &mut Story, title: &str, name: &str, login: &Value) -> anyhow::Result<String> {
        let file = self.write(&format!("{name}.json"), login)?;
        let input = CreateSecretInput {
            name: name.into(),
            secret_string: Some(login.to_string().into()),
            client_request_token: Some(random_text()?),
            ..CreateSecretInput::default()
        };
        let command = format!("aws secretsmanager create-secret --name {name} --secret-string file://{file}");
        let create = self.call::<secretsmanager::CreateSecret>(&input);
        let created = story.step(title, &command, create).await?;
        created.arn.context("the secret has no ARN")
    }

    /// A role for the execution of tasks. It may write logs, and read the secret unless that is empty.
    async fn create_role(&self, story: &mut Story, name: &str, secret: &str) -> anyhow::Result<String> {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole",
        }]});
        let file = self.write("trust.json", &trust)?;
        let command = format!("aws iam create-role --role-name {name} --assume-role-policy-document file://{file}");
        let document = trust.to_string();
        let parameters = [("RoleName", name), ("AssumeRolePolicyDocument", document.as_str())];
        let create = self.client.query(&api::iam::SERVICE, "CreateRole", &parameters);
        let title = "Make the execution role, which only ECS tasks may take";
        let role = story.step(title, &command, async { Ok(create.await?) }).await?;
        let role = role.text("Arn").context("the role has no ARN")?;

        let mut statements = vec![json!({
            "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*",
        })];
        if !secret.is_empty() {
            let statement = json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret});
            statements.push(statement);
        }
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        let file = self.write(&format!("{name}-policy.json"), &policy)?;
        let command = format!("aws iam create-policy --policy-name {name} --policy-document file://{file}");
        let document = policy.to_string();
        let parameters = [("PolicyName", name), ("PolicyDocument", document.as_str())];
        let create = self.client.query(&api::iam::SERVICE, "CreatePolicy", &parameters);
        let title = if secret.is_empty() {
            "Make a policy that allows logs only"
        } else {
            "Make a policy that allows the secret and logs"
        };
        let policy = story.step(title, &command, async { Ok(create.await?) }).await?;
        let policy = policy.text("Arn").context("the policy has no ARN")?;

        let command = format!("aws iam attach-role-policy --role-name {name} --policy-arn {policy}");
        let parameters = [("RoleName", name), ("PolicyArn", policy.as_str())];
        let attach = self.client.query(&api::iam::SERVICE, "AttachRolePolicy", &parameters);
        story.step("Attach it to the role", &command, async { Ok(attach.await?) }).await?;
        Ok(role)
    }

    async fn prepare_network(&mut self, story: &mut Story) -> anyhow::Result<()> {
        let client = self.client;
        let service = &api::ec2::SERVICE;
        let command = "aws ec2 describe-subnets --filters Name=default-for-az,Values=true";
        let parameters = [("Filter.1.Name", "default-for-az"), ("Filter.1.Value.1", "true")];
        let (subnet, vpc) = story
            .step("Find the default VPC and a subnet of it", command, async {
                let subnets = client.query(service, "DescribeSubnets", &parameters).await?;
                subnets.text("subnetId").zip(subnets.text("vpcId")).context("there is no default subnet")
            })
            .await?;
        let command = format!("aws ec2 create-security-group --group-name web --description web --vpc-id {vpc}");
        let parameters = [("GroupName", "web"), ("GroupDescription", "web"), ("VpcId", vpc.as_str())];
        let group = story
            .step("Make a security group", &command, async {
                let created = client.query(service, "CreateSecurityGroup", &parameters).await?;
                created.text("groupId").context("the security group has no id")
            })
            .await?;
        let command = format!(
            "aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port 80 --cidr 0.0.0.0/0"
        );
        let parameters = [
            ("GroupId", group.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", "80"),
            ("IpPermissions.1.ToPort", "80"),
            ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
        ];
        let authorize = client.query(service, "AuthorizeSecurityGroupIngress", &parameters);
        story.step("Open its port 80", &command, async { Ok(authorize.await?) }).await?;
        (self.subnet, self.group) = (subnet, group);
        Ok(())
    }

    async fn register(&self, story: &mut Story, family: &str, secret: &str, role: &str) -> anyhow::Result<()> {
        let definition = json!({
            "family": family,
            "requiresCompatibilities": ["FARGATE"],
            "networkMode": "awsvpc",
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": role,
            "containerDefinitions": [{
                "name": "web",
                "image": self.image,
                "repositoryCredentials": {"credentialsParameter": secret},
                "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {
                    "awslogs-group": LOG_GROUP, "awslogs-region": self.client.region(), "awslogs-stream-prefix": "demo",
                }},
            }],
        });
        let file = self.write(&format!("{family}-task-definition.json"), &definition)?;
        let input: RegisterTaskDefinitionInput = serde_json::from_value(definition)?;
        let command = format!("aws ecs register-task-definition --cli-input-json file://{file}");
        let register = self.call::<ecs::RegisterTaskDefinition>(&input);
        story.step("Register the task definition with repositoryCredentials", &command, register).await?;
        Ok(())
    }

    async fn run_task(&self, story: &mut Story, family: &str) -> anyhow::Result<String> {
        let network = json!({"awsvpcConfiguration": {
            "subnets": [self.subnet], "securityGroups": [self.group], "assignPublicIp": "ENABLED",
        }});
        let command = format!(
            "aws ecs run-task --cluster {CLUSTER} --launch-type FARGATE --task-definition {family} \
             --network-configuration 'awsvpcConfiguration={{subnets=[{}],securityGroups=[{}],assignPublicIp=ENABLED}}'",
            self.subnet, self.group
        );
        let input = RunTaskInput {
            cluster: Some(CLUSTER.into()),
            launch_type: Some("FARGATE".into()),
            task_definition: family.into(),
            network_configuration: serde_json::from_value(network)?,
            ..RunTaskInput::default()
        };
        story
            .step("Run it on FARGATE with a public IP", &command, async {
                let answer = self.call::<ecs::RunTask>(&input).await?;
                let failures = answer.failures.unwrap_or_default();
                ensure!(failures.is_empty(), "run-task answered failures: {failures:?}");
                let task = answer.tasks.into_iter().flatten().next().and_then(|task| task.task_arn);
                task.context("run-task answered no task")
            })
            .await
    }

    async fn wait(&self, story: &mut Story, task: &str, status: &str) -> anyhow::Result<Found> {
        let waiter = if status == "RUNNING" { "tasks-running" } else { "tasks-stopped" };
        let command = format!("aws ecs wait {waiter} --cluster {CLUSTER} --tasks {}", tasks::id_of(task));
        let style = story.style;
        let waiting = async {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let found = tasks::find(self.client, task).await?;
                let reached = found.last_status();
                if reached == status {
                    return Ok(found);
                }
                if reached == "STOPPED" {
                    let explanation = explain::ask(self.client, CLUSTER, tasks::id_of(task)).await?;
                    bail!("the task stopped:\n{}", explain::readable(style, &explanation).join("\n"));
                }
                ensure!(Instant::now() < deadline, "the task is still {reached} after {} s", PATIENCE.as_secs());
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        story.step(&format!("Wait until it is {status}"), &command, waiting).await
    }

    async fn public_address(&self, story: &mut Story, found: &Found) -> anyhow::Result<String> {
        let interface = found.interface_detail("networkInterfaceId").context("the task names no network interface")?;
        let command = format!(
            "aws ec2 describe-network-interfaces --network-interface-ids {interface} \
             --query 'NetworkInterfaces[0].Association.PublicIp' --output text"
        );
        let parameters = [("NetworkInterfaceId.1", interface)];
        let address = story
            .step("Ask for its public IP", &command, async {
                let answer = self.client.query(&api::ec2::SERVICE, "DescribeNetworkInterfaces", &parameters).await?;
                answer.text("publicIp").context("the network interface has no public IP")
            })
            .await?;
        show(&address)?;
        Ok(address)
    }

    async fn fetch(&self, story: &mut Story, address: &str) -> anyhow::Result<()> {
        let url = format!("http://{address}/");
        let fetching = async {
            // The task is RUNNING when its process is; the web server inside opens its port a moment later.
            let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
            let deadline = Instant::now() + PATIENCE;
            loop {
                match client.get(&url).send().await {
                    Ok(answer) => {
                        let page = answer.error_for_status()?.text().await?;
                        ensure!(page == self.page, "another page came:\n{page}");
                        return Ok(page);
                    }
                    Err(error) => ensure!(Instant::now() < deadline, "the page does not answer: {error}"),
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let page = story.step("Fetch the page from the public IP", &format!("curl {url}"), fetching).await?;
        let greeting = page.lines().find(|line| line.contains(GREETING)).unwrap_or(&page);
        show(&text_of(greeting))?;
        Ok(())
    }

    async fn find_log_line(&self, story: &mut Story, found: &Found) -> anyhow::Result<()> {
        let stream = format!("demo/web/{}", found.id());
        let command = format!(
            "aws logs get-log-events --log-group-name {LOG_GROUP} --log-stream-name {stream} --start-from-head \
             --query 'events[].message' --output text"
        );
        let input = FilterLogEventsInput {
            log_group_name: Some(LOG_GROUP.into()),
            log_stream_name_prefix: Some(stream),
            ..FilterLogEventsInput::default()
        };
        let line = story
            .step("Find what the container printed in its log", &command, async {
                let deadline = Instant::now() + PATIENCE;
                loop {
                    let events = self.call::<logs::FilterLogEvents>(&input).await?.events.unwrap_or_default();
                    let mut messages = events.into_iter().filter_map(|event| event.message);
                    if let Some(line) = messages.find(|message| message == LOG_LINE) {
                        return Ok(line);
                    }
                    ensure!(Instant::now() < deadline, "the log has no line '{LOG_LINE}'");
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            })
            .await?;
        show(&line)?;
        Ok(())
    }

    async fn stop(&self, story: &mut Story, task: &str) -> anyhow::Result<()> {
        let id = tasks::id_of(task);
        let command = format!("aws ecs stop-task --cluster {CLUSTER} --task {id} --reason 'the walk is over'");
        let input =
            StopTaskInput { cluster: Some(CLUSTER.into()), task: task.into(), reason: Some("the walk is over".into()) };
        story.step("Stop it", &command, self.call::<ecs::StopTask>(&input)).await?;
        Ok(())
    }

    /// Runs a task that must fail with this error, its chain broken at this kind of link.
    async fn fail(&self, story: &mut Story, family: &str, error: &str, broken: &str) -> anyhow::Result<()> {
        let task = self.run_task(story, family).await?;
        let id = tasks::id_of(&task).to_owned();
        let found = self.wait(story, &task, "STOPPED").await?;
        let reason = found.task.stopped_reason.unwrap_or_default();
        let command = format!("tidegate explain {id}");
        let explanation = story
            .step("Ask why it stopped", &command, async {
                ensure!(reason.starts_with(error), "the task stopped for another reason: {reason}");
                let explanation = explain::ask(self.client, CLUSTER, &id).await?;
                let mut links = explanation.failures.iter().flat_map(|failure| &failure.links);
                let found = links.any(|link| link.kind == broken && link.outcome == "broken" && link.mend.is_some());
                ensure!(found, "the explanation names no broken link '{broken}': {explanation:?}");
                Ok(explanation)
            })
            .await?;
        show(&explain::readable(story.style, &explanation).join("\n"))?;
        Ok(())
    }

    async fn call<O>(&self, input: &O::Input) -> anyhow::Result<O::Output>
    where
        O: Operation,
        O::Input: Serialize,
        O::Output: DeserializeOwned,
    {
        Ok(self.client.call::<O>(input).await?)
    }

    /// Writes a file that a command line names, readable by its owner only.
    fn write(&self, name: &str, value: &Value) -> anyhow::Result<String> {
        let path = self.directory.join(name);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(&serde_json::to_vec_pretty(value)?)?;
        Ok(path.display().to_string())
    }
}

/// The text of a line of HTML.
fn text_of(line: &str) -> String {
    let mut depth = 0;
    let visible = line.chars().filter(|character| {
        match character {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => return depth == 0,
        }
        false
    });
    visible.collect()
}
