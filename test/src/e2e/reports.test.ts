import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Decision, ReportAnswer } from '@ganglion/sdk';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type RunningDaemon, startDaemon } from '../daemon/daemon.ts';
import { hasBrowser, openBrowser } from './browser.ts';
import { until } from './wait.ts';

/** The report pages in a real browser: experiments, evaluation, models, and the parts of a point. */
const browsing = hasBrowser();
// States are waited for, however long a busy machine takes.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });
const data = mkdtempSync(path.join(tmpdir(), 'ganglion-reports-'));
let daemon: RunningDaemon;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const byTestId = (id: string) => page.getByTestId(id);
const textOf = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? '';
const says = (locator: Locator, pattern: RegExp, what: string) =>
  until(
    () => textOf(locator),
    (text) => pattern.test(text),
    what,
  );

const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const { status, body: answer } = await daemon.call(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
};

/** Decides `n` times on a device and says at once what came of it. */
async function play(
  point: string,
  n: number,
  metricsOf: (arm: string, i: number) => Record<string, number>,
): Promise<void> {
  for (let first = 0; first < n; first += 500) {
    const units = Array.from({ length: Math.min(500, n - first) }, (_, i) => ({ unit: `u${first + i}` }));
    const made = (await call('POST', `/v1/points/${point}/decide?node=device-1`, units)) as Decision[];
    const items = made.map(({ id, arm }, i) => ({ id, metrics: metricsOf(arm ?? '', first + i) }));
    await call('POST', '/v1/feedback?node=device-1', items);
  }
}

const short = { attribution: { window: '1s' } };
const POINTS: Readonly<Record<string, object>> = {
  headline: {
    arms: ['short', 'long'],
    fallback: 'short',
    policy: { kind: 'split' },
    objective: { success: 1 },
    guards: [
      {
        kind: 'experiment',
        name: 'longer',
        variants: { control: { arm: 'short' }, treatment: { arm: 'long' } },
        metrics: ['success', { metric: 'error', guardrail: true, margin: 0.05 }, 'clicks'],
      },
    ],
    ...short,
  },
  ranking: {
    arms: ['current', 'candidate'],
    fallback: 'current',
    policy: { kind: 'fixed', arm: 'candidate' },
    objective: { success: 1 },
    guards: [{ kind: 'rollout', stages: ['10%', '100%'], unit: 'user', guardrails: ['success'] }],
    ...short,
  },
  banner: {
    arms: ['a', 'b'],
    fallback: 'a',
    policy: {
      kind: 'ensemble',
      members: [
        { kind: 'split', name: 'even' },
        { kind: 'thompson', name: 'learner' },
      ],
    },
    objective: { success: 1, constraints: [{ metric: 'complaint', max: 0.2 }] },
  },
  offer: {
    arms: ['red', 'blue'],
    fallback: 'red',
    policy: { kind: 'thompson' },
    guards: [{ kind: 'holdout', share: '10%' }],
    // Sound, it must not be frozen once in ten thousand runs of this test.
    validation: { thawAfter: 'never', falseAlarm: 0.0001 },
    objective: { success: 1 },
  },
};

