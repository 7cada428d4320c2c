import type { Decision, HistoryAnswer, ReportAnswer } from '@ganglion/sdk';
import type { Browser, Locator, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningDaemon, startDaemon } from '../daemon/daemon.ts';
import { hasBrowser, openBrowser } from './browser.ts';
import { pause, until } from './wait.ts';

/** The console in a real browser before the real demo; in order: each test stands on the one before. */
const browsing = hasBrowser();
// States are waited for, however long a busy machine takes.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
let daemon: RunningDaemon;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const byTestId = (id: string) => page.getByTestId(id);
const textOf = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? '';

/** Whether the tab of the page is within its row, and not under an end that fades: 48 px where there is more. */
const TAB_IN_SIGHT = `(() => {
  const row = document.querySelector('.sidebar nav');
  const tab = row.querySelector('a[aria-current]').getBoundingClientRect();
  const { left, right } = row.getBoundingClientRect();
  const fade = (side) => (row.dataset.more.includes(side) ? 48 : 0);
  return tab.width > 0 && tab.left >= left + fade('start') && tab.right <= right - fade('end');
})()`;

beforeAll(async () => {
  if (!browsing) return;
  daemon = await startDaemon(['up', '--demo', '--memory', '--rate', '50']);
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.setDefaultTimeout(90_000);
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => {
    // A stream that we leave with the page is not a failure.
    if (!request.url().includes('/v1/events'))
      complaints.push(`${request.url()} ${request.failure()?.errorText}`);
  });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await daemon?.stop();
});

async function reportOf(): Promise<ReportAnswer['report']> {
  return ((await daemon.call('GET', '/v1/points/backend/report')).body as ReportAnswer).report;
}

/** Which backends answer requests that people send through the proxies now. */
async function servedBy(requests: number): Promise<string[]> {
  const proxies = daemon.listening.proxies as readonly { readonly url: string }[];
  const names: string[] = [];
  for (let i = 0; i < requests; i++) {
    const response = await fetch(`${proxies[i % proxies.length].url}/shop`, {
      headers: { 'x-unit': `person-${i}` },
    });
    await response.arrayBuffer();
    names.push(response.headers.get('x-backend') ?? '');
  }
  return names;
}

