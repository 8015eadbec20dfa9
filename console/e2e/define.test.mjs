// A task definition by form and by JSON, its revisions, and running it: all by clicks.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs';

import { openBrowser, pictures, PUBLIC, signIn, startServer } from './support.mjs';
import { startRegistry, World } from './world.mjs';

test('a task definition is made by the form, changed by JSON, compared, run', async t => {
  const server = await startServer(t);
  const registry = await startRegistry(t);
  const world = await World.make(server, registry);
  const window = await openBrowser(t, { refusals: true });
  const page = await signIn(window, server, '/ecs/task-definitions');
  await page.getByRole('button', { name: 'Create task definition' }).first().click();
  const create = page.getByRole('button', { name: 'Create', exact: true });
  const next = page.getByRole('button', { name: 'Next' });
  await next.click();
  await page.getByText('A family needs a name.').waitFor();
  await pictures(page, 'task-definition-family');
  await page.getByLabel('Family').fill('hello');
  await page.getByText('A family needs a name.').waitFor({ state: 'hidden' });
  await next.click();
  await page.getByLabel('Image').waitFor();
  await next.click();
  await page.getByText('A container needs a name.').waitFor();
  await page.getByText('A container needs an image.').waitFor();
  await pictures(page, 'task-definition-problems');

  await page.getByLabel('Name', { exact: true }).fill('web');
  await page.getByLabel('Image').fill(registry.images.web);
  await page.getByLabel('Private registry authentication').check();
  await page.getByLabel("Secret with the registry's login").click();
  await page.getByRole('option', { name: /demo\/registry/ }).click();
  await page.getByText('The task has no execution role').waitFor();
  await pictures(page, 'task-definition-containers');
  // What is missing for the containers is a field of the step before.
  await next.click();
  await page.getByText('An execution role is needed').waitFor();
  await page.getByLabel('Execution role').fill('no body');
  await page.getByText('An execution role is needed').waitFor({ state: 'hidden' });
  await pictures(page, 'task-definition-form');
  await next.click();
  await page.getByLabel('Image').waitFor();
  await next.click();
  await page.getByText(registry.images.web, { exact: true }).waitFor();
  await create.click();
  await page.getByText('The task definition was not registered').waitFor();
  await page.getByText('Role is not valid').waitFor();
  await pictures(page, 'task-definition-refused');
  await page.getByRole('button', { name: 'Go to the field' }).click();
  await page.getByText('Role is not valid').waitFor();
  await page.getByLabel('Execution role').fill('demo');
  await page.getByRole('option', { name: /demo-execution/ }).click();
  await page.getByText('Role is not valid').waitFor({ state: 'hidden' });
  await next.click();
  await page.getByLabel('Image').waitFor();
  await next.click();
  await page.getByText(world.role, { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await page.getByText('A task would start').waitFor();
  await pictures(page, 'task-definition-checked');
  await create.click();
  await page.getByRole('heading', { name: 'hello:1' }).waitFor();
  const described = async revision => {
    const answer = await world.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: `hello:${revision}` }));
    return answer.taskDefinition;
  };
  const first = await described(1);
  assert.equal(first.executionRoleArn, world.role);
  assert.equal(first.containerDefinitions[0].repositoryCredentials.credentialsParameter, world.secret);
  await pictures(page, 'task-definition');

  await page.getByRole('button', { name: 'Create new revision' }).click();
  await page.getByRole('tab', { name: 'JSON' }).click();
  const json = page.getByLabel('Task definition as JSON');
  const text = await json.inputValue();
  await json.fill(text.replace('{', '{ oops'));
  await page.getByText(/line 1/).waitFor();
  await json.fill(text.replace('"cpu": "256"', '"cpu": "300"'));
  await create.click();
  await page.getByText(/^No Fargate configuration exists for given values/).first().waitFor();
  await pictures(page, 'task-definition-json');
  await json.fill(text.replace('"cpu": "256"', '"cpu": "512"').replace('"memory": "512"', '"memory": "1024"'));
  await create.click();
  await page.getByRole('heading', { name: 'hello:2' }).waitFor();
  assert.equal((await described(2)).cpu, '512');

  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Compare revisions' }).click();
  const differences = page.getByRole('table', { name: 'Differences' });
  await differences.getByRole('row', { name: '"cpu": "256", "cpu": "512",' }).waitFor();
  await pictures(page, 'compare-revisions');
  await page.getByRole('link', { name: 'hello', exact: true }).click();

  await page.getByRole('button', { name: 'Run a task' }).click();
  await page.getByRole('heading', { name: 'Run a task' }).waitFor();
  await page.getByText('the public IP will not answer').waitFor();
  await page.getByRole('button', { name: /^Security groups/ }).click();
  await page.getByRole('option', { name: /demo-web/ }).click();
  await page.keyboard.press('Escape');
  await page.getByText('the public IP will not answer').waitFor({ state: 'hidden' });
  await pictures(page, 'run-task');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.getByText('RUNNING', { exact: true }).first().waitFor({ timeout: 40_000 });
  const address = await page.getByRole('link', { name: PUBLIC }).getAttribute('href');
  assert.match(await (await fetch(address)).text(), /Hello from the console's test/);
  await world.stop(page.url().split('/').at(-1).split('?')[0]);
});
