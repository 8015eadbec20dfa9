// Secrets by clicks: stored, found again, read, changed, deleted; and that a value is nowhere but where it is shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CreateSecretCommand, DescribeSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { openBrowser, pictures, signIn, startServer, until } from './support.mjs';

const SCRIPT = '<img src=x onerror="document.title=\'run\'"><script>document.title="run"</script>';

/** Everything that a page keeps, shows or has in its address. */
const traces = page =>
  page.evaluate(() =>
    [document.documentElement.outerHTML, location.href, JSON.stringify(history.state), JSON.stringify({ ...sessionStorage }), JSON.stringify({ ...localStorage })].join('\n'),
  );

async function isNowhere(page, value, where) {
  assert.ok(!(await traces(page)).includes(value), `the value is in the page: ${where}`);
}

test('a registry’s login is stored, read, changed and deleted by clicks, and its value is nowhere else', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t);
  const page = await signIn(window, server, '/secrets');
  const client = server.client(SecretsManagerClient);
  const password = 'first-S3cret-value';
  await page.getByText('No secrets yet.').waitFor();
  await page.getByRole('button', { name: 'Store a new secret' }).first().click();

  await page.getByLabel('Value of username').fill('ada');
  await page.getByLabel('Value of password').fill(password);
  await pictures(page, 'store-secret-1');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Give the secret a name.').waitFor();
  await page.getByRole('textbox', { name: 'Secret name' }).fill('registry/login');
  await page.getByRole('textbox', { name: 'Description' }).fill('The login of the registry');
  await pictures(page, 'store-secret-2');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Automatic rotation').first().waitFor();
  await pictures(page, 'store-secret-3');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('username, password').waitFor();
  await page.getByRole('button', { name: /The same by AWS CLI/ }).click();
  await page.getByText('--secret-string file://secret.json').waitFor();
  await pictures(page, 'store-secret-4');
  await isNowhere(page, password, 'review');
  await page.getByRole('button', { name: 'Store', exact: true }).click();

  await page.getByText('The secret is stored').waitFor();
  const { ARN } = await client.send(new DescribeSecretCommand({ SecretId: 'registry/login' }));
  await page.getByText(ARN).first().waitFor();
  assert.equal(decodeURIComponent(new URL(page.url()).pathname), `/console/secrets/secret/${ARN}`);
  await page.getByRole('link', { name: 'use it in a task definition' }).waitFor();
  const stored = await client.send(new GetSecretValueCommand({ SecretId: ARN }));
  assert.deepEqual(JSON.parse(stored.SecretString), { username: 'ada', password });
  await isNowhere(page, password, 'stored');
  await pictures(page, 'secret');

  await page.getByRole('button', { name: 'Retrieve secret value' }).click();
  await page.getByText(password).waitFor();
  await pictures(page, 'secret-value');
  await page.getByRole('button', { name: 'Hide' }).click();
  await isNowhere(page, password, 'hidden by a click');
  await page.getByRole('button', { name: 'Retrieve secret value' }).click();
  await page.getByText(password).waitFor();
  await page.evaluate(() => window.dispatchEvent(new Event('blur')));
  await page.getByText(password).waitFor({ state: 'detached' });
  await isNowhere(page, password, 'hidden when looking away');

  await page.getByRole('button', { name: 'Edit', exact: true }).last().click();
  await page.getByLabel('Value of password').fill('second-value');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('The new version is stored.').waitFor();
  await isNowhere(page, 'second-value', 'changed');
  await page.getByRole('tab', { name: 'Versions' }).click();
  await page.getByText('AWSPREVIOUS').waitFor();
  await pictures(page, 'secret-versions');
  await page.getByRole('tab', { name: 'Replicas' }).click();
  await page.getByRole('button', { name: 'Replicate', exact: true }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: /^Replicate to/ }).click();
  await page.getByRole('option', { name: 'eu-west-1' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').getByRole('button', { name: 'Replicate', exact: true }).click();
  await page.getByText('InSync').waitFor();
  await page.getByRole('radio', { name: 'Select eu-west-1' }).check();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByText('No replicas.').waitFor();
  const changed = await client.send(new GetSecretValueCommand({ SecretId: ARN }));
  assert.deepEqual(JSON.parse(changed.SecretString), { username: 'ada', password: 'second-value' });

  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByLabel('Recovery window in days').fill('7');
  await page.getByRole('button', { name: 'Schedule deletion' }).click();
  await page.getByText('This secret waits for its deletion').waitFor();
  await page.goto(`${server.console}/secrets`);
  await page.getByText('Planned').waitFor();
  await pictures(page, 'secrets-deletion');
  await page.getByRole('link', { name: 'registry/login' }).click();
  await page.getByRole('button', { name: 'Cancel deletion' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel deletion' }).click();
  await page.getByText('This secret waits for its deletion').waitFor({ state: 'detached' });
  await client.send(new GetSecretValueCommand({ SecretId: ARN }));
});

test('a resource policy is checked while it is written, and saved', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const client = server.client(SecretsManagerClient);
  const { ARN } = await client.send(new CreateSecretCommand({ Name: 'shared', SecretString: 'x' }));
  const page = await signIn(window, server, `/secrets/secret/${encodeURIComponent(ARN)}?tab=policy`);
  await page.getByText('No resource policy.').waitFor();
  await page.getByRole('button', { name: 'Edit', exact: true }).last().click();
  const editor = page.getByRole('textbox', { name: 'Resource policy' });
  const good = await editor.inputValue();
  await editor.fill('{\n  "Version" "2012-10-17"\n}');
  await page.getByText('Line 2, column 13: a colon is expected after the name.').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled());
  await editor.fill(good);
  await page.getByText('No mistakes').waitFor();
  await pictures(page, 'secret-policy');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('The resource policy is saved.').waitFor();
  await page.getByText('ReadByThisAccount').waitFor();
});

test('script in the name, the description, tags and values of a secret stays text', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const client = server.client(SecretsManagerClient);
  const { ARN } = await client.send(
    new CreateSecretCommand({ Name: 'script', Description: SCRIPT, SecretString: JSON.stringify({ [SCRIPT]: SCRIPT }), Tags: [{ Key: 'note', Value: 'a=b+c' }] }),
  );
  const page = await signIn(window, server, '/secrets');
  await page.getByText(SCRIPT).waitFor();
  await page.goto(`${server.console}/secrets/secret/${encodeURIComponent(ARN)}`);
  await page.getByText(SCRIPT).waitFor();
  await page.getByRole('button', { name: 'Retrieve secret value' }).click();
  await until(async () => (await page.getByText(SCRIPT).count()) >= 3, 'the value');
  assert.ok(!(await page.title()).includes('run'));
  // A name with script is refused by the server, and the refusal stands in the form as text.
  await page.goto(`${server.console}/secrets/create`);
  await page.getByLabel('Value of username').fill('a');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('textbox', { name: 'Secret name' }).fill(SCRIPT);
  for (let step = 0; step < 2; step++) await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText(SCRIPT).first().waitFor();
  await page.getByRole('button', { name: 'Store', exact: true }).click();
  await page.getByText('The secret was not stored').waitFor();
  await page.getByRole('button', { name: 'Go to the field' }).click();
  await page.getByText(/Invalid name/i).waitFor();
  await pictures(page, 'store-secret-refused');
  assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0);
});
