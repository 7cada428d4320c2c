import type { GanglionNode } from '@ganglion/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hostNode } from './host/host-node.ts';
import { buildServer } from './http/server.ts';
import { ARMS, KEPT, POINTS, pointHistory } from './point-history.ts';
import { call, problem } from './testing/calls.ts';
import { CHECKOUT, startNode } from './testing/node.ts';

const NAME = CHECKOUT.point;
let node: GanglionNode;
beforeAll(async () => {
  node = await startNode([CHECKOUT]);
});
afterAll(() => node.close());

const BY = { name: 'test', authority: 'cloud' };
const wide = (point: string, arms: number) => ({
  point,
  arms: Array.from({ length: arms }, (_, i) => `arm-${i}`),
  fallback: 'arm-0',
  policy: { kind: 'split' as const },
});

describe('the history of a point', () => {
  it('is what its reports said, by the clock of the daemon', async () => {
    let nowMs = 1_000;
    const history = pointHistory(node, () => nowMs);
    await history.sample();
    for (let i = 0; i < 7; i++) node.decide(NAME, { context: {} });
    nowMs = 4_000;
    await history.sample();
    nowMs = 4_500;
    const { arms, samples, ...rest } = history.of(NAME);
    const report = node.report(NAME);
    expect(rest).toEqual({ point: NAME, nowMs: 4_500, stepMs: 3_000 });
    expect(arms).toEqual(report.arms.map(({ arm }) => arm));
    expect(samples.map(({ atMs }) => atMs)).toEqual([1_000, 4_000]);
    expect(samples[0].decisions.every((n) => n === 0)).toBe(true);
    expect(samples[1].decisions).toEqual(report.arms.map(({ decisions }) => decisions));
    expect(samples[1].decisions.reduce((sum, n) => sum + n, 0)).toBe(7);
    history.close();
  });

  it('is bounded in samples, arms and points, and knows nothing of what is gone', async () => {
    const crowded = await startNode([CHECKOUT]);
    let nowMs = 0;
    const history = pointHistory(crowded, () => nowMs++);
    for (let i = 0; i < KEPT + 5; i++) await history.sample();
    const { samples } = history.of(NAME);
    expect([samples.length, samples.at(-1)?.atMs]).toEqual([KEPT, KEPT + 4]);
    await crowded.apply(wide('widest', ARMS), BY);
    await crowded.apply(wide('too-wide', ARMS + 1), BY);
    for (let i = 0; i < POINTS; i++) await crowded.apply(wide(`many-${i}`, 2), BY);
    await history.sample();
    expect(history.of('widest').samples).toHaveLength(1);
    expect(history.of('too-wide').samples).toEqual([]);
    expect(history.of(`many-${POINTS - 1}`).samples).toEqual([]);
    await crowded.remove('widest', BY, 'gone');
    await history.sample();
    expect(history.of('widest').samples).toEqual([]);
    history.close();
    await crowded.close();
  });

  it('leaves out a point whose report fails, and goes on', async () => {
    const report = (point: string) => {
      if (point === 'failing') throw new Error('a bug');
      return node.report(NAME);
    };
    const points = () => ['failing', NAME].map((point) => ({ spec: { ...CHECKOUT, point }, version: 1 }));
    const point = () => points()[0];
    const history = pointHistory({ ...node, report, points, point }, () => 0);
    await history.sample();
    expect(history.of('failing').samples).toEqual([]);
    expect(history.of(NAME).samples).toHaveLength(1);
    history.close();
  });

  it('takes a tenth of the time at most, however long a report takes, and is no longer than a quarter of an hour', async () => {
    let nowMs = 0;
    let restedMs = 0;
    const report = () => {
      nowMs += 40;
      return node.report(NAME);
    };
    const points = () => ['a', 'b', 'c'].map((point) => ({ spec: { ...CHECKOUT, point }, version: 1 }));
    const rest = async (ms: number) => {
      restedMs += ms;
      nowMs += ms;
    };
    const pace = { monotonicMs: () => nowMs, rest };
    const history = pointHistory({ ...node, report, points, point: () => points()[0] }, () => nowMs, pace);
    await history.sample();
    expect(restedMs).toBeGreaterThanOrEqual(2 * 40 * 9);
    expect(history.of('c').samples).toHaveLength(1);
    nowMs += 2 * KEPT * 3_000;
    await history.sample();
    expect(history.of('c').samples).toHaveLength(1);
    history.close();
  });

  it('begins anew with other arms, whose counters stand in other places', async () => {
    const other = await startNode([wide('changing', 2)]);
    const history = pointHistory(other, () => 0);
    await history.sample();
    await history.sample();
    expect(history.of('changing').samples).toHaveLength(2);
    await other.apply(wide('changing', 3), BY);
    await history.sample();
    expect(history.of('changing')).toMatchObject({ arms: ['arm-0', 'arm-1', 'arm-2'] });
    expect(history.of('changing').samples).toHaveLength(1);
    history.close();
    await other.close();
  });
});

describe('the text of a history', () => {
  it('is that of its answer, and its samples are written once, however often it is asked for', async () => {
    let nowMs = 1_000;
    const history = pointHistory(node, () => nowMs++);
    expect(JSON.parse(history.textOf('nowhere'))).toEqual({ ...history.of('nowhere'), nowMs: nowMs - 2 });
    for (let round = 0; round < 3; round++) {
      await history.sample();
      const { samples } = history.of(NAME);
      expect(samples).toHaveLength(round + 1);
      expect(JSON.parse(history.textOf(NAME)).samples).toEqual(samples);
      const write = vi.spyOn(JSON, 'stringify');
      const again = JSON.parse(history.textOf(NAME));
      const written = write.mock.results.map(({ value }) => String(value));
      write.mockRestore();
      expect(written.filter((text) => text.includes('"atMs"'))).toEqual([]);
      expect(again).toEqual({ ...history.of(NAME), nowMs: nowMs - 2 });
    }
    history.close();
  });
});

describe('GET /v1/points/{point}/history', () => {
  it('answers with what is kept, and refuses a point that is not there', async () => {
    const app = await buildServer({ nodes: [node], limits: { actionsPerSecond: 0 } });
    expect((await call(app, 'GET', `/v1/points/${NAME}/history`)).json).toMatchObject({
      point: NAME,
      stepMs: 3_000,
      samples: [],
    });
    const refused = problem(await call(app, 'GET', '/v1/points/nowhere/history'));
    expect(refused).toMatchObject({ status: 404, code: 'unknown_point' });
    await app.close();
  });

  it('is never that of another node than the one that is asked for', async () => {
    const below = await hostNode({ name: 'eu', tier: 'region', root: true });
    await below.apply(CHECKOUT, { name: 'test', authority: 'eu' });
    const app = await buildServer({ nodes: [node, below] });
    const path = `/v1/points/${NAME}/history`;
    await vi.waitFor(async () => expect((await call(app, 'GET', path)).json.samples).not.toEqual([]), 60_000);
    expect((await call(app, 'GET', `${path}?node=cloud`)).json.samples).not.toEqual([]);
    expect((await call(app, 'GET', `${path}?node=eu`)).json).toMatchObject({ arms: [], samples: [] });
    expect(problem(await call(app, 'GET', `${path}?node=nobody`))).toMatchObject({ code: 'unknown_node' });
    await app.close();
    await below.close();
  }, 90_000);
});
