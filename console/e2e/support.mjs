// What the browser tests stand on: the real binary on a free port, AWS's own clients to prepare, and a browser that
// fails the test on any error in its console, any violation of the page's policy, and any request to another host.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BINARY = process.env.TIDEGATE ?? join(ROOT, 'target/debug/tidegate');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PICTURES = join(ROOT, 'console/e2e/pictures');
// For who works on the console: `CONSOLE_DIR=dist npm run e2e` takes what was just built, without linking the binary anew.
const PAGES = process.env.CONSOLE_DIR ? ['--console-dir', process.env.CONSOLE_DIR] : [];
const REGION = 'us-east-1';
// A network of this process's own, beside those of other tests and of a server that may run on this machine: also its
// pool, because what a run that was broken off left behind would hold a common one.
const SLOT = process.pid % 60;
const NAME = `tgweb${SLOT}`;
const NETWORK = ['--network-name', NAME, '--network-link', `169.254.${190 + SLOT}.0/30`, '--public-pool', `198.18.${SLOT}.0/26`];
/** How the public addresses of this process's tasks begin; the name of a link goes on after them. */
export const PUBLIC = new RegExp(`^198\\.18\\.${SLOT}\\.\\d+`);
const QUIET =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

// The router outlives a server, as tasks do. The kernel takes a moment to take its link away.
process.once('exit', () => {
  const goes = `ip netns del ${NAME}-router && while ip link show ${NAME}-host; do sleep 0.1; done`;
  spawnSync('timeout', ['10', 'sh', '-c', goes]);
});

