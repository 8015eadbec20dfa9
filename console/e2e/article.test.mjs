// The whole article by clicks, as somebody does who has only read it: from the login of a private registry to the page
// that its image serves. Then again without the policy, up to the mend. And script wherever a task has text of a stranger.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { StopTaskCommand } from '@aws-sdk/client-ecs';

import { openBrowser, pictures, PUBLIC, signIn, startServer, until } from './support.mjs';
import { startRegistry, World } from './world.mjs';

const SCRIPT = '<img src=x onerror="document.title=\'run\'"><script>document.title="run"</script>';

/** Stores the registry's login by the wizard, and is then on the secret's page. */
async function storeSecret(page, registry) {
  await page.getByRole('link', { name: 'Secrets', exact: true }).click();
  await page.getByRole('button', { name: 'Store a new secret' }).first().click();
  await page.getByLabel('Value of username').fill(registry.username);
  await page.getByLabel('Value of password').fill(registry.password);
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('textbox', { name: 'Secret name' }).fill('article/registry');
  await page.getByRole('textbox', { name: 'Description' }).fill('The login of the private registry');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Automatic rotation').first().waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Store', exact: true }).click();
  await page.getByText('The secret is stored').waitFor();
}

/** Writes the policy for the secret and one for logs, and makes the execution role with both; begins at the secret. */
async function makeRole(page) {
  await page.getByRole('link', { name: 'write a policy that allows to read it' }).click();
  await page.getByText('No mistakes').waitFor();
  assert.match(await page.getByRole('textbox', { name: 'Policy document' }).inputValue(), /secret:article\/registry-/);
  await page.getByRole('textbox', { name: 'Policy name' }).fill('read-registry-login');
  await page.getByRole('button', { name: 'Create policy' }).click();
  await page.getByText('The policy read-registry-login is there').waitFor();

  await page.getByRole('link', { name: 'Policies', exact: true }).first().click();
  await page.getByRole('button', { name: 'Create policy' }).first().click();
  await page.getByRole('button', { name: /Begin with/ }).click();
  await page.getByRole('option', { name: /Write logs/ }).click();
  await page.getByRole('textbox', { name: 'Policy name' }).fill('write-logs');
  await page.getByRole('button', { name: 'Create policy' }).click();
  await page.getByRole('link', { name: 'create a role for tasks with it' }).click();

  await page.getByRole('button', { name: /^Policies/ }).click();
  await page.getByRole('option', { name: 'read-registry-login' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Take read-registry-login away' }).waitFor();
  await page.getByRole('button', { name: 'Take write-logs away' }).waitFor();
  assert.match(await page.getByRole('textbox', { name: 'Trust policy' }).inputValue(), /ecs-tasks\.amazonaws\.com/);
  await page.getByRole('textbox', { name: 'Role name' }).fill('articleExecutionRole');
  await page.getByRole('button', { name: 'Create role' }).click();
  await page.getByText('The role articleExecutionRole is there').waitFor();
}

async function makeCluster(page) {
  await page.getByRole('link', { name: 'Clusters', exact: true }).first().click();
  await page.getByRole('button', { name: 'Create cluster' }).first().click();
  await page.getByLabel('Cluster name').fill('article');
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('link', { name: 'article', exact: true }).waitFor();
}

async function openPort(page) {
  await page.getByRole('link', { name: 'Security groups', exact: true }).first().click();
  await page.getByRole('button', { name: 'Create security group' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('article-web');
  await page.getByRole('textbox', { name: 'Description' }).fill('The page of the article');
  await page.getByRole('dialog').getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('button', { name: 'Add inbound rule' }).first().click();
  await page.getByRole('textbox', { name: 'Ports' }).fill('80');
  await page.getByRole('textbox', { name: 'Source' }).fill('0.0.0.0/0');
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('row').filter({ hasText: '0.0.0.0/0' }).waitFor();
}

/** Makes the task definition, beginning at the secret, whose ARN the form then has. */
async function define(page, registry) {
  await page.getByRole('link', { name: 'Secrets', exact: true }).click();
  await page.getByRole('link', { name: 'article/registry', exact: true }).click();
  await page.getByRole('link', { name: 'task definition', exact: true }).click();
  await page.getByLabel('Family').fill('article');
  await page.getByLabel('Execution role').click();
  await page.getByRole('option', { name: /articleExecutionRole/ }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  assert.ok(await page.getByLabel('Private registry authentication').isChecked());
  assert.match(await page.getByLabel("Secret with the registry's login").inputValue(), /:secret:article\/registry-/);
  await page.getByLabel('Name', { exact: true }).fill('web');
  await page.getByLabel('Image').fill(registry.images.web);
  await page.getByLabel('CloudWatch Logs').check();
  await pictures(page, 'article-task-definition');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText(registry.images.web, { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('heading', { name: 'article:1' }).waitFor();
}

/** Fills the form that runs a task: default VPC and subnets, the group with port 80, a public address. */
/** Runs the task of this page again, as it was: the dialog shows what it will do, and the page of the new task comes. */
async function runAgain(page) {
  const before = page.url().split('?')[0];
  await page.getByRole('button', { name: 'Run again' }).click();
  await page.getByRole('dialog').getByText('aws ecs run-task').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL(url => !url.href.startsWith(before));
}

async function run(page) {
  await page.getByRole('heading', { name: 'Run a task' }).waitFor();
  await page.getByText('the public IP will not answer').waitFor();
  await page.getByRole('button', { name: /^Security groups/ }).click();
  await page.getByRole('option', { name: /article-web/ }).click();
  await page.keyboard.press('Escape');
  await page.getByText('the public IP will not answer').waitFor({ state: 'hidden' });
  assert.ok(await page.getByLabel('Public IP').isChecked());
  await page.getByRole('button', { name: 'Run', exact: true }).click();
}

/** The task runs, and its link opens the page that the image serves, which knows nothing of the console. */
async function visit(page) {
  await page.getByText('RUNNING', { exact: true }).first().waitFor({ timeout: 60_000 });
  const link = page.getByRole('link', { name: PUBLIC });
  // A page without an opener is no popup of this one, but a page of the same window.
  const [site] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
  const hello = site.getByRole('heading', { name: "Hello from the console's test" });
  // Chromium gives up what it asks for while the interface of a task comes up.
  await until(async () => (await hello.isVisible()) || (await site.reload().then(() => false, () => false)), 'the page of the task');
  assert.deepEqual(await site.evaluate(() => [window.opener, document.referrer]), [null, '']);
  await site.close();
}

async function stop(page) {
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText('STOPPED', { exact: true }).first().waitFor({ timeout: 60_000 });
}

async function detachPolicy(page) {
  await page.getByRole('link', { name: 'Roles', exact: true }).first().click();
  await page.getByRole('link', { name: 'articleExecutionRole', exact: true }).click();
  await page.getByRole('radio', { name: /Select .*read-registry-login/ }).check();
  await page.getByRole('button', { name: 'Detach', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Detach', exact: true }).click();
  await page.getByText('read-registry-login does not count for').waitFor();
}

/** Whether the text of an element is more red than anything else. */
const isRed = element =>
  element.evaluate(node => {
    const [red, green, blue] = getComputedStyle(node).color.match(/[\d.]+/g).map(Number);
    return red > 1.5 * green && red > 1.5 * blue;
  });

/** The task failed for want of the policy: the chain says so, from the role on. */
async function readExplanation(page) {
  await page.getByText('STOPPED', { exact: true }).first().waitFor({ timeout: 60_000 });
  await page.getByText(/^ResourceInitializationError/).first().waitFor();
  const now = page.getByRole('region', { name: 'Its road now' });
  const broken = now.locator('li[data-outcome=broken]');
  await broken.waitFor();
  assert.equal(await broken.count(), 1);
  await broken.getByRole('link', { name: /role\/articleExecutionRole/ }).first().waitFor();
  assert.ok(await isRed(broken.getByText('secretsmanager:GetSecretValue').first()), 'the broken link is not red');
  await now.locator('li', { has: page.getByRole('link', { name: /secret:article\/registry-/ }) }).first().waitFor();
  await broken.getByText('aws iam put-role-policy').waitFor();
  await pictures(page, 'article-refused');
  return broken;
}

test('the article by clicks: a private image runs, is refused without its policy, and runs again when mended', async t => {
  const server = await startServer(t);
  const registry = await startRegistry(t);
  const window = await openBrowser(t, { site: PUBLIC });
  const page = await signIn(window, server);
  await storeSecret(page, registry);
  await makeRole(page);
  await makeCluster(page);
  await openPort(page);
  await define(page, registry);

  await page.getByRole('link', { name: 'Clusters', exact: true }).first().click();
  await page.getByRole('link', { name: 'article', exact: true }).click();
  await page.getByRole('button', { name: 'Run a task' }).first().click();
  await run(page);
  await visit(page);
  await pictures(page, 'article-running');
  await page.getByRole('tab', { name: 'Logs' }).click();
  await page.getByRole('log').getByText('listening on 80').waitFor();
  await stop(page);
  await page.getByRole('log').getByText('got TERM').waitFor();

  const stopped = page.url().split('?')[0];
  await detachPolicy(page);
  await page.goto(stopped);
  await runAgain(page);
  const broken = await readExplanation(page);
  await broken.getByRole('button', { name: /^Mend it/ }).click();
  await page.getByRole('dialog').getByText('secretsmanager:GetSecretValue').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Mend it', exact: true }).click();
  await page.getByText('A task would start').waitFor();
  await runAgain(page);
  await visit(page);
  await stop(page);
});

test('script in what a task has of a stranger stays text', async t => {
  const server = await startServer(t);
  const registry = await startRegistry(t);
  const world = await World.make(server, registry);
  const window = await openBrowser(t);
  const page = await signIn(window, server, '/ecs/task-definitions/create');
  const stays = async where => {
    await page.getByText(SCRIPT).first().waitFor();
    const made = await page.evaluate(() => document.querySelectorAll('#root img[src="x"], #root script').length);
    assert.equal(made, 0, `script became an element: ${where}`);
    assert.ok(!(await page.title()).startsWith('run'), `script ran: ${where}`);
  };

  // A family and the name of a container are letters, so the form refuses them, and shows them while they are typed.
  const refused = page.getByText('Up to 255 letters, digits, hyphens and underscores.');
  await page.getByLabel('Family').fill(SCRIPT);
  await page.getByRole('button', { name: 'Next' }).click();
  await refused.waitFor();
  await page.getByLabel('Family').fill('script');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Name', { exact: true }).fill(SCRIPT);
  await page.getByRole('button', { name: 'Next' }).click();
  await refused.waitFor();
  await stays('the heading of a container');
  await pictures(page, 'script-in-form');

  const change = { environment: [{ name: SCRIPT, value: SCRIPT }], dockerLabels: { note: SCRIPT } };
  const [first, second] = [await world.define('script', change), await world.define('script', { ...change, command: [SCRIPT] })];
  await page.goto(`${server.console}/ecs/task-definitions/script/1`);
  await stays('a task definition');
  await pictures(page, 'script-in-task-definition');
  await page.getByRole('tab', { name: 'JSON' }).click();
  await page.getByText('dockerLabels').first().waitFor();
  assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0);
  await page.goto(`${server.console}/ecs/task-definitions/script/compare`);
  await page.getByRole('table', { name: 'Differences' }).waitFor();
  assert.equal(await page.evaluate(() => document.querySelectorAll('img[src="x"]').length), 0);
  assert.notEqual(first, second);

  const task = await world.run(first);
  await world.wait(task, 'RUNNING');
  await page.goto(`${server.console}/ecs/clusters/demo/tasks/${task}?tab=containers`);
  await page.getByText(registry.images.script).first().waitFor();
  await page.getByRole('tab', { name: 'Logs' }).click();
  await page.getByRole('log').getByText('<img src=x onerror=alert(1)>').waitFor();
  await world.ecs.send(new StopTaskCommand({ cluster: 'demo', task, reason: SCRIPT }));
  await world.wait(task, 'STOPPED');
  await page.getByRole('tab', { name: 'Status and road' }).click();
  await stays('the reason on the page of a task');
  await pictures(page, 'script-in-reason');
  await page.goto(`${server.console}/ecs/clusters/demo`);
  await stays('the reason in the list of tasks');
});