beforeAll(async () => {
  if (!browsing) return;
  daemon = await startDaemon(['up', '--data', data]);
  for (const [point, spec] of Object.entries(POINTS)) await call('PUT', `/v1/points/${point}`, spec);
  for (const version of ['v1', 'v2'])
    await call('POST', '/v1/models/price/versions', {
      version,
      digest: version.replace('v', '').repeat(64),
      parents: version === 'v1' ? [] : ['v1'],
      reason: 'trained',
    });
  const device = () => daemon.call('GET', '/v1/points?node=device-1');
  await until(
    device,
    ({ body }) => Object.keys(POINTS).every((point) => JSON.stringify(body).includes(`"${point}"`)),
    'the device knows the points',
  );
  await play('headline', 4000, (arm, i) => ({
    success: i % 10 < (arm === 'long' ? 5 : 2) ? 1 : 0,
    error: 0,
  }));
  await play('ranking', 4000, (arm, i) => ({ success: i % 10 < (arm === 'candidate' ? 3 : 9) ? 1 : 0 }));
  await play('banner', 1000, (arm, i) => ({ success: arm === 'b' ? 1 : 0, complaint: i % 50 === 0 ? 1 : 0 }));
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on('console', (message) => {
    // What is refused is shown on the page; that the browser notes it too is its own doing.
    if (['error', 'warning'].includes(message.type()) && !/Failed to load resource/.test(message.text()))
      complaints.push(message.text());
  });
  page.setDefaultTimeout(90_000);
  page.on('pageerror', (error) => complaints.push(String(error)));
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await daemon?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** An address within the page: nothing is loaded anew, so what it watched is kept. */
const visit = (hash: string) => page.goto(`${daemon.url}/${hash}`);

describe.skipIf(!browsing)('the report pages', () => {
  test('every experiment and rollout stands in one list, and leads to its own page', async () => {
    await visit('#/experiments');
    const rows = byTestId('experiment-row');
    const row = (name: string) => rows.filter({ hasText: name });
    await says(row('longer'), /Ship treatment/, 'the experiment has its winner');
    await says(row('ranking rollout'), /Reverted/, 'the rollout was taken back');
    await row('longer').getByRole('link').click();
    await says(byTestId('experiment-verdict'), /Ship treatment/, 'the verdict');
    await says(page.getByRole('region', { name: 'success' }), /treatment.*better/, 'the effect, as text');
    const error = page.getByRole('region', { name: 'error' });
    await says(
      error,
      /lower is better.*treatment.*within the margin/,
      'the guardrail, its direction and margin',
    );
    await says(page.getByRole('region', { name: 'clicks' }), /no value has come/, 'what nobody sends');
    await page
      .getByText(/no value of clicks in [\d,]+ counted decisions: check its name/)
      .first()
      .waitFor();
    await page.getByRole('heading', { name: 'Interval over time' }).waitFor();
  });

  test('a rollout shows why it was taken back, and when', async () => {
    await visit('#/experiments/ranking/rollout');
    await says(byTestId('experiment-standing'), /Reverted/, 'how it stands');
    await page.getByText('Taken back: everybody is out.').waitFor();
    const history = page.getByRole('region', { name: 'History' });
    await says(history, /at 10 %: success is worse −/, 'its history, from the audit');
    await visit('#/points/ranking');
    await says(byTestId('point-reverted'), /Reverted/, 'its point does not say that it learns');
  });

  test('a candidate is evaluated on the live log, beside what the log did', async () => {
    await visit('#/evaluate?point=banner');
    await byTestId('candidate-text').fill('policy: { kind: fixed, arm: b }\n');
    await byTestId('evaluate-button').click();
    await byTestId('evaluation-verdict').waitFor({ timeout: 200_000 });
    expect(await textOf(byTestId('evaluation-verdict'))).toMatch(/than what the log did|Refused/);
    await byTestId('effective').waitFor();
  });

  test('what the log cannot know is refused with its reason, and nonsense with its field', async () => {
    await visit('#/evaluate?point=ranking');
    await says(byTestId('evaluate-point').locator('option:checked'), /ranking/, 'the other point is chosen');
    await byTestId('candidate-text').fill('policy: { kind: fixed, arm: current }\n');
    await byTestId('evaluate-button').click();
    await byTestId('evaluation-verdict').waitFor({ timeout: 200_000 });
    expect(await textOf(byTestId('evaluation-verdict'))).toMatch(/Refused/);
    await byTestId('candidate-text').fill('policy: {');
    await byTestId('evaluate-button').click();
    await says(byTestId('evaluation-problem'), /candidate/, 'the field is named');
  });

  test('a version is promoted with a reason, and rolled back with another', async () => {
    await visit('#/models');
    await says(byTestId('champion'), /v1/, 'the first version is champion');
    await byTestId('promote-v2').click();
    await byTestId('promote-traffic').selectOption('');
    await byTestId('reason-input').fill('better at validation');
    await byTestId('confirm-promote').click();
    await says(byTestId('champion'), /v2/, 'the page shows the new champion');
    await until(
      () => byTestId('rollback-button').isEnabled(),
      (enabled) => enabled,
      'there is one to go back to',
    );
    await byTestId('rollback-button').click();
    await byTestId('reason-input').fill('drill');
    await byTestId('confirm-rollback').click();
    await says(byTestId('champion'), /v1/, 'the one before serves again');
    await byTestId('kill-band').waitFor();
    expect(await call('GET', '/v1/models/price')).toMatchObject({ champion: 'v1' });
  });

  test('a point shows its members with their agreement, and who holds its constraints', async () => {
    await visit('#/points/banner');
    await says(
      page.getByRole('region', { name: 'Members of the ensemble' }),
      /learner.*of the vote/,
      'members',
    );
    await page.getByRole('region', { name: 'Agreement' }).waitFor();
    await says(page.getByRole('region', { name: 'Constraints' }), /at most 0.2/, 'constraints');
    const { report } = (await call('GET', '/v1/points/banner/report')) as ReportAnswer;
    expect(report.members?.map(({ member }) => member)).toEqual(['even', 'learner']);
  });

  test('a learner nothing is known of is unknown; one that decays is frozen, everywhere, until a person thaws it', async () => {
    await visit('#/points/offer');
    const standing = byTestId('validation-standing');
    await says(standing, /unknown: too few outcomes/, 'nothing is known yet');
    await says(byTestId('causes'), /unknown/, 'nor who caused it');
    const good = (arm: string, i: number) => ({ success: i % 10 < (arm === 'blue' ? 8 : 3) ? 1 : 0 });
    await play('offer', 3000, good);
    await says(standing, /no decay found/, 'it predicts well');
    await says(byTestId('calibration-verdict'), /within tolerance/, 'its predictions come true');
    await says(byTestId('causes'), /\d+\u202f% the learner’s own choice/, 'most outcomes are its own doing');
    expect(await byTestId('frozen-band').count()).toBe(0);
    // By keyboard from bin to bin: each says what was predicted, what came, and of how many.
    const dots = page.getByRole('group', { name: /Predicted reward/ }).getByRole('button');
    await dots.first().waitFor();
    await dots.first().focus();
    await page.keyboard.press('ArrowRight');
    const chosen = await page.evaluate('document.activeElement.getAttribute("aria-label")');
    expect(chosen).toMatch(/^Predicted 0\.\d+, seen .* of [\d,]+: /);

    await play('offer', 1500, (arm, i) => ({ success: 1 - good(arm, i).success }));
    const band = byTestId('frozen-band');
    await says(
      band,
      /Frozen on device-1.*squared error.*until somebody thaws it/s,
      'the band says where and why',
    );
    await says(byTestId('point-frozen'), /Frozen on device-1/, 'and so does its name');
    await visit('#/points');
    const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'offer' }) });
    await says(row, /Frozen on device-1.*Since .*squared error/s, 'and the list of points');
    await row.getByRole('button', { name: 'Thaw offer' }).click();
    await byTestId('confirm-thaw').click();
    await page.getByText('A reason is required.').waitFor();
    await byTestId('reason-input').fill('labels are right again');
    await byTestId('confirm-thaw').click();
    await says(row, /Learning/, 'it learns again');
    await visit('#/points/offer');
    await says(byTestId('point-mode'), /Learning/, 'its page says so too');
    await band.waitFor({ state: 'detached' });
    const { report } = (await call('GET', '/v1/points/offer/report')) as ReportAnswer;
    expect(report.validation?.frozen).toEqual([]);
    expect(await call('GET', '/v1/audit')).toContainEqual(
      expect.objectContaining({ action: 'thaw', target: 'offer', reason: 'labels are right again' }),
    );
  });

  test('every page fits a phone', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const hash of [
      '#/experiments',
      '#/experiments/headline/longer',
      '#/experiments/ranking/rollout',
      '#/evaluate',
      '#/models',
      '#/points/banner',
      '#/points/offer',
    ]) {
      await visit(hash);
      await page.locator('main .panel').first().waitFor();
      const overflow = await page.evaluate('document.documentElement.scrollWidth - window.innerWidth');
      expect({ hash, overflow: Number(overflow) <= 0 }).toEqual({ hash, overflow: true });
    }
  });

  test('nothing was ever logged as an error or a warning', () => {
    expect(complaints).toEqual([]);
  });
});
