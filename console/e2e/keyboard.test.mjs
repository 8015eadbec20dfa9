// Without a mouse and without eyes: the road from sign-in to a stopped task by keyboard alone, and that everything one
// can act on has a name in the tree that a screen reader reads.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openBrowser, signIn, startServer } from './support.mjs';
import { startRegistry, World } from './world.mjs';

const focused = locator => locator.evaluate(element => element === document.activeElement);

/** Whether what has the focus is drawn so: by an outline or a ring of its own or of what is drawn around it. */
const seen = page =>
  page.evaluate(() => {
    const element = document.activeElement;
    const drawn = (node, pseudo) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(node, pseudo);
      return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
    };
    return [undefined, '::before', '::after'].some(pseudo => drawn(element, pseudo)) || drawn(element.parentElement);
  });

/** Presses Tab until something has the focus, and sees that it is shown. */
async function tabTo(page, locator, key = 'Tab') {
  await locator.waitFor();
  for (let presses = 0; presses < 80; presses++) {
    if (await focused(locator)) {
      assert.ok(await seen(page), `the focus is not to be seen: ${locator}`);
      return;
    }
    await page.keyboard.press(key);
  }
  assert.fail(`80 times ${key} do not lead to ${locator}`);
}

test('a task is run and stopped by keyboard alone', async t => {
  const server = await startServer(t);
  const registry = await startRegistry(t);
  const world = await World.make(server, registry);
  await world.define('script');
  const window = await openBrowser(t);
  const page = await window.newPage();
  await page.goto(`${server.console}/ecs/clusters/demo/run`);

  await tabTo(page, page.getByLabel('Access key ID'));
  await page.keyboard.type(server.keys.accessKeyId);
  await tabTo(page, page.getByLabel('Secret access key'));
  await page.keyboard.type(server.keys.secretAccessKey);
  await page.keyboard.press('Enter');

  await page.getByText('the public IP will not answer').waitFor();
  await tabTo(page, page.getByRole('button', { name: /^Security groups/ }));
  await page.keyboard.press('Enter');
  const option = page.getByRole('option', { name: /demo-web/ });
  await option.waitFor();
  for (let presses = 0; presses < 5 && !(await option.getAttribute('class')).includes('highlighted'); presses++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByText('the public IP will not answer').waitFor({ state: 'hidden' });
  await page.keyboard.press('Escape');
  await tabTo(page, page.getByRole('button', { name: 'Run', exact: true }));
  await page.keyboard.press('Enter');

  await page.getByText('RUNNING', { exact: true }).first().waitFor({ timeout: 60_000 });
  await tabTo(page, page.getByRole('tab', { selected: true }));
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'Containers', selected: true }).waitFor();
  assert.ok(await seen(page), 'the focus on a tab is not to be seen');

  const stop = page.getByRole('button', { name: 'Stop', exact: true }).first();
  await tabTo(page, stop, 'Shift+Tab');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  const inside = () => dialog.evaluate(element => element.contains(document.activeElement));
  await page.waitForFunction(() => document.querySelector('[role=dialog]')?.contains(document.activeElement));
  for (let presses = 0; presses < 8; presses++) {
    await page.keyboard.press('Tab');
    assert.ok(await inside(), 'Tab leaves the dialog');
  }
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.textContent === 'Stop');
  assert.ok(await focused(stop), 'the focus is not back on the button');
  await page.keyboard.press('Enter');
  await tabTo(page, dialog.getByRole('button', { name: 'Stop', exact: true }));
  await page.keyboard.press('Enter');
  await page.getByText('STOPPED', { exact: true }).first().waitFor({ timeout: 60_000 });
});

const NAMED = new Set(['button', 'link', 'textbox', 'searchbox', 'combobox', 'listbox', 'checkbox', 'radio', 'radiogroup', 'switch', 'spinbutton', 'slider', 'tab', 'menuitem', 'table', 'grid', 'dialog', 'img', 'image', 'progressbar', 'navigation']);

const PAGES = [
  '/ecs/clusters', '/ecs/clusters/demo', '/ecs/clusters/demo/run', '/ecs/task-definitions', '/ecs/task-definitions/script/1',
  '/ecs/task-definitions/create', '/secrets', '/secrets/create', '/kms/keys', '/kms/keys/create', '/iam/roles',
  '/iam/roles/create', '/iam/policies', '/iam/policies/create', '/iam/users', '/iam/groups', '/vpc/vpcs', '/vpc/subnets',
  '/vpc/security-groups', '/vpc/network-interfaces', '/logs/groups', '/audit',
];

test('everything one can act on has a name for a screen reader', async t => {
  const server = await startServer(t);
  const world = await World.make(server, { username: 'a', password: 'b', images: { script: 'example.invalid/script' } });
  await world.define('script');
  const window = await openBrowser(t);
  const page = await signIn(window, server);
  const reader = await window.newCDPSession(page);
  const nameless = [];
  const look = async where => {
    const { nodes } = await reader.send('Accessibility.getFullAXTree');
    assert.ok(nodes.length > 50, `there is no tree: ${where}`);
    for (const { ignored, role, name, backendDOMNodeId } of nodes) {
      if (ignored || !NAMED.has(role?.value) || name?.value?.trim()) continue;
      const { node } = await reader.send('DOM.describeNode', { backendNodeId: backendDOMNodeId });
      nameless.push(`${where}: ${role.value} <${node.localName} ${(node.attributes ?? []).join(' ').slice(0, 160)}>`);
    }
  };
  for (const path of PAGES) {
    await page.goto(`${server.console}${path}`);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    await page.getByRole('progressbar').first().waitFor({ state: 'hidden' });
    await look(path);
  }
  await page.goto(`${server.console}/ecs/task-definitions/create`);
  await page.getByLabel('Family').fill('web');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByLabel('Private registry authentication').check();
  await page.getByRole('button', { name: 'Environment and secrets' }).click();
  await page.getByRole('button', { name: 'Add a variable', exact: true }).click();
  await page.getByRole('button', { name: 'Add a variable from a secret' }).click();
  await look('the containers of a task definition');
  await page.goto(`${server.console}/ecs/clusters`);
  await page.getByRole('button', { name: 'Create cluster' }).first().click();
  await page.getByRole('dialog').waitFor();
  await look('the dialog for a cluster');
  assert.deepEqual(nameless, []);
});
