// The frame: every area opens, light and dark, deep links, and a server that goes away and comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CreateClusterCommand, ECSClient } from '@aws-sdk/client-ecs';

import { openBrowser, pictures, signIn, startServer } from './support.mjs';

const AREAS = [
  ['Clusters', '/ecs/clusters'],
  ['Task definitions', '/ecs/task-definitions'],
  ['Secrets', '/secrets'],
  ['KMS keys', '/kms/keys'],
  ['Roles', '/iam/roles'],
  ['Policies', '/iam/policies'],
  ['Users', '/iam/users'],
  ['Groups', '/iam/groups'],
  ['VPCs', '/vpc/vpcs'],
  ['Subnets', '/vpc/subnets'],
  ['Security groups', '/vpc/security-groups'],
  ['Network interfaces', '/vpc/network-interfaces'],
  ['Log groups', '/logs/groups'],
  ['Audit', '/audit'],
];

test('every area opens from the navigation and by its address', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t);
  const page = await signIn(window, server);
  for (const [name, path] of AREAS) {
    await page.getByRole('link', { name, exact: true }).first().click();
    await page.getByRole('heading', { level: 1, name: new RegExp(`^${name}`) }).waitFor();
    assert.equal(page.url(), `${server.console}${path}`);
    await pictures(page, name.toLowerCase().replaceAll(' ', '-'));
  }
  await page.goto(`${server.console}/vpc/security-groups`);
  await page.getByRole('heading', { name: /^Security groups/ }).waitFor();
  await page.goto(`${server.console}/nowhere`);
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
});

test('a list updates itself, and survives a restart of the server', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { away: true });
  const page = await signIn(window, server);
  await page.getByText('No clusters yet.').waitFor();
  const create = name => server.client(ECSClient).send(new CreateClusterCommand({ clusterName: name }));
  await create('first');
  await page.getByRole('link', { name: 'first' }).waitFor();
  await server.stop();
  await page.getByText('The server does not answer').waitFor();
  await page.getByRole('link', { name: 'first' }).waitFor();
  await server.start();
  await create('second');
  await page.getByRole('link', { name: 'second' }).waitFor();
  await page.getByText('The server does not answer').waitFor({ state: 'hidden' });
});
