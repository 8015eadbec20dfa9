// The pages of a cluster and of a task: one that runs, one that may not read its secret, one that fails by itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { openBrowser, pictures, PUBLIC, signIn, startServer } from './support.mjs';
import { startRegistry, World } from './world.mjs';

test('a task is followed from its start to its page, its logs and its end', async t => {
  const server = await startServer(t);
  const registry = await startRegistry(t);
  const world = await World.make(server, registry);
  const window = await openBrowser(t);
  const page = await signIn(window, server, '/ecs/clusters/demo');
  await page.getByText('No tasks yet.').waitFor();

  const id = await world.run(await world.define('script'));
  await page.getByRole('row', { name: new RegExp(id) }).getByRole('link').first().click();
  await page.getByText('RUNNING', { exact: true }).first().waitFor({ timeout: 40_000 });
  const address = page.getByRole('link', { name: PUBLIC });
  assert.equal(await address.getAttribute('rel'), 'noopener noreferrer');
  const road = page.getByRole('list', { name: 'The road' });
  await road.locator('li[data-outcome=good]', { hasText: 'It runs.' }).waitFor();
  assert.equal(await road.locator('li[data-outcome=broken]').count(), 0);
  await page.getByText(/CPU [\d.]+ % of 0\.25 vCPU · memory [\d.]+ [KM]iB of 512 MiB · \d+ process/).waitFor();
  await page.getByRole('application', { name: /Memory/ }).waitFor();
  await pictures(page, 'task-running');

  await page.getByRole('tab', { name: 'Containers' }).click();
  await page.getByText(registry.images.script).waitFor();
  await pictures(page, 'task-containers');

  await page.getByRole('tab', { name: 'Logs' }).click();
  const log = page.getByRole('log');
  await log.getByText('<img src=x onerror=alert(1)>').waitFor();
  await log.getByText('tick').first().waitFor();
  await pictures(page, 'task-logs');
  await page.getByLabel('Filter lines').fill('SECOND');
  await log.getByText('second line').waitFor();
  await log.getByText('tick').first().waitFor({ state: 'hidden' });
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
  assert.match(readFileSync(await download.path(), 'utf8'), /^\S+Z second line\n$/);

  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText('The task is stopping.').waitFor();
  await page.getByText('STOPPED', { exact: true }).first().waitFor({ timeout: 60_000 });
  await page.getByRole('link', { name: 'demo', exact: true }).click();
  await page.getByRole('row', { name: new RegExp(id) }).getByText('STOPPED').first().waitFor();
});

test('a task without the right to its secret says so, with the broken link and the mend', async t => {
  const server = await startServer(t);
  const registry = await startRegistry(t);
  const world = await World.make(server, registry);
  const bare = await world.makeRole('bare', [{ Effect: 'Allow', Action: 'logs:*', Resource: '*' }]);
  const refused = await world.run(await world.define('web', { role: bare, family: 'refused' }));
  const failing = await world.run(await world.define('fails'));
  await world.wait(refused, 'STOPPED');
  await world.wait(failing, 'STOPPED');

  const window = await openBrowser(t);
  const page = await signIn(window, server, '/ecs/clusters/demo');
  await page.getByRole('row', { name: new RegExp(refused) }).getByText('ResourceInitializationError').waitFor();
  await pictures(page, 'cluster-stopped-tasks');
  await page.getByRole('row', { name: new RegExp(refused) }).getByRole('link').first().click();
  const now = page.getByRole('region', { name: 'Its road now' });
  const broken = now.locator('li[data-outcome=broken]');
  await broken.getByText('secretsmanager:GetSecretValue').first().waitFor();
  await broken.getByText('aws iam put-role-policy').waitFor();
  await broken.getByRole('link', { name: /role\/bare/ }).waitFor();
  await pictures(page, 'task-refused');
  const dialog = page.getByRole('dialog');
  await broken.getByRole('button', { name: /^Mend it/ }).click();
  await dialog.getByText('iam:PutRolePolicy').waitFor();
  await dialog.getByText('secretsmanager:GetSecretValue').waitFor();
  await dialog.getByRole('button', { name: 'Mend it', exact: true }).click();
  await now.getByText('A task would start').waitFor();
  assert.equal(await broken.count(), 0);
  await pictures(page, 'task-mended');
  await page.getByRole('button', { name: 'Run again' }).click();
  await dialog.getByText('aws ecs run-task').waitFor();
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL(url => !url.pathname.endsWith(refused));
  await page.getByText('RUNNING', { exact: true }).first().waitFor({ timeout: 40_000 });
  await world.stop(page.url().split('/').at(-1).split('?')[0]);

  await page.goto(`${server.console}/ecs/clusters/demo/tasks/${failing}`);
  await page.getByText('It ended with exit code 3.').waitFor();
  await page.getByRole('tab', { name: 'Logs' }).click();
  await page.getByRole('log').getByText('going down').waitFor();
});

test('a wrong password is mended by who knows the right one', async t => {
  const server = await startServer(t);
  const registry = await startRegistry(t);
  const world = await World.make(server, registry);
  const secrets = server.client(SecretsManagerClient);
  const put = password => secrets.send(new PutSecretValueCommand({ SecretId: world.secret, SecretString: JSON.stringify({ username: registry.username, password }) }));
  await put('wr0ng-password');
  const refused = await world.run(await world.define('web'));
  await world.wait(refused, 'STOPPED');
  const window = await openBrowser(t);
  const page = await signIn(window, server, `/ecs/clusters/demo/tasks/${refused}`);
  const now = page.getByRole('region', { name: 'Its road now' });
  const dialog = page.getByRole('dialog');
  await now.locator('li[data-outcome=broken]').getByRole('button', { name: /^Mend it/ }).click();
  await dialog.getByText('secretsmanager:PutSecretValue').waitFor();
  const perform = dialog.getByRole('button', { name: 'Mend it', exact: true });
  assert.ok(await perform.isDisabled(), 'a mend that asks can be done before it is answered');
  await dialog.getByLabel('Password').fill(registry.password);
  await perform.click();
  await now.getByText('A task would start').waitFor();
  assert.ok(!(await page.content()).includes(registry.password), 'the password stays on the page');
  await page.getByRole('button', { name: 'Run again' }).click();
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL(url => !url.pathname.endsWith(refused));
  await page.getByText('RUNNING', { exact: true }).first().waitFor({ timeout: 40_000 });
  await world.stop(page.url().split('/').at(-1).split('?')[0]);
});
