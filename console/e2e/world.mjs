// What a test needs around a task: a real private registry, and the records that lead to it, made as a user's scripts do.
// Who runs tasks holds the machine's addresses: run such tests one at a time.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { AuthorizeSecurityGroupIngressCommand, DescribeSubnetsCommand, DescribeVpcsCommand, EC2Client, CreateSecurityGroupCommand } from '@aws-sdk/client-ec2';
import { CreateClusterCommand, DescribeTasksCommand, ECSClient, RegisterTaskDefinitionCommand, RunTaskCommand, StopTaskCommand } from '@aws-sdk/client-ecs';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { until } from './support.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A registry with the images `web` (a page on port 80), `script` (prints for ever) and `fails` (exits with 3). */
export async function startRegistry(t) {
  const process = spawn(join(ROOT, 'target/python/bin/python'), [join(ROOT, 'console/e2e/registry.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise(resolve => process.once('exit', resolve));
  t.after(async () => {
    process.ref();
    process.stdin.end();
    await ended;
  });
  const [line] = await Promise.race([
    new Promise(resolve => createInterface(process.stdout).once('line', line => resolve([line]))),
    ended.then(() => []),
  ]);
  assert.ok(line, 'the registry started');
  // It ends with its standard input, so with this process, if another hook failed before its own.
  for (const held of [process, process.stdin, process.stdout]) held.unref();
  return JSON.parse(line);
}

/** The records of the article, made by the SDK, with names of their own. */
export class World {
  static async make(server, registry, name = 'demo') {
    const world = new World();
    Object.assign(world, { server, registry, name });
    world.ecs = server.client(ECSClient);
    world.iam = server.client(IAMClient);
    const secret = await server.client(SecretsManagerClient).send(
      new CreateSecretCommand({
        Name: `${name}/registry`,
        SecretString: JSON.stringify({ username: registry.username, password: registry.password }),
      }),
    );
    world.secret = secret.ARN;
    world.role = await world.makeRole(`${name}-execution`, [
      { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: secret.ARN },
      { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: '*' },
    ]);
    world.group = `/ecs/${name}`;
    await server.client(CloudWatchLogsClient).send(new CreateLogGroupCommand({ logGroupName: world.group }));
    await world.ecs.send(new CreateClusterCommand({ clusterName: name }));
    const ec2 = server.client(EC2Client);
    const { Vpcs } = await ec2.send(new DescribeVpcsCommand({}));
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand({}));
    world.subnet = Subnets[0].SubnetId;
    const made = await ec2.send(new CreateSecurityGroupCommand({ GroupName: `${name}-web`, Description: 'web', VpcId: Vpcs[0].VpcId }));
    world.securityGroup = made.GroupId;
    await ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: made.GroupId,
        IpPermissions: [{ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      }),
    );
    return world;
  }

  /** A role that ECS may assume; its ARN. */
  async makeRole(name, statements) {
    const statement = { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
    const { Role } = await this.iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: document }));
    if (statements.length) {
      const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
      await this.iam.send(new PutRolePolicyCommand({ RoleName: name, PolicyName: 'execution', PolicyDocument: policy }));
    }
    return Role.Arn;
  }

  /** Registers a task definition with one container of this image; its ARN. */
  async define(image, { role = this.role, family = image, ...container } = {}) {
    const { taskDefinition } = await this.ecs.send(
      new RegisterTaskDefinitionCommand({
        family,
        requiresCompatibilities: ['FARGATE'],
        networkMode: 'awsvpc',
        cpu: '256',
        memory: '512',
        executionRoleArn: role,
        containerDefinitions: [
          {
            name: image,
            image: this.registry.images[image],
            repositoryCredentials: { credentialsParameter: this.secret },
            portMappings: [{ containerPort: 80 }],
            logConfiguration: {
              logDriver: 'awslogs',
              options: { 'awslogs-group': this.group, 'awslogs-region': this.server.region, 'awslogs-stream-prefix': image },
            },
            ...container,
          },
        ],
      }),
    );
    return taskDefinition.taskDefinitionArn;
  }

  /** Runs one task; its id. */
  async run(taskDefinition) {
    const { tasks, failures } = await this.ecs.send(
      new RunTaskCommand({
        cluster: this.name,
        launchType: 'FARGATE',
        taskDefinition,
        networkConfiguration: {
          awsvpcConfiguration: { subnets: [this.subnet], securityGroups: [this.securityGroup], assignPublicIp: 'ENABLED' },
        },
      }),
    );
    assert.deepEqual(failures, []);
    return tasks[0].taskArn.split('/').at(-1);
  }

  async wait(task, status) {
    return until(
      async () => {
        const { tasks } = await this.ecs.send(new DescribeTasksCommand({ cluster: this.name, tasks: [task] }));
        return tasks[0]?.lastStatus === status && tasks[0];
      },
      `${status} of ${task}`,
      60,
    );
  }

  async stop(task) {
    await this.ecs.send(new StopTaskCommand({ cluster: this.name, task }));
    await this.wait(task, 'STOPPED');
  }
}
