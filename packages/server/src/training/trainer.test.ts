import { afterEach, describe, expect, it } from 'vitest';
import { artifactStore } from '../host/artifact-store.ts';
import { buildServer } from '../http/server.ts';
import { createLogger } from '../log.ts';
import { call } from '../testing/calls.ts';
import { testFolder } from '../testing/folder.ts';
import { startNode } from '../testing/node.ts';
import { type ModelPlan, planOf } from './plan.ts';
import type { RunResult } from './run.ts';
import { startTrainer, type Trainer } from './trainer.ts';

const HOUR = 3_600_000;
const command = { command: ['true'], timeout: '10m' };
const model = (shares: string[], more: object = {}) => ({
  point: 'p',
  cadence: 'daily',
  shares,
  train: command,
  ...more,
});

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** A trainer under a clock that is moved by hand; its runs take as long as they are told to. */
async function world(models: Record<string, object>) {
  const node = await startNode([
    {
      point: 'p',
      arms: ['a', 'b'],
      fallback: 'a',
      policy: { kind: 'split' },
      objective: { success: 1 },
      attribution: { window: '1h' },
    },
  ]);
  let ms = 1_700_000_000_000 - (1_700_000_000_000 % (24 * HOUR));
  const runs: { model: string; startMs: number; endMs: number; why?: string }[] = [];
  const running = new Map<string, (result: RunResult) => void>();
  let hold = false;
  let broken: Error | undefined;
  const folder = testFolder();
  const done: RunResult = { outcome: 'promoted', version: 'v', why: 'better', verdict: null };
  const trainer: Trainer = startTrainer({
    plan: planOf({ window: '1h', models }, folder),
    nodes: [node],
    artifacts: artifactStore(folder),
    dataDir: folder,
    logger: createLogger('silent'),
    nowMs: () => ms,
    run: (plan: ModelPlan, startMs, endMs) => {
      runs.push({ model: plan.model, startMs, endMs });
      if (broken !== undefined) return Promise.reject(broken);
      if (!hold) return Promise.resolve(done);
      return new Promise((resolve) => running.set(plan.model, resolve));
    },
  });
  open.push(node, trainer);
  return {
    node,
    trainer,
    runs,
    now: () => ms,
    hold: () => {
      hold = true;
    },
    breaks: (error: Error | undefined) => {
      broken = error;
    },
    end: async (name: string) => {
      running.get(name)?.(done);
      running.delete(name);
      await Promise.resolve();
      await Promise.resolve();
    },
    async pass(more: number, step = 60_000) {
      for (const until = ms + more; ms < until; ) {
        ms += step;
        trainer.tick();
        await Promise.resolve();
        await Promise.resolve();
      }
    },
  };
}

const window = (startMs: number): number => Math.floor(startMs / HOUR);

describe('scheduled runs', () => {
  it('come once a day for each, and never two that share in one window', async () => {
    const models = Object.fromEntries(
      ['m1', 'm2', 'm3', 'm4', 'm5', 'm6'].map((name, i) => [name, model([i < 3 ? 'orders' : 'clicks'])]),
    );
    const { runs, pass } = await world(models);
    await pass(5 * 24 * HOUR);
    for (const name of Object.keys(models)) {
      const own = runs.filter((each) => each.model === name);
      expect(own.length).toBeGreaterThanOrEqual(4);
      expect(own.length).toBeLessThanOrEqual(5);
      for (const { startMs, endMs } of own) {
        expect(window(startMs)).toBe(window(endMs - 1));
        expect(endMs - startMs).toBeGreaterThanOrEqual(600_000);
      }
    }
    // All learn from one log: none shares a window with any other.
    expect(new Set(runs.map(({ startMs }) => window(startMs))).size).toBe(runs.length);
  });

  it('are left out, and counted, where the machine slept through them', async () => {
    const { runs, trainer, pass } = await world({ m: model([]) });
    await pass(48 * HOUR, 24 * HOUR + 1);
    const [{ missed }] = trainer.status();
    expect(missed + runs.length).toBeGreaterThanOrEqual(1);
    expect(missed).toBeGreaterThan(0);
  });
});