describe.skipIf(!browsing)('the console', () => {
  test('shows the tree, the point and its decisions, live', async () => {
    await page.goto(daemon.url);
    await page.getByTestId('node-row').nth(3).waitFor();
    await page.goto(`${daemon.url}/#/points/backend`);
    await until(
      () => textOf(byTestId('point-mode')),
      (text) => /learning/i.test(text),
      'the page says learning',
    );
    const row = byTestId('decision-row').first();
    await row.waitFor();
    // Going on by itself: what stands first now is soon another.
    const first = await textOf(row);
    await until(
      () => textOf(row),
      (text) => text !== first,
      'another decision',
    );
    await until(
      async () => new Set(await servedBy(30)).size,
      (n) => n > 1,
      'several backends serve',
    );
  });

  test('tells of a decision why it was made', async () => {
    await byTestId('pause-stream').click();
    await byTestId('decision-row').first().click();
    expect(await textOf(byTestId('decision-why'))).toMatch(/\S/);
    await page.keyboard.press('Escape');
    await byTestId('decision-why').waitFor({ state: 'detached' });
    await byTestId('pause-stream').click();
  });

  test('a kill on the page asks for a reason, and sends real traffic to the fallback', async () => {
    await byTestId('kill-button').click();
    await byTestId('confirm-kill').click();
    await page.getByText('A reason is required.').waitFor();
    expect((await reportOf()).mode).toBe('learning');
    await byTestId('reason-input').fill('drill, from the page');
    await byTestId('confirm-kill').click();
    const acks = byTestId('ack-row');
    await until(
      async () => acks.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-state'))),
      (states) => states.length === 4 && states.every((state) => state === 'acknowledged'),
      'every node acknowledges, on the page',
    );
    await byTestId('kill-done').click();
    await until(
      () => textOf(byTestId('point-mode')),
      (text) => /killed/i.test(text),
      'the page says killed',
    );
    expect(new Set(await servedBy(40))).toEqual(new Set(['a']));
    await byTestId('kill-band').waitFor();
    expect(await textOf(byTestId('kill-band'))).toContain('drill, from the page');
    const { body } = await daemon.call('POST', '/v1/points/backend/decide?node=device-1', {});
    expect(body as Decision).toMatchObject({ arm: 'a', reason: 'killed' });
  });

  test('a revive on the page lets it learn again', async () => {
    await byTestId('revive-button').first().click();
    await byTestId('reason-input').fill('drill over');
    await byTestId('confirm-revive').click();
    await until(
      () => textOf(byTestId('point-mode')),
      (text) => /learning/i.test(text),
      'the page says learning',
    );
    const before = (await reportOf()).outcomes;
    await until(
      async () => new Set(await servedBy(30)).size,
      (n) => n > 1,
      'several backends serve again',
    );
    await until(
      reportOf,
      ({ mode, outcomes }) => mode === 'learning' && outcomes > before + 50,
      'learns again',
    );
    await byTestId('kill-band').waitFor({ state: 'detached' });
  });

  test('the keyboard alone goes everywhere, kills and revives', async () => {
    const isAt = (hash: string) =>
      page
        .waitForURL((url) => url.href.endsWith(hash), { timeout: 2_000 })
        .then(
          () => true,
          () => false,
        );
    for (const [keys, hash] of [
      [['g', 'x'], '#/experiments'],
      [['g', 'e'], '#/evaluate'],
      [['g', 'm'], '#/models'],
      [['g', 'n'], '#/nodes'],
      [['g', 'c'], '#/controls'],
      [['g', 'a'], '#/audit'],
      [['g', 'p'], '#/points'],
      [['g', 'o'], '#/'],
    ] as const) {
      // Two keys are one only within a second or so: on a busy machine a second try may be due.
      await until(
        async () => {
          for (const key of keys) await page.keyboard.press(key);
          return await isAt(hash);
        },
        (there) => there,
        hash,
      );
    }
    await page.keyboard.press('k');
    await byTestId('reason-input').waitFor();
    // The dialog has the focus where the reason goes, and keeps it inside.
    await page.keyboard.type('drill, by keyboard');
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('Tab');
      expect(
        await page.evaluate(
          'document.activeElement.closest("dialog") !== null || document.activeElement === document.body',
        ),
      ).toBe(true);
    }
    await byTestId('reason-input').focus();
    await page.keyboard.press('Control+Enter');
    await until(reportOf, ({ mode }) => mode === 'killed', 'killed by keyboard');
    await byTestId('kill-done').waitFor();
    await page.keyboard.press('Escape');
    await byTestId('kill-done').waitFor({ state: 'detached' });
    await byTestId('revive-button').first().focus();
    await page.keyboard.press('Enter');
    await byTestId('reason-input').waitFor();
    await page.keyboard.type('drill over');
    await page.keyboard.press('Control+Enter');
    await until(reportOf, ({ mode }) => mode === 'learning', 'revived by keyboard');
    await byTestId('reason-input').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByText('Light or dark').waitFor();
    await page.keyboard.press('Escape');
  });

  test('a kill of a name that nobody knows says which was probably meant, and leads there', async () => {
    await page.goto(`${daemon.url}/#/points/bakend`);
    await page.getByText('There is no point called').waitFor();
    await page.keyboard.press('k');
    await byTestId('reason-input').fill('drill, misspelt');
    expect(await page.getByLabel('Which point').inputValue()).toBe('bakend');
    const answers: (() => void)[] = [];
    await page.route('**/v1/kill', (route) => void answers.push(() => void route.continue()));
    await byTestId('confirm-kill').click();
    await until(async () => answers.length, Boolean, 'the kill is asked for');
    // Whatever is chosen while it is on its way: what was killed is what the dialog says then.
    await page.getByLabel('Which point').selectOption('backend');
    answers[0]();
    await page.unroute('**/v1/kill');
    expect(await textOf(byTestId('kill-unknown'))).toContain('Nobody here knows the point bakend.');
    expect(await textOf(byTestId('kill-unknown'))).toContain('Was the point backend meant?');
    await byTestId('kill-suggested').click();
    await page.getByRole('heading', { name: 'Kill the point backend?' }).waitFor();
    expect(await byTestId('reason-input').inputValue()).toBe('drill, misspelt');
    expect((await reportOf()).mode).toBe('learning');
    await daemon.call('POST', '/v1/revive', { scope: 'point:bakend', reason: 'drill over' });
  });

  test('a dialog is of its page: another page, and it is gone', async () => {
    const dialogs = page.locator('dialog[open]');
    await dialogs.waitFor();
    await page.goBack();
    await dialogs.waitFor({ state: 'detached' });
    await page.goForward();
    await page.getByText('There is no point called').waitFor();
    expect(await dialogs.count()).toBe(0);
    await page.goto(`${daemon.url}/#/points`);
    await page.keyboard.press('?');
    await dialogs.waitFor();
    await page.goto(`${daemon.url}/#/points?id=none`);
    await page.waitForURL((url) => url.hash.endsWith('id=none'));
    expect(await dialogs.count()).toBe(1);
    await page.keyboard.press('Escape');
    await dialogs.waitFor({ state: 'detached' });
  });

  test('a kill that fails when its page was left is told until it is dismissed; a revive that does not is silent', async () => {
    // Its own page: the browser itself logs what is refused here.
    const left = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const asked: Route[] = [];
    await left.route(/\/v1\/(kill|revive)$/, (route) => void asked.push(route));
    const leave = async (button: string, confirm: string, count: number) => {
      await left.goto(`${daemon.url}/#/points`);
      await left.goto(`${daemon.url}/#/points/backend`);
      await left.getByTestId(button).first().click();
      await left.getByTestId('reason-input').fill('drill, and away');
      await left.getByTestId(confirm).click();
      await until(
        () => asked.length,
        (n) => n === count,
        'it is asked for',
      );
      await left.goBack();
      await left.locator('dialog[open]').waitFor({ state: 'detached' });
    };
    await leave('kill-button', 'confirm-kill', 1);
    const body = JSON.stringify({ status: 503, code: 'overloaded', detail: 'Too much at once' });
    await asked[0].fulfill({ status: 503, contentType: 'application/problem+json', body });
    const told = left.getByRole('alert');
    await told.waitFor();
    expect(await textOf(told)).toMatch(/Kill of the point backend failed.*Too much at once/);
    await left.goto(`${daemon.url}/#/nodes`);
    await left.getByTestId('node-row').first().waitFor();
    await told.getByRole('button', { name: 'Dismiss' }).click();
    await told.waitFor({ state: 'detached' });

    await daemon.call('POST', '/v1/kill', { scope: 'point:backend', reason: 'drill' });
    await leave('revive-button', 'confirm-revive', 2);
    await left.keyboard.press('?');
    await left.locator('dialog[open]').waitFor();
    const asksAgain = left.waitForRequest(/\/v1\/controls$/);
    await asked[1].continue();
    await until(reportOf, ({ mode }) => mode === 'learning', 'revived');
    // By now the answer has been heard: what is open on this page is not the dialog that it was for.
    await asksAgain;
    expect(await left.locator('dialog[open]').count()).toBe(1);
    expect(await told.count()).toBe(0);
    await left.close();
  });

  test('who comes late sees what was before: the node keeps the last minutes', async () => {
    await until(
      async () => (await daemon.call('GET', '/v1/points/backend/history')).body as HistoryAnswer,
      ({ samples }) => samples.length > 0 && samples.at(-1)!.atMs - samples[0].atMs > 12_000,
      'minutes are kept',
    );
    const late = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await late.goto(`${daemon.url}/#/points/backend`);
    await late.getByText('As a table').click();
    // Rows are ten seconds apart.
    await late.locator('.as-table tbody tr').nth(1).waitFor();
    await late.close();
  });

  test('before the first answer it says of nothing that there is none of it', async () => {
    const waiting = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    await waiting.route('**/v1/points', () => {});
    for (const view of ['', 'points', 'experiments', 'audit', 'controls']) {
      await waiting.goto(`${daemon.url}/#/${view}`);
      await waiting.getByText('Loading…').first().waitFor();
      expect(await textOf(waiting.locator('main'))).not.toMatch(
        /No decision point|Nobody has|Nothing is killed|No point has/,
      );
    }
    await waiting.close();
  });

  test('is readable in light and in dark, and on a phone', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.locator(`html[data-theme="${colorScheme}"]`).waitFor();
      const [ink, paper] = (await page.evaluate(
        '(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()',
      )) as [string, string];
      expect(ink).not.toBe(paper);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${daemon.url}/#/points/backend`);
    await byTestId('point-mode').waitFor();
    const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
    // The row of views scrolls, and says to which side there are more.
    await page.locator('.sidebar nav[data-more~="end"]').waitFor();
    await page.evaluate(`document.querySelector('.sidebar nav').scrollTo({ left: 9999 })`);
    await page.locator('.sidebar nav[data-more="start"]').waitFor();
    // Where one is stands whole and clear of both fading ends.
    for (const view of ['models', 'nodes', 'controls', 'audit', 'evaluate', '', 'points/backend']) {
      await page.goto(`${daemon.url}/#/${view}`);
      await until(
        () => page.evaluate(TAB_IN_SIGHT),
        (inSight) => inSight === true,
        `the tab of ${view === '' ? 'the overview' : view} is in sight`,
      );
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.locator('.sidebar nav[data-more=""]').waitFor();
  });

  test('says so when the daemon is gone', async () => {
    const before = complaints.length;
    await daemon.stop();
    await page
      .getByText(/connection|reconnect|lost/i)
      .first()
      .waitFor();
    // What the browser itself logs of a refused connection from now on is not the page's doing.
    await pause(100);
    complaints.length = before;
  });

  test('nothing was ever logged as an error or a warning', () => {
    expect(complaints).toEqual([]);
  });
});
