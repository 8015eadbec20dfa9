// Signing in and out: by key, by link, and all the ways in which it fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { openBrowser, pictures, signIn, startServer, until } from './support.mjs';

const link = server => /http:\S+#token=\S+/.exec(server.output())?.[0];

test('a key signs in; a reload stays signed in, a new tab does not, sign-out ends the session', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const page = await signIn(window, server);
  await page.getByRole('heading', { name: 'Clusters' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Clusters' }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
  assert.ok(!kept.includes(server.keys.secretAccessKey), 'the secret access key is forgotten');
  const session = await page.evaluate(() => JSON.parse(sessionStorage.getItem('tidegate.session')));
  await page.goto(`${server.console}/audit`);
  await page.getByText('ConsoleLogin').first().waitFor();
  const other = await window.newPage();
  await other.goto(`${server.console}/secrets`);
  await other.getByRole('button', { name: 'Sign in' }).waitFor();
  await page.getByRole('button', { name: /root/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  // The credentials are worth nothing any more, for whoever has a copy of them.
  const { ECSClient, ListClustersCommand } = await import('@aws-sdk/client-ecs');
  const { expiration: _, ...keys } = session;
  await assert.rejects(server.client(ECSClient, keys).send(new ListClustersCommand({})), { name: 'UnrecognizedClientException' });
});

test('what is wrong with a key stands at its field', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const page = await window.newPage();
  await page.goto(`${server.console}/`);
  const tryKey = async (id, secret) => {
    await page.getByLabel('Access key ID').fill(id);
    await page.getByLabel('Secret access key').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await tryKey('AKIAUNKNOWN000000000', 'x');
  await page.getByText('This server has no active access key with this id.').waitFor();
  await tryKey(server.keys.accessKeyId, `${server.keys.secretAccessKey}x`);
  await page.getByText('the secret access key does not belong to it').waitFor();
  await pictures(page, 'sign-in');
});

test('the printed link signs in once, and its token leaves the address', async t => {
  const server = await startServer(t);
  const window = await openBrowser(t, { refusals: true });
  const address = await until(() => link(server), 'the link');
  const page = await window.newPage();
  await page.goto(address);
  await page.getByRole('heading', { name: 'Clusters' }).waitFor();
  assert.ok(!page.url().includes('token'), page.url());
  const other = await window.newPage();
  await other.goto(address);
  await other.getByText('The sign-in link is not good').waitFor();
});

test('another site and another name of this server are refused', async t => {
  const server = await startServer(t);
  const post = headers => fetch(`${server.console}/api/signin`, { method: 'POST', body: '{"token":"x"}', headers });
  assert.equal((await post({ origin: 'http://elsewhere.example' })).status, 403);
  assert.equal((await (await post({ origin: 'http://elsewhere.example' })).json()).code, 'OtherOrigin');
  assert.equal((await (await post({ origin: server.url })).json()).code, 'InvalidToken');
  const { request } = await import('node:http');
  const status = host =>
    new Promise((resolve, reject) => {
      const sent = request({ port: server.port, path: '/console/', headers: { host } }, answer => resolve(answer.statusCode));
      sent.on('error', reject).end();
    });
  assert.equal(await status('rebound.example'), 421);
  assert.equal(await status('localhost:4566'), 200);
});
