import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openTables } from '@ganglion/adapters/parquet';
import type { LoggedDecision, PointSpec } from '@ganglion/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasTables } from '../testing/log-data.ts';
import { startNode } from '../testing/node.ts';
import { declaredCandidate } from './candidate.ts';
import type { DecisionLog } from './decision-log.ts';
import { evaluateLog } from './evaluate-log.ts';
import { pointLog, readNodeLogs } from './node-log.ts';
import { compactPartition, partitionsOf, readParquet, writeParquet } from './parquet-log.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ganglion-node-log-'));
const data = path.join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SPEC: PointSpec = {
  point: 'page',
  arms: ['red', 'blue'],
  fallback: 'red',
  context: { device: { type: 'category', values: ['phone', 'web'] } },
  policy: { kind: 'split' },
  guards: [{ kind: 'holdout', share: 0 }],
};

beforeAll(async () => {
  const node = await startNode([SPEC, { ...SPEC, point: 'other' }], data);
  for (let i = 0; i < 400; i++) {
    const { id, arm } = node.decide('page', {
      context: { device: i % 2 === 0 ? 'phone' : 'web' },
      unit: `u${i}`,
    });
    if (i % 4 !== 3) await node.feedback([{ id, reward: arm === 'blue' ? 1 : 0 }]);
  }
  node.decide('other', {});
  await node.close();
});

const evaluated = (log: DecisionLog, policy: unknown) => {
  const candidate = declaredCandidate(log, { policy }, 'c', { folds: 5, seed: 1 });
  const options = { level: 0.95, interval: 'normal', resamples: 100, seed: 1, folds: 5 } as const;
  const [{ value }] = evaluateLog(log, candidate, { ...options, estimators: ['snips'] }).estimates;
  return { value };
};

describe('the log of nodes in a folder', () => {
  test('is a point’s decisions with their outcomes', async () => {
    const [{ node, decisions }] = await readNodeLogs(data);
    expect([node, decisions.length]).toEqual(['cloud', 401]);
    const log = pointLog(decisions, 'page', 'data');
    expect([log.rows, log.skipped, log.arms]).toEqual([300, { 'no outcome': 100 }, ['red', 'blue']]);
    expect([...new Set(log.propensity)]).toEqual([0.5]);
    expect(new Set(log.context.get('device') as string[])).toEqual(new Set(['phone', 'web']));
    expect(log.reward.every((r, i) => r === log.arm[i])).toBe(true);
  });

  test('leaves out decisions that their stratum gave one arm: they speak of no other', async () => {
    const [{ decisions }] = await readNodeLogs(data);
    const pinned = decisions.map((decision, i) =>
      i % 10 === 0 ? { ...decision, stratum: 'experiment:x:red', propensity: 1 } : decision,
    );
    const before = pointLog(decisions, 'page', 'data');
    const log = pointLog(pinned, 'page', 'data');
    const left = pinned.filter(({ point, stratum }) => point === 'page' && stratum !== '').length;
    expect(log.skipped['pinned by their stratum']).toBe(left);
    expect(log.rows + (log.skipped['no outcome'] ?? 0)).toBe(400 - left);
    expect(new Set(log.propensity)).toEqual(new Set(before.propensity));
  });

  test('keeps a stratum whole in which the policy is sure of some contexts only', async () => {
    const [{ decisions }] = await readNodeLogs(data, { point: 'page' });
    const sure = ({ context }: LoggedDecision): boolean => context.device === 'phone';
    const learned = decisions.map((decision) => ({
      ...decision,
      stratum: 'experiment:x:learned',
      ...(sure(decision) ? { arm: 'red', propensity: 1 } : {}),
    }));
    const log = pointLog(learned, 'page', 'data');
    expect(log.skipped).toEqual({ 'no outcome': 100 });
    expect(log.propensity.filter((p) => p === 1)).toHaveLength(200);
    const { value } = evaluated(log, { kind: 'fixed', arm: 'red' });
    const plain = learned.map((decision) => ({ ...decision, stratum: '' }));
    expect(value).toBe(evaluated(pointLog(plain, 'page', 'data'), { kind: 'fixed', arm: 'red' }).value);
  });

  test('judges a stratum anew under each declaration, but not by a handful of decisions', async () => {
    const [{ decisions }] = await readNodeLogs(data, { point: 'page' });
    const stratum = 'experiment:x:late';
    // Pinned for 200 decisions, then the policy as it is, and once more declared for the last three.
    const log = pointLog(
      decisions.map((decision, i) => ({
        ...decision,
        stratum,
        specVersion: i < 200 ? 1 : i < 397 ? 2 : 3,
        propensity: i < 200 || i >= 397 || decision.context.device === 'phone' ? 1 : 0.5,
        reward: 1,
      })),
      'page',
      'data',
    );
    expect(log.skipped).toEqual({ 'pinned by their stratum': 200 });
  });

  test('names the points where none is named, or an unknown one', async () => {
    const [{ decisions }] = await readNodeLogs(data);
    expect(() => pointLog(decisions, undefined, 'data')).toThrow(/several points/);
    expect(() => pointLog(decisions, 'none', 'data')).toThrow(
      expect.objectContaining({ code: 'unknown_point', mend: 'There are: other, page.' }),
    );
    await expect(readNodeLogs(path.join(folder, 'nothing'))).rejects.toMatchObject({
      code: 'invalid_input',
      field: '--data',
    });
  });

  test('is read while another process writes it, and that one is not disturbed', async () => {
    const live = path.join(folder, 'live');
    const here = new URL('../testing/busy-node.ts', import.meta.url).pathname;
    const reader = new URL('../main.ts', import.meta.url).pathname;
    const candidate = path.join(folder, 'candidate.yaml');
    writeFileSync(candidate, 'policy: { kind: fixed, arm: blue }\n');
    const out = execFileSync(
      process.execPath,
      ['--conditions=source', here, live, process.execPath, '--conditions=source', reader, 'evaluate'].concat(
        ['--data', live, '--policy', candidate, '--json'],
      ),
      { encoding: 'utf8' },
    );
    const { evaluated, decided } = JSON.parse(out);
    expect(evaluated.every((n: number) => n > 100)).toBe(true);
    expect(evaluated.at(-1)).toBeGreaterThan(evaluated[0]);
    expect(decided).toBeGreaterThanOrEqual(evaluated.at(-1));
  }, 60_000);
});

