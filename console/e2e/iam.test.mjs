// Policies, roles and users by clicks; mistakes told in the server's own words.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CreateRoleCommand, GetRoleCommand, IAMClient, ListAttachedRolePoliciesCommand, ListUsersCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { openBrowser, pictures, signIn, startServer } from './support.mjs';

const SCRIPT = '<img src=x onerror="document.title=\'run\'">';

async function secretUnderKey(server) {
  const { KeyMetadata } = await server.client(KMSClient).send(new CreateKeyCommand({ Description: 'for the registry' }));
  const { ARN } = await server
    .client(SecretsManagerClient)
    .send(new CreateSecretCommand({ Name: 'registry/login', KmsKeyId: KeyMetadata.KeyId, SecretString: '{"username":"a","password":"b"}' }));
  return { secret: ARN, key: KeyMetadata.Arn };
}

test('a policy and a role are made by clicks, and the role may then read the secret', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const { secret, key } = await secretUnderKey(server);
  const page = await signIn(window, server, '/iam/policies');
  await page.getByText('No policies of your own yet.').waitFor();
  await page.getByRole('button', { name: 'Create policy' }).first().click();
  const editor = page.getByRole('textbox', { name: 'Policy document' });

  // What is no JSON is told by its place, what is no policy in the server's words, while one types.
  await editor.fill('{\n  "Version": "2012-10-17",\n}');
  await page.getByText('Line 3, column 1: no comma may stand before }.').waitFor();
  await page.getByRole('textbox', { name: 'Policy name' }).fill('read-login');
  assert.ok(await page.getByRole('button', { name: 'Create policy' }).isDisabled());
  await pictures(page, 'create-policy-bad-json');
  await editor.fill('{"Version": "2012-10-17", "Statement": [{"Effect": "Permit", "Action": "s3:GetObject", "Resource": "*"}]}');
  await page.getByText('Syntax errors in policy.').waitFor();
  assert.equal(await editor.getAttribute('aria-invalid'), 'true');
  await pictures(page, 'create-policy-malformed');

  await page.getByRole('button', { name: /Begin with/ }).click();
  await page.getByRole('option', { name: /Read the login of a registry/ }).click();
  await page.getByRole('button', { name: /^Secret/ }).click();
  await page.getByRole('option', { name: /registry\/login/ }).click();
  await page.getByText('No mistakes').waitFor();
  const document = JSON.parse(await editor.inputValue());
  assert.deepEqual(
    document.Statement.map(({ Action, Resource }) => [Action, Resource]),
    [
      [['secretsmanager:GetSecretValue'], [secret]],
      [['kms:Decrypt'], [key]],
    ],
  );
  await pictures(page, 'create-policy');
  await page.getByRole('button', { name: 'Create policy' }).click();
  await page.getByText('The policy read-login is there').waitFor();

  await page.getByRole('link', { name: 'create a role for tasks with it' }).click();
  await page.getByText('ecs-tasks.amazonaws.com').waitFor();
  await page.getByRole('textbox', { name: 'Role name' }).fill('taskExecutionRole');
  await page.getByRole('button', { name: 'Take read-login away' }).waitFor();
  await pictures(page, 'create-role');
  await page.getByRole('button', { name: 'Create role' }).click();
  await page.getByText('The role taskExecutionRole is there').waitFor();
  const iam = server.client(IAMClient);
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: 'taskExecutionRole' }));
  assert.match(decodeURIComponent(Role.AssumeRolePolicyDocument), /ecs-tasks\.amazonaws\.com/);
  const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: 'taskExecutionRole' }));
  assert.deepEqual(AttachedPolicies.map(({ PolicyName }) => PolicyName), ['read-login']);

  await page.getByRole('link', { name: 'the role', exact: true }).click();
  await page.getByRole('button', { name: /Secret to read/ }).click();
  await page.getByRole('option', { name: /registry\/login/ }).click();
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByText('Yes: secretsmanager:GetSecretValue').waitFor();
  await page.getByText('Yes: kms:Decrypt').waitFor();
  await page.getByText('"ReadRegistrySecret"').waitFor();
  await pictures(page, 'role');
  // Without the policy the answer is no.
  await page.getByRole('radio', { name: /Select .*read-login/ }).check();
  await page.getByRole('button', { name: 'Detach' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Detach' }).click();
  await page.getByText('may do nothing').waitFor();
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByText('No: no statement allows it: secretsmanager:GetSecretValue').waitFor();
  await pictures(page, 'role-may-not');
});

