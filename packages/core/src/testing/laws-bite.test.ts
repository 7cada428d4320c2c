import { describe, expect, it } from 'vitest';
import type { Aggregator } from '../aggregator.ts';
import type { Detector } from '../detector.ts';
import { cusum } from '../detectors/cusum.ts';
import { type WeightedMeanState, weightedMean } from '../federated/weighted-mean.ts';
import { type Guard, PASS, type Verdict } from '../guard.ts';
import { type Kernels, scalarKernels } from '../kernels.ts';
import { type Moments, type MomentsEvidence, W } from '../learners/moments.ts';
import { thompson } from '../policies/thompson.ts';
import type { Policy } from '../policy.ts';
import { stream } from '../stats/random.ts';
import { aggregatorLaws } from './aggregator-laws.ts';
import { detectorLaws } from './detector-laws.ts';
import { evidenceLaws } from './evidence-laws.ts';
import { guardLaws } from './guard-laws.ts';
import { kernelLaws } from './kernel-laws.ts';
import type { Law } from './law.ts';
import { momentsDifference, momentsSubject } from './moments-subject.ts';
import { policyLaws } from './policy-laws.ts';

// A law suite is worth what it catches: faults put in one at a time, each caught by the law named.
function caught(laws: readonly Law[], named?: string): string[] {
  const tried = named === undefined ? laws : laws.filter(({ law }) => law === named);
  return tried.filter(({ run }) => broken(run)).map(({ law }) => law);
}

function broken(run: Law['run']): boolean {
  for (let seed = 0; seed < 10; seed++)
    try {
      run(stream(seed, 5));
    } catch {
      return true;
    }
  return false;
}

describe('evidence laws catch', () => {
  const subject = momentsSubject(60_000, [-2, 1]);
  const good = subject.evidence as MomentsEvidence;
  const faults: readonly (readonly [string, Partial<MomentsEvidence>, string])[] = [
    [
      'landmarks that are not aligned',
      {
        add: (a, b) => good.add({ ...a, landmarkMs: 0 }, { ...b, landmarkMs: 0 }),
      },
      'zero adds nothing, from either side, and carries no prior',
    ],
    [
      'a prior in zero',
      {
        zero: () => {
          const prior = good.zero();
          good.record(prior, 'a#0', 0, 1, 1e12);
          return prior;
        },
      },
      'zero adds nothing, from either side, and carries no prior',
    ],
    ['an add that keeps one side', { add: (a) => a }, 'add is commutative'],
    [
      'an add in place',
      {
        add: (a, b) => {
          for (const [key, row] of b.arms) a.arms.set(key, row);
          return a;
        },
      },
      'no function changes its arguments',
    ],
    [
      'a lossy encoding',
      { encode: (e) => good.encode(good.scale(e, 0.5)) },
      'decode gives back exactly what was encoded, and equal evidence has equal bytes',
    ],
    [
      'a decoder without limits',
      { decode: (bytes, limits) => good.decode(bytes, { ...limits, evidenceBytes: 1e9 }) },
      'bytes beyond the limit are refused unread',
    ],
    ['NaN taken for real', { validate: () => undefined }, 'no number of it may be NaN or infinite'],
    ['a subtract that does nothing', { subtract: (a) => a }, 'subtract takes back what add added'],
  ];
  it.each(faults)('%s', (_what, change, law) => {
    expect(caught(evidenceLaws({ ...subject, evidence: { ...good, ...change } }), law)).toHaveLength(1);
  });
  it('nothing in what is right', () => {
    expect(caught(evidenceLaws(subject))).toEqual([]);
  });
});

