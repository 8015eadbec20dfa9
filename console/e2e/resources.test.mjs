// Keys, the network, logs and the audit by clicks.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CreateLogGroupCommand, CreateLogStreamCommand, CloudWatchLogsClient, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { DescribeKeyCommand, GetKeyPolicyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { openBrowser, pictures, signIn, startServer } from './support.mjs';

const SCRIPT = '<img src=x onerror="document.title=\'run\'">';

test('a key is made, disabled, enabled, and its policy changed', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const kms = server.client(KMSClient);
  await server.client(IAMClient).send(new CreateUserCommand({ UserName: 'ada' }));
  const page = await signIn(window, server, '/kms/keys');
  await page.getByText('No keys of your own yet.').waitFor();
  await page.getByRole('button', { name: 'Create key' }).first().click();
  await page.getByRole('textbox', { name: 'Alias' }).fill('registry');
  await page.getByRole('textbox', { name: 'Description' }).fill(SCRIPT);
  await page.getByRole('button', { name: /^Users/ }).click();
  await page.getByRole('option', { name: /ada/ }).click();
  await page.keyboard.press('Escape');
  const editor = page.getByRole('textbox', { name: 'Key policy' });
  assert.match(await editor.inputValue(), /user\/ada/);
  await page.getByText('No mistakes').waitFor();
  await pictures(page, 'create-key');
  await page.getByRole('button', { name: 'Create key' }).click();
  await page.getByRole('heading', { level: 1, name: 'registry' }).waitFor();
  await page.getByText(SCRIPT).waitFor();
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: 'alias/registry' }));
  await pictures(page, 'key');

  await page.getByRole('button', { name: 'Disable', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disable', exact: true }).click();
  await page.getByRole('button', { name: 'Enable', exact: true }).click();
  assert.equal((await kms.send(new DescribeKeyCommand({ KeyId: KeyMetadata.KeyId }))).KeyMetadata.KeyState, 'Disabled');
  await page.getByRole('dialog').getByRole('button', { name: 'Enable', exact: true }).click();
  await page.getByRole('button', { name: 'Disable', exact: true }).waitFor();

  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  const policy = page.getByRole('textbox', { name: 'Key policy' });
  const before = await policy.inputValue();
  await policy.fill(before.replace('"Effect": "Allow"', '"Effect": "Maybe"'));
  await page.getByText('Invalid effect: Maybe').waitFor();
  assert.equal(await policy.getAttribute('aria-invalid'), 'true');
  await policy.fill(before.replace('Allow use of the key', 'Use'));
  await page.getByText('No mistakes').waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Key policy saved.').waitFor();
  const { Policy } = await kms.send(new GetKeyPolicyCommand({ KeyId: KeyMetadata.KeyId, PolicyName: 'default' }));
  assert.equal(JSON.parse(Policy).Statement[1].Sid, 'Use');

  await page.getByRole('tab', { name: 'Aliases' }).click();
  await page.getByRole('button', { name: 'Add alias' }).click();
  await page.getByRole('dialog').getByRole('textbox', { name: 'Alias' }).fill('second');
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('row').filter({ hasText: 'alias/second' }).waitFor();
  await page.getByRole('tab', { name: 'Rotation' }).click();
  await page.getByRole('checkbox', { name: 'New material every year' }).click();
  await page.getByText('The key gets new material every year.').waitFor();
  await page.getByRole('button', { name: 'Schedule deletion' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Schedule deletion' }).click();
  await page.getByText('This key waits for its deletion').waitFor();
  await pictures(page, 'key-deletion');
});

test('a security group gets a rule and loses it, each counted', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const page = await signIn(window, server, '/vpc/vpcs');
  await page.getByRole('link', { name: /^vpc-/ }).click();
  await page.getByRole('heading', { name: /^Subnets/ }).waitFor();
  await pictures(page, 'vpc');
  await page.getByRole('link', { name: 'Security groups' }).click();
  await page.getByRole('button', { name: 'Create security group' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('web');
  await page.getByRole('textbox', { name: 'Description' }).fill('reach the web server');
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'web' }).waitFor();
  await page.getByText('No inbound rules').waitFor();
  const add = async (ports, range) => {
    await page.getByRole('button', { name: 'Add inbound rule' }).first().click();
    await page.getByRole('textbox', { name: 'Ports' }).fill(ports);
    await page.getByRole('textbox', { name: 'Source' }).fill(range);
  };
  await add('80-', '0.0.0.0/0');
  await page.getByText('A port such as 443').waitFor();
  await page.getByRole('textbox', { name: 'Ports' }).fill('80');
  await pictures(page, 'add-rule');
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('row').filter({ hasText: '0.0.0.0/0' }).waitFor();
  await add('80', '0.0.0.0/0');
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('dialog').getByText(/already exists/).waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await pictures(page, 'security-group');
  await page.getByRole('radio', { name: /Select sgr-/ }).check();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('No inbound rules').waitFor();
  for (const name of ['Subnets', 'Network interfaces']) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: new RegExp(`^${name}`) }).waitFor();
    await pictures(page, name.toLowerCase().replace(' ', '-'));
  }
});