describe('a run that is asked for', () => {
  it('begins at once where the window is free', async () => {
    const { runs, trainer, now } = await world({ m: model([]) });
    const answer = trainer.retrain('m', 'ada: try');
    expect(answer).toMatchObject({ model: 'm', startMs: now(), running: true });
    await trainer.idle();
    expect(runs).toHaveLength(1);
    expect(trainer.status()[0].last).toMatchObject({ outcome: 'promoted', asked: 'ada: try' });
  });

  it('waits for a window that no other which shares with it has, is in, or has been given', async () => {
    const { runs, trainer, pass, hold, end } = await world({ m1: model([]), m2: model([]), m3: model([]) });
    hold();
    trainer.retrain('m1', 'r');
    const second = trainer.retrain('m2', 'r');
    const third = trainer.retrain('m3', 'r');
    expect(second.running || third.running).toBe(false);
    expect(second.windowMs).not.toBe(third.windowMs);
    await end('m1');
    for (let i = 0; i < 60; i++) {
      await pass(HOUR);
      for (const name of ['m1', 'm2', 'm3']) await end(name);
    }
    expect(new Set(runs.map(({ startMs }) => window(startMs))).size).toBe(runs.length);
  });

  it('is one, however often it is asked for before it begins', async () => {
    const { runs, trainer, hold, end, pass } = await world({ m1: model([]), m2: model([]) });
    hold();
    trainer.retrain('m1', 'r');
    const first = trainer.retrain('m2', 'r');
    expect(trainer.retrain('m2', 'again').startMs).toBe(first.startMs);
    await end('m1');
    await pass(first.startMs - Date.now() > 0 ? HOUR : 2 * HOUR);
    expect(runs.filter((each) => each.model === 'm2').length).toBeLessThanOrEqual(1);
  });

  it('that breaks is a failed one, and the next is as any other', async () => {
    const { trainer, runs, breaks } = await world({ m: model([]) });
    breaks(new Error('no room'));
    trainer.retrain('m', 'r');
    await trainer.idle();
    expect(trainer.status()[0]).toMatchObject({
      state: 'waiting',
      last: { outcome: 'failed', why: 'no room', version: null },
    });
    breaks(undefined);
    trainer.retrain('m', 'r');
    await trainer.idle();
    expect(runs).toHaveLength(2);
    expect(trainer.status()[0].last).toMatchObject({ outcome: 'promoted' });
  });

  it('is in the audit where it came over HTTP, by whom and why; one that is refused is not', async () => {
    const { node, trainer, runs } = await world({ m: model([]) });
    const app = await buildServer({ nodes: [node], trainer });
    open.push(app);
    expect((await call(app, 'POST', '/v1/models/x/retrain', { reason: 'typo' })).status).toBe(404);
    expect((await call(app, 'POST', '/v1/models/m/retrain', { reason: 'new prices' })).status).toBe(202);
    await trainer.idle();
    expect(runs).toHaveLength(1);
    const asked = node.audit().filter(({ action }) => action === 'model.retrain');
    expect(asked).toMatchObject([{ target: 'm', reason: 'new prices', by: expect.any(String) }]);
  });

  it('is refused for a model that is not in the plan', async () => {
    const { trainer } = await world({ m: model([]) });
    expect(() => trainer.retrain('x', 'r')).toThrow(/no model x/);
  });
});

describe('an alarm asks for a run', () => {
  it('when the audit says that the learner decayed', async () => {
    const { node, trainer, runs } = await world({
      m: model([], { triggers: { audit: ['point.reweigh', 'reset'] } }),
    });
    await node.reset({ point: 'p', reason: 'prices changed', by: { name: 'ada', authority: '*' } });
    expect(runs).toHaveLength(1);
    await trainer.idle();
    expect(trainer.status()[0].last?.asked).toBe('reset on cloud: prices changed');
  });

  it('when a detector finds that outcomes have drifted', async () => {
    const { node, trainer, runs } = await world({
      m: model([], {
        triggers: { drift: { metric: 'success', from: 0.9, to: 0.5, falseAlarmEvery: 10_000 } },
      }),
    });
    const tell = async (n: number, rate: number): Promise<void> => {
      for (let i = 0; i < n; i++) {
        const { id } = node.decide('p', {});
        await node.feedback([{ id, metrics: { success: (i * 7) % 10 < rate * 10 ? 1 : 0 } }]);
      }
    };
    await tell(300, 0.9);
    expect(runs).toHaveLength(0);
    await tell(60, 0.4);
    expect(runs.length).toBeGreaterThan(0);
    await trainer.idle();
    expect(trainer.status()[0].last?.asked).toMatch(/success on cloud: the rate moved/);
  });
});

describe('a plan', () => {
  it.each([
    ['an unknown key', { models: { m: model([], { cadance: 'daily' }) } }, 'models.m.cadance'],
    ['a cadence that there is not', { models: { m: model([], { cadence: 'hourly' }) } }, 'models.m.cadence'],
    ['no command', { models: { m: model([], { train: {} }) } }, 'models.m.train.command'],
    [
      'a step that does not fit its window',
      { models: { m: model([], { train: { ...command, timeout: '2h' } }) } },
      'models.m.train.timeout',
    ],
    ['windows that do not divide a day', { window: '7h', models: {} }, 'window'],
  ])('with %s is refused', (_what, plan, field) => {
    expect(() => planOf(plan, '/')).toThrow(expect.objectContaining({ code: 'invalid_spec', field }));
  });
});