describe('policy laws catch', () => {
  const make = (change: (good: Policy) => Partial<Policy>) =>
    policyLaws({
      make: (point) => {
        const good = thompson({ kind: 'thompson', halfLife: '1m' }, point);
        return { ...good, ...change(good) };
      },
      differ: (a, b) => momentsDifference(a as Moments, b as Moments, 60_000),
    });
  const distribution =
    'propose fills a distribution over the allowed arms that sums to 1, and a confidence or NaN';
  const faults: readonly (readonly [string, (good: Policy) => Partial<Policy>, string])[] = [
    [
      'mass on an arm that is not allowed',
      (good) => ({
        propose: (view, input, out) =>
          good.propose(
            view,
            { ...input, allowed: new Uint8Array(input.arms).fill(1), allowedCount: input.arms },
            out,
          ),
      }),
      distribution,
    ],
    [
      'a sum that is off by 1e-9',
      (good) => ({
        propose: (view, input, out) => {
          good.propose(view, input, out);
          for (let a = 0; a < input.arms; a++) out.p[a] *= 1 + 1e-9;
        },
      }),
      distribution,
    ],
    [
      'state that propose keeps',
      (good) => {
        let calls = 0;
        return {
          propose: (view, input, out) => {
            good.propose(view, input, out);
            out.confidence = 1 / ++calls;
          },
        };
      },
      'propose is the same for the same view and input, and changes neither',
    ],
    [
      'a correction at today’s weight instead of the original',
      (good) => ({
        learn: (own, seen) =>
          good.learn(own, seen.sign === -1 ? { ...seen, atMs: seen.atMs + 30_000 } : seen),
      }),
      'an additive policy takes an outcome back as if it had never been',
    ],
    [
      'a prior added to the evidence by view',
      (good) => ({
        view: (own, others, at, previous) => {
          for (const row of (own as Moments).arms.values()) row[W] += 1;
          return good.view(own, others, at, previous);
        },
      }),
      'view changes neither evidence, and a view made again proposes alike',
    ],
  ];
  it.each(faults)('%s', (_what, change, law) => {
    expect(caught(make(change), law)).toHaveLength(1);
  });
  it('nothing in what is right', () => {
    expect(caught(make(() => ({})))).toEqual([]);
  });
});

describe('detector laws catch', () => {
  const good = () => cusum({ from: 0.2, to: 0.4, falseAlarmEvery: 1000 }) as Detector;
  const laws = (change: (detector: Detector) => Partial<Detector>) =>
    detectorLaws({
      make: () => ({ ...good(), ...change(good()) }),
      still: (s) => (s.next() < 0.2 ? 1 : 0),
      changed: (s) => (s.next() < 0.4 ? 1 : 0),
      within: 1500,
    });
  it('a false-alarm rate stated too low', () => {
    const law = 'without a change, false alarms are as rare as it states';
    expect(
      caught(
        laws(() => ({ falseAlarm: { samples: 5000 } })),
        law,
      ),
    ).toHaveLength(1);
  });
  it('a detector that never alerts', () => {
    expect(
      caught(
        laws(() => ({ observe: () => undefined })),
        'the change it is made for is found',
      ),
    ).toHaveLength(1);
  });
  it('NaN that is swallowed', () => {
    const swallow = (d: Detector): Partial<Detector> => ({
      observe: (state, sample) => (Number.isFinite(sample.value) ? d.observe(state, sample) : undefined),
    });
    expect(
      caught(laws(swallow), 'NaN and infinities are refused, and leave the state as it was'),
    ).toHaveLength(1);
  });
  it('a state kept outside', () => {
    const shared = good().initial();
    const law = 'the same samples give the same alerts, and the detector itself remembers nothing';
    expect(
      caught(
        laws((d) => ({ observe: (_, sample) => d.observe(shared, sample) })),
        law,
      ),
    ).toHaveLength(1);
  });
});

