import type { HostedNode } from '@ganglion/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { artifactStore } from '../host/artifact-store.ts';
import { buildServer } from '../http/server.ts';
import { createLogger } from '../log.ts';
import { call } from '../testing/calls.ts';
import { testFolder } from '../testing/folder.ts';
import { startNode } from '../testing/node.ts';
import { type ModelPlan, planOf } from './plan.ts';
import { interruptedRun, type RunResult } from './run.ts';
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

interface World {
  readonly node: HostedNode;
  readonly folder: string;
  now(): number;
}

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** A trainer under a clock that is moved by hand; its runs take as long as they are told to. */
async function world(models: Record<string, object>, from?: World) {
  const node =
    from?.node ??
    (await startNode([
      {
        point: 'p',
        arms: ['a', 'b'],
        fallback: 'a',
        policy: { kind: 'split' },
        objective: { success: 1 },
        attribution: { window: '1h' },
      },
    ]));
  let ms = from?.now() ?? 1_700_000_000_000 - (1_700_000_000_000 % (24 * HOUR));
  const runs: { model: string; startMs: number; endMs: number; why?: string }[] = [];
  const running = new Map<string, (result: RunResult) => void>();
  let hold = false;
  let broken: Error | undefined;
  const folder = from?.folder ?? testFolder();
  const done: RunResult = { outcome: 'promoted', version: 'v', why: 'better', verdict: null };
  const trainer: Trainer = startTrainer({
    plan: planOf({ window: '1h', models }, folder),
    nodes: [node],
    artifacts: artifactStore(folder),
    dataDir: folder,
    logger: createLogger('silent'),
    nowMs: () => ms,
    run: (plan: ModelPlan, startMs, endMs, stopping) => {
      runs.push({ model: plan.model, startMs, endMs });
      if (broken !== undefined) return Promise.reject(broken);
      if (!hold) return Promise.resolve(done);
      return new Promise((resolve) => {
        running.set(plan.model, resolve);
        stopping.addEventListener('abort', () => resolve(interruptedRun()));
      });
    },
  });
  if (from === undefined) open.push(node);
  open.push(trainer);
  return {
    node,
    trainer,
    runs,
    folder,
    now: () => ms,
    /** The daemon is away for so long. */
    sleep: (more: number) => {
      ms += more;
    },
    hold: () => {
      hold = true;
    },
    breaks: (error: Error | undefined) => {
      broken = error;
    },
    end: async (name: string) => {
      running.get(name)?.(done);
      if (running.delete(name))
        await vi.waitFor(
          () => expect(trainer.status().find((each) => each.model === name)?.state).toBe('waiting'),
          { timeout: 20_000, interval: 5 },
        );
    },
    async pass(more: number, step = 60_000) {
      for (const until = ms + more; ms < until; ) {
        ms += step;
        trainer.tick();
        await trainer.saved();
        if (!hold) await trainer.idle();
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

/** What the audit says of runs: by whom, what, and why. */
const entriesOf = ({ node }: World): string[] =>
  node
    .audit()
    .filter(({ action }) => action.startsWith('model.train.'))
    .map(({ by, action, target, reason }) => `${by} ${action} ${target}: ${reason}`)
    .reverse();

describe('every run is in the audit', () => {
  it('whoever asked for it, and whatever came of it', async () => {
    const at = await world({ m: model([]) });
    at.breaks(new Error('no data'));
    at.trainer.retrain('m', 'ada: new prices', 'ada');
    await at.trainer.idle();
    await at.pass(25 * HOUR);
    at.breaks(undefined);
    at.trainer.retrain('m', 'ada: mended', 'ada');
    await at.trainer.idle();
    const said = entriesOf(at);
    expect(said).toHaveLength(3);
    expect(said).toEqual(
      expect.arrayContaining([
        'ada model.train.failed m: no data (ada: new prices)',
        'schedule model.train.failed m: no data (daily window)',
        'ada model.train.promoted m: v: better (ada: mended)',
      ]),
    );
    expect(at.trainer.status()[0].last).toMatchObject({ by: 'ada', outcome: 'promoted' });
  });

  it('also one that an alarm asked for', async () => {
    const at = await world({ m: model([], { triggers: { audit: ['reset'] } }) });
    at.breaks(new Error('no data'));
    await at.node.reset({ point: 'p', reason: 'prices changed', by: { name: 'ada', authority: '*' } });
    await at.trainer.idle();
    expect(entriesOf(at)).toEqual(['alarm model.train.failed m: no data (reset on cloud: prices changed)']);
  });
});

describe('a restart', () => {
  it('knows the last run, and does not repeat its window', async () => {
    const at = await world({ m: model([]) });
    await at.pass(48 * HOUR);
    const [before] = at.trainer.status();
    expect(before.last).toMatchObject({ outcome: 'promoted' });
    // Into the window of its run, which is over: nothing is to be done in it again.
    const again = window(before.next.startMs);
    while (window(at.now()) < again || at.runs.every(({ startMs }) => window(startMs) !== again))
      await at.pass(60_000);
    const ran = at.trainer.status();
    await at.trainer.close();
    const back = await world({ m: model([]) }, at);
    expect(back.trainer.status()).toEqual(ran);
    await back.pass(HOUR);
    expect(back.runs).toEqual([]);
    await back.pass(24 * HOUR);
    expect(back.runs).toHaveLength(1);
  });

  it('forgets none: a window in whose time it comes back has its run, those that have passed are counted', async () => {
    const at = await world({ m: model([]) });
    const [{ next }] = at.trainer.status();
    await at.trainer.saved();
    await at.trainer.close();
    // Away from before the window until after the run should have begun, three days later.
    at.sleep(next.startMs + 60_000 - at.now());
    const back = await world({ m: model([]) }, at);
    await back.pass(60_000);
    expect(back.runs.map(({ startMs }) => window(startMs))).toEqual([window(next.startMs)]);
    await back.trainer.close();
    back.sleep(3 * 24 * HOUR + HOUR);
    const later = await world({ m: model([]) }, back);
    expect(later.trainer.status()[0]).toMatchObject({ missed: 3, last: { outcome: 'promoted' } });
  });

  it('keeps what was asked for', async () => {
    const models = { m1: model([]), m2: model([]) };
    const at = await world(models);
    at.hold();
    at.trainer.retrain('m1', 'r');
    const asked = at.trainer.retrain('m2', 'bob: try', 'bob');
    expect(asked.running).toBe(false);
    await at.trainer.close();
    const back = await world(models, at);
    expect(back.trainer.status()[1].next).toMatchObject({ startMs: asked.startMs, why: 'bob: try' });
    await back.pass(asked.startMs - back.now() + 60_000);
    expect(back.trainer.status()[1].last).toMatchObject({ asked: 'bob: try', by: 'bob' });
  });

  it('says what a clean stop has interrupted, and runs it at its next window', async () => {
    const at = await world({ m: model([]) });
    at.hold();
    at.trainer.retrain('m', 'ada: try', 'ada');
    await at.trainer.saved();
    await at.trainer.close();
    expect(() => at.trainer.retrain('m', 'r')).toThrow(expect.objectContaining({ code: 'closed' }));
    const back = await world({ m: model([]) }, at);
    const [status] = back.trainer.status();
    expect(status).toMatchObject({ state: 'waiting', last: { outcome: 'interrupted', by: 'ada' } });
    await back.pass(status.next.startMs - back.now());
    expect(back.runs).toHaveLength(1);
    expect(entriesOf(back)[0]).toBe(
      'ada model.train.interrupted m: the daemon stopped while it ran (ada: try)',
    );
  });

  it('says what the end of the process has interrupted, once', async () => {
    const at = await world({ m: model([]) });
    at.hold();
    at.trainer.retrain('m', 'ada: try', 'ada');
    await at.trainer.saved();
    // Nothing more is said by the first: it is gone.
    const back = await world({ m: model([]) }, at);
    await back.trainer.idle();
    expect(back.trainer.status()[0].last).toMatchObject({ outcome: 'interrupted', atMs: at.now() });
    await back.trainer.close();
    const third = await world({ m: model([]) }, at);
    await third.trainer.idle();
    expect(entriesOf(third)).toEqual([
      'ada model.train.interrupted m: the daemon stopped while it ran (ada: try)',
    ]);
  });
});

describe('an alarm asks for a run', () => {
  it('when the audit says that the learner decayed', async () => {
    const { node, trainer, runs } = await world({
      m: model([], { triggers: { audit: ['point.reweigh', 'reset'] } }),
    });
    await node.reset({ point: 'p', reason: 'prices changed', by: { name: 'ada', authority: '*' } });
    await trainer.idle();
    expect(runs).toHaveLength(1);
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
    await trainer.idle();
    expect(runs.length).toBeGreaterThan(0);
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