test('policies have versions, roles a trust policy that can be changed', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const page = await signIn(window, server, '/iam/policies/create');
  await page.getByRole('textbox', { name: 'Policy name' }).fill('logs');
  await page.getByRole('button', { name: /Begin with/ }).click();
  await page.getByRole('option', { name: /Write logs/ }).click();
  await page.getByRole('button', { name: 'Create policy' }).click();
  await page.getByRole('link', { name: 'the policy', exact: true }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const editor = page.getByRole('textbox', { name: 'Permissions' });
  await editor.fill((await editor.inputValue()).replace('logs:PutLogEvents', 'logs:*'));
  await page.getByText('No mistakes').waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Permissions saved.').waitFor();
  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.getByText('v2', { exact: true }).waitFor();
  await pictures(page, 'policy-versions');
  await page.getByRole('radio', { name: 'Select v1' }).check();
  await page.getByRole('button', { name: 'Set as default' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Set as default' }).click();
  await page.getByText('v1 counts from now on.').waitFor();
  await page.getByRole('tab', { name: 'Permissions' }).click();
  await page.getByText('logs:PutLogEvents').waitFor();
  await pictures(page, 'policy');

  const trust = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' }] });
  await server.client(IAMClient).send(new CreateRoleCommand({ RoleName: 'web', Description: 'a role', AssumeRolePolicyDocument: trust }));
  await page.goto(`${server.console}/iam/roles/role/web?tab=trust`);
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const trustEditor = page.getByRole('textbox', { name: 'Trust policy' });
  const before = await trustEditor.inputValue();
  await trustEditor.fill(before.replace('"Allow"', '"Perhaps"'));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Invalid effect: Perhaps').waitFor();
  await pictures(page, 'role-trust');
  await trustEditor.fill(before.replace('ecs-tasks', 'ecs'));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Trust policy saved.').waitFor();
});

test('a user gets an access key, whose secret half is shown once', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const page = await signIn(window, server, '/iam/users');
  await page.getByRole('button', { name: 'Create user' }).first().click();
  await page.getByRole('textbox', { name: 'User name' }).fill(SCRIPT);
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('dialog').getByText(/userName|valid/).first().waitFor();
  assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0);
  await page.getByRole('textbox', { name: 'User name' }).fill('ada');
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'ada' }).waitFor();
  await pictures(page, 'user');
  await page.getByRole('tab', { name: 'Access keys' }).click();
  await page.getByRole('button', { name: 'Create access key' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
  const shown = page.getByRole('dialog').filter({ hasText: 'The secret access key is shown only now' });
  await shown.waitFor();
  await pictures(page, 'user-access-key');
  const text = await shown.innerText();
  const [, accessKeyId] = /(AKIA[A-Z0-9]{16})/.exec(text);
  const [, secretAccessKey] = /Secret access key\s+([A-Za-z0-9/+=]{40})/.exec(text);
  await assert.rejects(server.client(IAMClient, { accessKeyId, secretAccessKey }).send(new ListUsersCommand({})), { name: 'AccessDenied' });
  await shown.getByRole('button', { name: 'I have kept it' }).click();
  await shown.waitFor({ state: 'detached' });
  const traces = await page.evaluate(() => document.documentElement.outerHTML + JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  assert.ok(!traces.includes(secretAccessKey), 'the secret access key stayed in the page');
  await page.getByText(accessKeyId).waitFor();
  await page.goto(`${server.console}/iam/groups`);
  await page.getByRole('button', { name: 'Create group' }).first().click();
  await page.getByRole('textbox', { name: 'Group name' }).fill('people');
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('button', { name: 'Add user' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: /^User/ }).click();
  await page.getByRole('option', { name: 'ada' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('link', { name: 'ada' }).waitFor();
  await pictures(page, 'group');
});