describe('aggregator laws catch', () => {
  const good = weightedMean();
  const laws = (change: Partial<Aggregator<WeightedMeanState>>) =>
    aggregatorLaws(() => ({ ...good, ...change }) as Aggregator);
  it('an update counted twice', () => {
    const accept: typeof good.accept = (state, update) => {
      state.clients.delete(update.client);
      return good.accept(state, update);
    };
    expect(caught(laws({ accept }), 'a client that sends again changes nothing')).toHaveLength(1);
  });
  it('a mean that does not weigh', () => {
    const accept: typeof good.accept = (state, update) => good.accept(state, { ...update, weight: 1 });
    expect(
      caught(
        laws({ accept }),
        'equal updates aggregate to themselves, and the aggregate names round, weight and clients',
      ),
    ).toHaveLength(1);
  });
  it('NaN that is let in', () => {
    const accept: typeof good.accept = (state, update) =>
      good.accept(state, { ...update, delta: update.delta.map((x) => (Number.isFinite(x) ? x : 0)) });
    expect(
      caught(laws({ accept }), 'a malformed update is refused and leaves the round as it was'),
    ).toHaveLength(1);
  });
  it('a round finished too early', () => {
    const finish: typeof good.finish = (state) =>
      good.finish({ ...state, round: { ...state.round, minimum: 0 } });
    expect(caught(laws({ finish }), 'no aggregate before the fewest clients')).toHaveLength(1);
  });
});

describe('kernel laws catch', () => {
  const laws = (change: (good: Kernels) => Partial<Kernels>): readonly Law[] =>
    kernelLaws(() => {
      const good = scalarKernels();
      return { ...good, ...change(good) };
    });
  const products =
    'products with a rectangle are its sums in the declared order, bit for bit, from any row to any other';
  const squares = 'the squared length by a triangle is its sums in the declared order, bit for bit';

  it('a sum that is rounded otherwise', () => {
    const rounded = laws(({ rectangle, sums }) => ({
      rectangle: (numbers, columns) => {
        const table = rectangle(numbers, columns);
        const multiply = (from: number, to: number): void => {
          table.multiply(from, to);
          sums[0] *= 1 + Number.EPSILON;
        };
        return { multiply };
      },
    }));
    expect(caught(rounded, products)).toHaveLength(1);
  });
  it('subnormal numbers that are taken for zero', () => {
    const flushed = laws(({ take }) => ({
      take: (x, length) =>
        take(
          x.map((value) => (Math.abs(value) < 2 ** -1022 ? 0 : value)),
          length,
        ),
    }));
    expect(caught(flushed, products)).toHaveLength(1);
  });
  it('an x that is read when the table is asked', () => {
    const late = laws((good) => {
      let seen: Float64Array = new Float64Array(0);
      let used = 0;
      return {
        take: (x, length) => {
          [seen, used] = [x, length];
        },
        rectangle: (numbers, columns) => {
          const table = good.rectangle(numbers, columns);
          const multiply = (from: number, to: number): void => {
            good.take(seen, used);
            table.multiply(from, to);
          };
          return { multiply };
        },
      };
    });
    expect(caught(late, 'what becomes of x after it was taken changes nothing')).toHaveLength(1);
  });
  it('columns beyond the diagonal that are left out one block too early', () => {
    const short = laws(({ triangle }) => ({
      triangle: (numbers, dimension) => triangle(numbers, Math.max(1, dimension - 8)),
    }));
    expect(caught(short, squares)).toHaveLength(1);
  });
});

describe('guard laws catch', () => {
  const stop: Verdict = Object.freeze({ kind: 'block', guard: 'count', why: 'its turn' });
  it.each([2, 5, 7, 10, 12])('a guard that changes its answer each %sth time it is asked', (every) => {
    const counting = (): Guard => ({
      name: 'count/1',
      phase: 'narrow',
      initial: () => ({ asked: 0 }),
      check: (state) => (++(state as { asked: number }).asked % every === 0 ? stop : PASS),
    });
    const named =
      'the same state and input give the same verdict, the very object: nothing is made anew while the answer stands';
    expect(caught(guardLaws(counting), named)).toEqual([named]);
  });
});
