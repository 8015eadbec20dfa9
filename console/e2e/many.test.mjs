// A cluster with five thousand tasks: the answers are made up, the page is the real one. How long the browser was busy is
// told, not judged: that is for who measures on a quiet machine.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CreateClusterCommand, ECSClient } from '@aws-sdk/client-ecs';

import { openBrowser, signIn, startServer, until } from './support.mjs';

const COUNT = 5_000;
const PORTION = 100;
const prefix = 'arn:aws:ecs:us-east-1:123456789012';
const idOf = at => at.toString(16).padStart(8, '0').padEnd(32, 'a');
const arnOf = at => `${prefix}:task/many/${idOf(at)}`;

function describe(arn) {
  const at = Number.parseInt(arn.split('/').at(-1).slice(0, 8), 16);
  return {
    taskArn: arn,
    clusterArn: `${prefix}:cluster/many`,
    taskDefinitionArn: `${prefix}:task-definition/web:${at % 7}`,
    lastStatus: 'STOPPED',
    desiredStatus: 'STOPPED',
    createdAt: 1_790_000_000 + at,
    stoppedAt: 1_790_000_100 + at,
    stopCode: 'EssentialContainerExited',
    stoppedReason: `Essential container in task exited: number-${at}`,
    containers: [{ name: 'web', exitCode: at % 3, containerArn: `${prefix}:container/many/${at}` }],
    attachments: [],
    tags: [],
  };
}

/** What AWS would answer about five thousand stopped tasks; undefined for all other calls. */
function answer(target, asked) {
  if (target.endsWith('.ListTasks')) {
    if (asked.desiredStatus !== 'STOPPED') return { taskArns: [] };
    const from = Number(asked.nextToken ?? 0);
    const taskArns = Array.from({ length: PORTION }, (_, at) => arnOf(from + at));
    return { taskArns, nextToken: from + PORTION < COUNT ? String(from + PORTION) : undefined };
  }
  if (target.endsWith('.DescribeTasks')) return { tasks: asked.tasks.map(describe), failures: [] };
  return undefined;
}

test('a list of five thousand tasks is searched, ordered and paged', async t => {
  const server = await startServer(t);
  await server.client(ECSClient).send(new CreateClusterCommand({ clusterName: 'many' }));
  const window = await openBrowser(t);
  await window.addInitScript(() => {
    globalThis.busy = [];
    new PerformanceObserver(list => busy.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
  });
  let looks = 0;
  await window.route(`${server.url}/`, route => {
    const target = route.request().headers()['x-amz-target'] ?? '';
    const body = route.request().postDataJSON();
    const made = answer(target, body);
    if (target.endsWith('.ListTasks') && body.desiredStatus === 'STOPPED' && !body.nextToken) looks++;
    return made ? route.fulfill({ json: made, contentType: 'application/x-amz-json-1.1' }) : route.continue();
  });
  const page = await signIn(window, server);
  /** Does something and tells how long it took until `seen`, and for how long the page could not answer meanwhile. */
  const measured = async (what, act, seen) => {
    await page.evaluate(() => busy.splice(0));
    const began = performance.now();
    await act();
    await seen();
    const took = Math.round(performance.now() - began);
    const tasks = (await page.evaluate(() => busy)).map(Math.round);
    t.diagnostic(`${what}: ${took} ms; busy for more than 50 ms: ${tasks.join(', ') || 'never'}`);
  };
  const row = at => page.getByRole('row', { name: new RegExp(`^(Select )?${idOf(at).slice(0, 8)}`) }).or(page.getByRole('link', { name: idOf(at).slice(0, 8) }));
  const first = async at => until(async () => (await page.locator('tbody tr').first().textContent())?.includes(idOf(at).slice(0, 8)), `task ${at} first`);

  await measured('open', () => page.goto(`${server.console}/ecs/clusters/many`), () => page.getByText(`(${COUNT})`).waitFor());
  await first(COUNT - 1);
  assert.equal(await page.locator('tbody tr').count(), 25);
  await measured('order by another column', () => page.getByText('Stopped reason', { exact: true }).first().click(), () => first(0));
  await measured('next page', () => page.getByRole('button', { name: 'Next page' }).click(), () => first(25));
  const search = page.getByRole('searchbox', { name: 'Find tasks' });
  await measured('search, key by key', () => search.pressSequentially('number-4321'), () => page.getByText(`(1/${COUNT})`).waitFor());
  await row(4321).first().waitFor();
  await measured('end of the search', () => search.fill(''), () => page.getByText(`(${COUNT})`, { exact: true }).waitFor());
  await measured('only those that run', () => page.getByRole('button', { name: 'Not stopped' }).click(), () => page.getByText('No task is in this state.').waitFor());
  await page.getByRole('button', { name: 'All', exact: true }).click();
  const before = looks;
  await measured('two looks of the page itself', async () => {}, () => until(() => looks >= before + 2, 'another look'));
  await first(0);
});
