import { describe, expect, test } from 'vitest';
import type { PointSpec } from '../decision/spec.ts';
import { type Stream, stream } from '../stats/random.ts';
import type { ExperimentReport } from '../status.ts';
import { byHand, drawnFrom, type HandNode, handNode, me, turns } from '../testing/hand-node.ts';
import { type MemoryDisk, memoryDisk } from '../testing/index.ts';

const WINDOW_MS = 1000;
const TRUE_MEAN = 0.5;

/** More decisions are open in a window than `pending` has room for. */
const point = (more: Partial<PointSpec> = {}): PointSpec => ({
  point: 'p',
  arms: ['a', 'b'],
  fallback: 'a',
  policy: { kind: 'thompson' },
  objective: { success: 1 },
  attribution: { window: WINDOW_MS, default: { success: 0 } },
  oversight: { lease: 'none' },
  pending: 256,
  guards: [
    {
      kind: 'experiment',
      name: 'copy',
      variants: { control: { arm: 'a' }, treatment: { arm: 'b' } },
      metrics: ['success'],
    },
  ],
  ...more,
});

/** After how long an outcome comes, ms; `undefined`: never. */
type Delay = (good: boolean, arm: string, random: Stream) => number | undefined;

/** Good outcomes come soon, bad ones are what is left when the window closes. */
const silentFailures: Delay = (good, _arm, random) => (good ? 50 + 200 * random.next() : undefined);
/** In one variant bad outcomes come late, in the other like good ones. */
const lateInOne: Delay = (good, arm, random) => (good || arm === 'a' ? 50 : 700) + 200 * random.next();

class Run {
  readonly hand = byHand();
  node!: HandNode;
  made = 0;
  readonly random: Stream;
  private readonly due: { readonly id: string; readonly good: boolean; readonly atMs: number }[] = [];
  private readonly disk: MemoryDisk | undefined;

  constructor(seed: number, disk?: MemoryDisk) {
    this.random = stream(seed, 11);
    this.disk = disk;
  }

  async start(): Promise<void> {
    const { hand, disk, random } = this;
    this.node = await handNode({ hand, disk, chance: drawnFrom(random), tuning: { restartGraceMs: 100 } });
  }

  /** `each` decisions every 10 ms, for so long; every outcome is sent when it is due. */
  async pass(forMs: number, each: number, delay: Delay): Promise<void> {
    for (const endMs = this.hand.ms + forMs; this.hand.ms < endMs; ) {
      for (let i = 0; i < each; i++) {
        const { id, arm } = this.node.decide('p', { unit: `u${this.made++}` });
        const good = this.random.next() < TRUE_MEAN;
        const afterMs = delay(good, arm as string, this.random);
        if (afterMs !== undefined) this.due.push({ id, good, atMs: this.hand.ms + afterMs });
      }
      this.hand.ms += 10;
      const now = this.due.filter(({ atMs }) => atMs <= this.hand.ms);
      const later = this.due.filter(({ atMs }) => atMs > this.hand.ms);
      this.due.splice(0, this.due.length, ...later);
      await this.node.feedback(now.map(({ id, good }) => ({ id, metrics: { success: good ? 1 : 0 } })));
      this.node.tick();
      if (this.disk !== undefined) await turns();
    }
  }
}

interface Found {
  readonly report: ExperimentReport;
  readonly thinned: number;
  readonly made: number;
}

async function measured(seed: number, delay: Delay, spec = point(), each = 20): Promise<Found> {
  const run = new Run(seed);
  await run.start();
  await run.node.apply(spec, me);
  await run.pass(3000, each, delay);
  await run.pass(2 * WINDOW_MS, 0, delay);
  const report = run.node.report('p');
  return { report: report.experiments[0], thinned: report.thinned ?? 0, made: run.made };
}

async function overSeeds(delay: Delay, spec?: PointSpec): Promise<Found[]> {
  const all: Found[] = [];
  for (let seed = 1; seed <= 60; seed++) all.push(await measured(seed, delay, spec));
  return all;
}

/** How many standard errors of its own the mean of these is from `truth`. */
function errorsFrom(truth: number, values: readonly number[]): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return (mean - truth) / Math.sqrt(squares / (values.length - 1) / values.length);
}

const meansOf = (all: readonly Found[], variant: number): number[] =>
  all.map(({ report }) => report.metrics[0].variants[variant].mean.mean as number);

describe('an experiment with more decisions in a window than there is room for', () => {
  test('measures what is true where failures are silent, and says how many it did not count', async () => {
    const all = await overSeeds(silentFailures);
    for (const variant of [0, 1])
      expect(Math.abs(errorsFrom(TRUE_MEAN, meansOf(all, variant)))).toBeLessThan(4);
    for (const { report, thinned, made } of all) {
      const counted = report.variants.reduce((sum, each) => sum + each.counted, 0);
      expect(counted).toBeGreaterThan(100);
      expect(counted + thinned).toBe(made);
    }
    const covers = all
      .flatMap(({ report }) => report.metrics[0].variants)
      .filter(({ mean }) => (mean.low as number) <= TRUE_MEAN && TRUE_MEAN <= (mean.high as number));
    expect(covers.length).toBeGreaterThanOrEqual(0.95 * 2 * all.length);
  });
  test('finds no difference where one variant only fails later', async () => {
    const all = await overSeeds(lateInOne);
    const apart = all.map((_, i) => meansOf(all, 1)[i] - meansOf(all, 0)[i]);
    expect(Math.abs(errorsFrom(0, apart))).toBeLessThan(4);
    expect(all.filter(({ report }) => report.decision !== 'keep going').length).toBeLessThanOrEqual(5);
  });

  test('measures what is true over restarts', async () => {
    const all: ExperimentReport[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const disk = memoryDisk();
      const run = new Run(seed, disk);
      await run.start();
      await run.node.apply(point(), me);
      for (let i = 0; i < 4; i++) {
        await run.pass(600, 20, silentFailures);
        disk.crash();
        await run.start();
      }
      await run.pass(2 * WINDOW_MS, 0, silentFailures);
      all.push(run.node.report('p').experiments[0]);
    }
    for (const variant of [0, 1]) {
      const means = all.map(({ metrics }) => metrics[0].variants[variant].mean.mean as number);
      expect(Math.abs(errorsFrom(TRUE_MEAN, means))).toBeLessThan(4);
    }
    for (const { variants } of all) expect(variants[0].counted + variants[1].counted).toBeGreaterThan(100);
  });

  test('counts nobody who was passed over, where it is started again just after a larger sample is kept', async () => {
    const counted = async (seed: number, restarts: boolean): Promise<number> => {
      const disk = memoryDisk();
      const run = new Run(seed, disk);
      await run.start();
      await run.node.apply(point(), me);
      await run.pass(1500, 4, silentFailures);
      // The windows of the last close: few are held by now.
      await run.pass(850 + 10 * (seed % 15), 0, silentFailures);
      if (restarts) {
        disk.crash();
        await run.start();
      }
      await run.pass(2 * WINDOW_MS, 0, silentFailures);
      const { variants } = run.node.report('p').experiments[0];
      return variants.reduce((sum, each) => sum + each.counted, 0);
    };
    for (let seed = 1; seed <= 15; seed++) {
      const whole = await counted(seed, false);
      expect(whole).toBeGreaterThan(100);
      expect(await counted(seed, true)).toBeLessThanOrEqual(whole);
    }
  });
});
