import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@ganglion/sdk';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningDaemon, startDaemon } from '../daemon/daemon.ts';
import { hasBrowser, openBrowser } from './browser.ts';
import { servePage } from './page.ts';
import { until } from './wait.ts';

/** A page of one origin, a node in it, and its parent at another: the guide's own example, in a real browser. */
const browsing = hasBrowser('a node in a page');
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const SCRIPT = `
import { createClient } from '@ganglion/sdk';
import { startNode } from '/docs/src/examples/page.ts';
const decided = async (client) => client.decide('ranking').then(({ arm }) => arm, ({ code }) => code);
Object.assign(globalThis, { startNode, createClient, decided, ready: true });`;
const TOKENS = `operator alice an-operator-of-this-test
app shop an-app-of-this-test
node:tab-* pages a-page-of-this-test
`;

let site: Awaited<ReturnType<typeof servePage>>;
let browser: Browser;
let folder: string;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  if (!browsing) return;
  folder = mkdtempSync(join(tmpdir(), 'ganglion-page-'));
  writeFileSync(join(folder, 'tokens'), TOKENS, { mode: 0o600 });
  site = await servePage(SCRIPT);
  browser = await openBrowser();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  if (!browsing) return;
  await browser?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function parent(...args: string[]): Promise<RunningDaemon> {
  const tokens = ['--token-file', join(folder, 'tokens')];
  const daemon = await startDaemon([
    'node',
    '--tier',
    'cloud',
    '--name',
    'hq',
    '--memory',
    ...tokens,
    ...args,
  ]);
  ends.push(() => daemon.stop());
  return daemon;
}

/** A tab on the page, and what it has warned of. */
async function tab(): Promise<{ readonly page: Page; readonly warned: string[] }> {
  const context = await browser.newContext();
  ends.push(() => context.close());
  const page = await context.newPage();
  const warned: string[] = [];
  page.on('console', (message) => warned.push(message.text()));
  await open(page);
  return { page, warned };
}

async function open(page: Page): Promise<void> {
  await page.goto(site.origin);
  await page.waitForFunction('globalThis.ready');
}

const startIn = (page: Page, { url }: RunningDaemon, token = 'a-page-of-this-test') =>
  page.evaluate(`(async () => {
    globalThis.node = await startNode(${JSON.stringify(url)}, ${JSON.stringify(token)});
    return node.name;
  })()`) as Promise<string>;

const reasonIn = (page: Page) =>
  page.evaluate(`node.point('ranking') === undefined ? 'none' : node.decide('ranking').reason`);