/** Waits until `condition` answers something true, and answers it. */
export async function until(condition, what, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < end, `${what} did not come true in ${seconds} s`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const listener = createServer().once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

/** A server on a data directory of its own; ended with the test `t` (a test or a suite's `after`-like context). */
export async function startServer(t, options = []) {
  const server = new Server(await freePort(), options);
  t.after(async () => {
    // Pages that still ask would find the server away.
    try {
      for (const close of browsers.get(t) ?? []) await close();
    } finally {
      // Also when a browser saw something wrong: the next test's server needs the network.
      await server.end();
    }
  });
  await server.start();
  return server;
}

/** How the browsers of a test are closed. */
const browsers = new WeakMap();

class Server {
  constructor(port, options) {
    this.directory = mkdtempSync(join(tmpdir(), 'tidegate-console-'));
    this.data = join(this.directory, 'data');
    this.options = options;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.console = `${this.url}/console`;
    this.region = REGION;
    this.keys = { accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`, secretAccessKey: randomBytes(20).toString('hex') };
  }

  async start() {
    const log = openSync(join(this.directory, 'server.log'), 'a');
    this.process = spawn(
      BINARY,
      ['serve', '--data-dir', this.data, '--listen', `127.0.0.1:${this.port}`, ...NETWORK, ...PAGES, ...this.options],
      { stdio: ['ignore', log, log], env: { ...process.env, ...this.environment() } },
    );
    await until(() => this.healthy(), 'the health of the server', 20);
  }

  environment() {
    return {
      TIDEGATE_ROOT_ACCESS_KEY_ID: this.keys.accessKeyId,
      TIDEGATE_ROOT_SECRET_ACCESS_KEY: this.keys.secretAccessKey,
    };
  }

  output() {
    return readFileSync(join(this.directory, 'server.log'), 'utf8');
  }

  async healthy() {
    assert.equal(this.process.exitCode, null, `the server ended:\n${this.output()}`);
    try {
      return (await fetch(`${this.url}/_tidegate/health`)).ok;
    } catch {
      return false;
    }
  }

  /** A client of AWS's SDK: `server.client(ECSClient)`. */
  client(Client, keys = this.keys) {
    return new Client({ endpoint: this.url, region: REGION, credentials: keys, maxAttempts: 1 });
  }

  /** Ends the server as an operator would; its tasks run on. */
  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise(resolve => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    await ended;
  }

  async end() {
    if (this.process.exitCode !== null) console.error(`the server ended by itself:\n${this.output()}`);
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/**
 * A fresh browser window. At the end of the test it must have seen nothing wrong.
 * `refusals: true` lets the server refuse calls, which Chromium writes to its console; `away: true` lets it be away.
 * `site` names other hosts, such as tasks of the test, that a link may open as a page of its own.
 */
export async function openBrowser(t, { refusals = false, away = false, site, ...context } = {}) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET.split(' ') });
  const window = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...context });
  window.setDefaultTimeout(15_000);
  const wrong = [];
  const reading = [];
  const hosts = new Set();
  await window.exposeBinding('reportViolation', (_, text) => wrong.push(`policy violation: ${text}`));
  await window.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', event =>
      window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
    );
  });
  window.on('page', page => {
    page.on('pageerror', error => wrong.push(`uncaught: ${error.stack ?? error}`));
    page.on('console', message => {
      if (message.type() !== 'error') return;
      const text = message.text();
      // Chromium says so, and asks again, when any interface of the machine comes or goes, such as that of a task.
      if (/ERR_NETWORK_CHANGED/.test(text)) return;
      if (refusals && /^Failed to load resource: the server responded with a status of (4\d\d)/.test(text)) return;
      if (site && URL.canParse(message.location().url) && site.test(new URL(message.location().url).host)) return;
      if (away && /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED/.test(text)) return;
      wrong.push(`console: ${text} (${message.location().url})`);
    });
    // Chromium's own word tells neither what was asked nor why the server refused it.
    page.on('response', response => {
      if (!refusals && response.status() >= 400 && response.url().startsWith('http://127.0.0.1')) reading.push(told(response));
    });
    page.on('request', request => {
      const url = new URL(request.url());
      const isOfSite = site?.test(url.host) && request.isNavigationRequest();
      if (!['data:', 'blob:'].includes(url.protocol) && !isOfSite) hosts.add(url.host);
    });
  });
  let closed;
  const close = () => (closed ??= end());
  browsers.set(t, [...(browsers.get(t) ?? []), close]);
  t.after(close);
  const end = async () => {
    const cookies = await window.cookies();
    wrong.push(...(await Promise.all(reading)));
    // What the browser showed at the end, for whoever reads a failure.
    mkdirSync(PICTURES, { recursive: true });
    const name = t.name.replaceAll(/[^a-z]+/gi, '-').slice(0, 60);
    for (const [at, page] of window.pages().entries()) await page.screenshot({ path: join(PICTURES, `end-of-${name}-${at}.png`) });
    await browser.close();
    assert.deepEqual(wrong, [], 'the browser saw something wrong');
    assert.deepEqual(cookies, [], 'there are cookies');
    assert.ok(hosts.size <= 1, `requests went to ${[...hosts].join(', ')}`);
  };
  return window;
}

/** What the server refused, and its words. */
async function told(response) {
  const request = response.request();
  const asked = request.headers()['x-amz-target'] ?? /Action=\w+/.exec(request.postData() ?? '')?.[0] ?? request.method();
  const words = await response.text().catch(error => `(${error})`);
  return `refused ${asked}: ${response.status()} ${words}`;
}

/** Signs a new page in by the access key and opens `path` (without `/console`). */
export async function signIn(window, server, path = '/', keys = server.keys) {
  const page = await window.newPage();
  await page.goto(`${server.console}${path}`);
  await page.getByLabel('Access key ID').fill(keys.accessKeyId);
  await page.getByLabel('Secret access key').fill(keys.secretAccessKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: /Region/ }).waitFor();
  return page;
}

/** Keeps the page as pictures, wide and narrow, light and dark, in e2e/pictures (never committed). */
export async function pictures(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  const size = page.viewportSize();
  for (const mode of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: mode });
    for (const width of [1440, 900]) {
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(PICTURES, `${name}-${width}-${mode}.png`), animations: 'disabled' });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  if (size) await page.setViewportSize(size);
}