describe.skipIf(!hasTables)('the log as Parquet', () => {
  test('is the same when it is read again, exported twice and compacted', async () => {
    const out = path.join(folder, 'parquet');
    const [{ decisions }] = await readNodeLogs(data);
    const tables = await openTables({ threads: 1 });
    try {
      for (const node of ['cloud', 'cloud', 'copy']) await writeParquet(tables, out, node, decisions, 1);
      const plain = (list: typeof decisions) =>
        list
          .map((d) => ({ ...d, context: { ...d.context }, metrics: { ...d.metrics } }))
          .sort((a, b) => (a.id < b.id ? -1 : 1));
      expect(plain(await readParquet(tables, out, undefined))).toEqual(plain(decisions));
      expect(await readParquet(tables, out, 'other')).toHaveLength(1);
      const partitions = partitionsOf(out);
      expect(new Set(partitions.map(({ point }) => point))).toEqual(new Set(['page', 'other']));
      expect(partitions[0].files).toEqual(['cloud-0.parquet', 'copy-0.parquet']);
      for (const partition of partitions) await compactPartition(tables, partition);
      expect(readdirSync(partitions[0].folder)).toEqual(['all.parquet']);
      expect(plain(await readParquet(tables, out, undefined))).toEqual(plain(decisions));
    } finally {
      tables.close();
    }
  });

  test('a newer row of a decision counts', async () => {
    const out = path.join(folder, 'newer');
    const [{ decisions }] = await readNodeLogs(data, { point: 'other' });
    const tables = await openTables({ threads: 1 });
    try {
      await writeParquet(tables, out, 'late', [{ ...decisions[0], reward: 1 }], 2);
      await writeParquet(tables, out, 'early', decisions, 1);
      expect((await readParquet(tables, out, 'other')).map(({ reward }) => reward)).toEqual([1]);
    } finally {
      tables.close();
    }
  });
});