describe.skipIf(!browsing)('a node in a page of another origin', () => {
  test('decides, teaches its parent, and obeys a kill that is said there', async () => {
    const daemon = await parent('--allow-origin', 'https://shop.example', site.origin);
    const operator = createClient({ url: daemon.url, token: 'an-operator-of-this-test' });
    await operator.points.apply({
      point: 'ranking',
      arms: ['new', 'old'],
      fallback: 'old',
      policy: { kind: 'thompson' },
    });
    const { page } = await tab();
    const name = await startIn(page, daemon);
    expect(name).toMatch(/^tab-/);
    await until(
      () => reasonIn(page),
      (reason) => reason === 'policy',
      'the page decides',
    );
    await page.evaluate(`(async () => {
      for (let i = 0; i < 40; i++) await node.feedback([{ id: node.decide('ranking').id, reward: 1 }]);
    })()`);
    await until(
      async () => (await operator.report('ranking')).report.outcomes,
      (outcomes) => outcomes >= 40,
      'what the page learned is at its parent',
    );
    await operator.kill('point:ranking', 'drill');
    await until(
      () => reasonIn(page),
      (reason) => reason === 'killed',
      'the page obeys',
    );
    await until(
      async () => JSON.stringify(await operator.controls()),
      (controls) => controls.includes(name),
      'the kill names the page',
    );
    await operator.revive('point:ranking', 'drill over');
    await until(
      () => reasonIn(page),
      (reason) => reason === 'policy',
      'the page goes on',
    );
    // A duplicate of the tab begins with a copy of its session, and is a node of its own.
    const twin = await page.context().newPage();
    await open(twin);
    await twin.evaluate(`sessionStorage.setItem('ganglion-name', ${JSON.stringify(name)})`);
    expect(await startIn(twin, daemon)).not.toBe(name);
    await twin.close();
    // The same tab, loaded anew, is the same node; and its parent has seen no other.
    await page.reload();
    await page.waitForFunction('globalThis.ready');
    expect(await startIn(page, daemon)).toBe(name);
    // Nothing that was sent as a token stands in the log.
    expect(daemon.errors()).not.toMatch(/of-this-test|ganglion\.token/);
  });

  test('is told what to do where its origin is not let in, and so is whoever reads the log', async () => {
    const daemon = await parent();
    const { page, warned } = await tab();
    await startIn(page, daemon);
    await until(
      () => warned.join('\n'),
      (text) => text.includes(`--allow-origin ${site.origin}`),
      'the page says which flag it would take',
    );
    const line = await until(
      () => daemon.errors(),
      (text) => text.includes(`--allow-origin ${site.origin}`),
      'the log says it',
    );
    expect(line).toContain(`"origin":"${site.origin}"`);
    expect(await page.evaluate(`node.point('ranking') === undefined`)).toBe(true);
  });

  test('is told so where its token is not known', async () => {
    const daemon = await parent('--allow-origin', site.origin);
    const { page, warned } = await tab();
    await startIn(page, daemon, 'nobody-of-this-test');
    await until(
      () => warned.join('\n'),
      (text) => text.includes('it knows the token'),
      'the page names the token',
    );
    await until(
      () => daemon.errors(),
      (text) => text.includes('"code":"unauthorized"'),
      'and so does the log',
    );
  });
});

describe.skipIf(!browsing)('a client in a page of another origin', () => {
  test('decides with the token of an app where its origin is let in, and stops nothing', async () => {
    const daemon = await parent('--allow-origin', site.origin);
    const operator = createClient({ url: daemon.url, token: 'an-operator-of-this-test' });
    await operator.points.apply({
      point: 'ranking',
      arms: ['old'],
      fallback: 'old',
      policy: { kind: 'split' },
    });
    const { page } = await tab();
    const decide = (token: string) =>
      page.evaluate(
        `decided(createClient({ url: ${JSON.stringify(daemon.url)}, token: ${JSON.stringify(token)} }))`,
      );
    expect(await decide('an-app-of-this-test')).toBe('old');
    // Flags too, as an OFREP provider polls: by the tag of the last answer.
    const polls = await page.evaluate(`(async () => {
      const poll = (tag) => fetch(${JSON.stringify(`${daemon.url}/ofrep/v1/evaluate/flags`)}, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer an-app-of-this-test', ...tag },
        body: '{}',
      });
      const first = await poll();
      return [first.status, (await poll({ 'if-none-match': first.headers.get('etag') })).status];
    })()`);
    expect(polls).toEqual([200, 304]);
    // It reads the refusal too.
    expect(await decide('nobody-of-this-test')).toBe('unauthorized');
    const killed = await page.evaluate(`createClient({
      url: ${JSON.stringify(daemon.url)}, token: 'an-operator-of-this-test', retries: 0
    }).kill('*', 'from a page').then(() => 'killed', () => 'refused')`);
    expect(killed).toBe('refused');
    expect((await operator.controls()).kills).toEqual([]);
  });

  test('gets no answer where it is not', async () => {
    const daemon = await parent();
    const { page } = await tab();
    const answer = await page.evaluate(`decided(createClient({
      url: ${JSON.stringify(daemon.url)}, token: 'an-app-of-this-test', retries: 0
    }))`);
    expect(answer).toBe('closed');
  });
});
