import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type RunningDaemon, startDaemon } from './daemon.ts';

/**
 * kill -9 of the real daemon at random moments under load. Whatever was acknowledged as joined is there afterwards,
 * and nothing is counted twice, although every item whose answer was lost is sent again.
 */
const ROUNDS = Number(process.env.GANGLION_CRASH_ROUNDS ?? 20);
const folder = mkdtempSync(join(tmpdir(), 'ganglion-crash-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const POINT = {
  point: 'crash',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson', reward: 'bernoulli' },
  objective: { success: 1, range: [0, 1] },
  attribution: { window: '1h' },
};

interface Ledger {
  /** Acknowledged as joined, or as a duplicate of what was. */
  readonly counted: Set<string>;
  /** Sent, with no answer yet: to be sent again. */
  readonly open: Map<string, { id: string; metrics: { success: number } }>;
  /** The decision itself was lost with the crash; its feedback was refused or stored unjoined. */
  lost: number;
}

test(
  `kill -9 at ${ROUNDS} random moments loses no acknowledged feedback and counts none twice`,
  async () => {
    const ledger: Ledger = { counted: new Set(), open: new Map(), lost: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const daemon = await startDaemon(['node', '--tier', 'cloud', '--name', 'crash', '--data', folder]);
      if (round === 0) expect((await daemon.call('PUT', '/v1/points/crash', POINT)).status).toBeLessThan(300);
      await resend(daemon, ledger);
      await expectExact(daemon, ledger);
      const dead = new Promise<void>((resolve) =>
        setTimeout(() => resolve(daemon.kill()), 20 + Math.random() * 300),
      );
      await Promise.all([load(daemon, ledger), load(daemon, ledger), load(daemon, ledger), dead]);
    }
    const daemon = await startDaemon(['node', '--tier', 'cloud', '--name', 'crash', '--data', folder]);
    await resend(daemon, ledger);
    await expectExact(daemon, ledger);
    expect(await daemon.stop()).toBe(0);
    expect(ledger.counted.size).toBeGreaterThan(ROUNDS * 5);
  },
  60_000 + ROUNDS * 20_000,
);

/** Decides and reports until the daemon is gone. */
async function load(daemon: RunningDaemon, ledger: Ledger): Promise<void> {
  for (;;) {
    try {
      const decided = await daemon.call('POST', '/v1/points/crash/decide', new Array(8).fill({}));
      const items = (decided.body as { id: string }[]).map(({ id }, i) => ({
        id,
        metrics: { success: i % 2 },
      }));
      for (const item of items) ledger.open.set(item.id, item);
      settle(ledger, items, await daemon.call('POST', '/v1/feedback', items));
    } catch {
      return;
    }
  }
}

async function resend(daemon: RunningDaemon, ledger: Ledger): Promise<void> {
  for (const item of [...ledger.open.values()])
    settle(ledger, [item], await daemon.call('POST', '/v1/feedback', [item]));
  expect(ledger.open.size).toBe(0);
}

/** Reads the answer: what is not rejected and not unjoined is counted. */
function settle(
  ledger: Ledger,
  items: readonly { id: string }[],
  answer: { status: number; body: unknown },
): void {
  if (answer.status >= 500) throw new Error(`feedback: ${answer.status} ${JSON.stringify(answer.body)}`);
  const { rejected = [], unjoined = 0 } = answer.body as { rejected?: { id: string }[]; unjoined?: number };
  const refused = new Set(rejected.map(({ id }) => id));
  for (const { id } of items) {
    ledger.open.delete(id);
    if (refused.has(id) || answer.status >= 400 || (items.length === 1 && unjoined > 0)) ledger.lost++;
    else ledger.counted.add(id);
  }
}

/** The evidence holds exactly what was acknowledged: nothing is lost, nothing counts twice. */
async function expectExact(daemon: RunningDaemon, ledger: Ledger): Promise<void> {
  const { body } = await daemon.call('GET', '/v1/points/crash/report');
  const { report } = body as { report: { pooled: { ownOutcomes: number } } };
  expect(report.pooled.ownOutcomes).toBe(ledger.counted.size);
}