test('lines of a log group come by themselves, can be filtered, and stay text', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t);
  const logs = server.client(CloudWatchLogsClient);
  await logs.send(new CreateLogGroupCommand({ logGroupName: '/ecs/web' }));
  await logs.send(new CreateLogStreamCommand({ logGroupName: '/ecs/web', logStreamName: 'web/nginx/1' }));
  const write = message => logs.send(new PutLogEventsCommand({ logGroupName: '/ecs/web', logStreamName: 'web/nginx/1', logEvents: [{ timestamp: Date.now(), message }] }));
  await write(SCRIPT);
  const page = await signIn(window, server, '/logs/groups');
  await page.getByRole('link', { name: '/ecs/web' }).click();
  await page.getByRole('link', { name: 'web/nginx/1' }).waitFor();
  await pictures(page, 'log-group');
  await page.getByRole('link', { name: 'web/nginx/1' }).click();
  const log = page.getByRole('log');
  await log.getByText(SCRIPT).waitFor();
  await write('another line');
  await log.getByText('another line').waitFor();
  await page.getByLabel('Filter lines').fill('ANOTHER');
  await log.getByText(SCRIPT).waitFor({ state: 'detached' });
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
  assert.equal(download.suggestedFilename(), 'web-nginx-1.log');
  await pictures(page, 'log-lines');
  await page.getByRole('button', { name: 'Change retention' }).click();
  await page.getByRole('button', { name: /Kept for/ }).click();
  await page.getByRole('option', { name: '7 days', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByText('Lines are kept for 7 days.').waitFor();
});

test('the audit says who read a secret and who was denied, and by what', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t);
  const secrets = server.client(SecretsManagerClient);
  const iam = server.client(IAMClient);
  const { ARN } = await secrets.send(new CreateSecretCommand({ Name: 'registry/login', SecretString: 'x' }));
  await secrets.send(new GetSecretValueCommand({ SecretId: ARN }));
  await iam.send(new CreateUserCommand({ UserName: 'eve' }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'eve' }));
  const eve = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  await assert.rejects(server.client(SecretsManagerClient, eve).send(new GetSecretValueCommand({ SecretId: ARN })));
  const page = await signIn(window, server, `/secrets/secret/${encodeURIComponent(ARN)}?tab=readers`);
  await page.getByRole('link', { name: 'user/eve' }).waitFor();
  await page.getByText('denied').waitFor();
  await page.getByText('allowed').waitFor();
  await pictures(page, 'secret-readers');
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await page.getByRole('button', { name: /Any outcome/ }).click();
  await page.getByRole('option', { name: 'Denied' }).click();
  const denied = page.getByRole('row').filter({ hasText: 'denied' });
  await page.getByRole('row').filter({ hasText: 'CreateUser' }).waitFor({ state: 'detached' });
  await denied.getByRole('link', { name: 'user/eve' }).waitFor();
  await pictures(page, 'audit');
  await denied.getByRole('link', { name: 'GetSecretValue' }).click();
  await page.getByText('Denied: no statement allows it').waitFor();
  await page.getByText('What mends it').waitFor();
  await pictures(page, 'audit-request');
});

test('a refusal in the console leads to the decision behind it', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const iam = server.client(IAMClient);
  await iam.send(new CreateUserCommand({ UserName: 'eve' }));
  const Statement = [{ Effect: 'Allow', Action: 'cloudtrail:LookupEvents', Resource: '*' }];
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new PutUserPolicyCommand({ UserName: 'eve', PolicyName: 'look', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'eve' }));
  const keys = { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey };
  const page = await signIn(window, server, '/secrets', keys);
  await page.getByText('You may not do this').waitFor();
  await page.getByRole('link', { name: /^[0-9a-f-]{36}$/ }).click();
  await page.getByRole('heading', { level: 1, name: 'ListSecrets' }).waitFor();
  await page.getByText('Denied: no statement allows it').waitFor();
  await page.getByRole('link', { name: 'arn:aws:iam::123456789012:user/eve' }).waitFor();
});
