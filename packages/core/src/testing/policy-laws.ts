import { isGanglionError } from '../errors.ts';
import { DEFAULT_LIMITS, NUMBER_LIMITS } from '../limits.ts';
import { copyOf, demand, difference, type Law } from './law.ts';
import {
  demandDistribution,
  everyView,
  learnMany,
  outcomes,
  type PolicySubject,
  proposalFor,
  randomInput,
  randomOutcome,
  SPARE,
  shuffled,
  start,
  viewInput,
  type World,
} from './policy-histories.ts';

export type { MakePolicy, PolicySubject } from './policy-histories.ts';

/** What every `Policy` must do (see the contract). Options may name the arms `a` and `b`, which are always there. */
export function policyLaws(subject: PolicySubject): readonly Law[] {
  return [
    ...distributions(subject),
    ...purity(subject),
    predicting(subject),
    ...learning(subject),
    ...viewing(subject),
    admitted(subject),
  ];
}

const { largest, narrowest, finest } = NUMBER_LIMITS;
const EXTREMES: readonly (readonly [number, number])[] = [
  [-largest, largest],
  [0, largest],
  [0, narrowest],
  [-narrowest, 0],
  [largest * (1 - 2 * finest), largest],
];

/** The ends of what a declaration may say, and of what is reported under it. */
function admitted(subject: PolicySubject): Law {
  return {
    law: 'over any range and scale that may be declared it fills a distribution, and what it has learned can be read again',
    run(random) {
      const range = EXTREMES[random.integer(EXTREMES.length)];
      const [min, max] = EXTREMES[random.integer(EXTREMES.length)];
      const fields = subject.fields?.map((field) =>
        field.type !== 'number'
          ? field
          : field.sd === undefined
            ? { ...field, min, max }
            : { ...field, mean: min, sd: Math.max(narrowest, finest * Math.abs(min)) },
      );
      let world: World;
      try {
        world = start({ ...subject, range, ...(fields === undefined ? {} : { fields }) }, random);
      } catch (error) {
        // Its options do not fit this range, and it has said so.
        if (isGanglionError(error, 'invalid_spec')) return;
        throw error;
      }
      world = { ...world, extreme: true };
      const { evidence } = world.policy;
      everyView(world, random, (view) => {
        for (let i = 0; i < 10; i++) {
          const input = randomInput(world, random);
          const out = proposalFor(world);
          world.policy.propose(view, input, out);
          demandDistribution(out, input);
        }
      });
      const own = learnMany(world, outcomes(world, random, 40));
      const sum = evidence.add(own, learnMany(world, outcomes(world, random, 40)));
      for (const each of [own, sum]) {
        const problem = evidence.validate(each, DEFAULT_LIMITS);
        demand(problem === undefined, `implausible: ${problem?.message}`);
        const found = difference(evidence.decode(evidence.encode(each), DEFAULT_LIMITS), each);
        demand(found === '', `decoded at ${found}`);
      }
    },
  };
}

/** Whatever it meets, what comes out is a distribution. */
function distributions(subject: PolicySubject): Law[] {
  return [
    {
      law: 'propose fills a distribution over the allowed arms that sums to 1, and a confidence or NaN',
      run(random) {
        const world = start(subject, random);
        everyView(world, random, (view) => {
          for (let i = 0; i < 20; i++) {
            const input = randomInput(world, random);
            const out = proposalFor(world);
            world.policy.propose(view, input, out);
            demandDistribution(out, input);
          }
        });
      },
    },
    {
      law: 'with one arm allowed it is chosen for certain',
      run(random) {
        const world = start(subject, random);
        everyView(world, random, (view) => {
          world.ids.forEach((_, arm) => {
            const allowed = new Uint8Array(world.ids.length + SPARE);
            allowed[arm] = 1;
            const out = proposalFor(world);
            world.policy.propose(view, { ...randomInput(world, random), allowed, allowedCount: 1 }, out);
            demand(out.p[arm] === 1, `the only arm gets ${out.p[arm]}`);
          });
        });
      },
    },
    {
      law: 'local signals never throw, and leave a distribution behind',
      run(random) {
        const world = start(subject, random);
        everyView(world, random, (view) => {
          let nowMs = 0;
          for (let i = 0; i < 30; i++) {
            nowMs += random.exponential() * 10;
            const arm = random.integer(world.ids.length);
            if (random.integer(2) === 0) world.policy.sent?.(view, arm, nowMs);
            else world.policy.settled?.(view, arm, randomOutcome(world, random, arm), nowMs);
            const input = { ...randomInput(world, random), nowMs };
            const out = proposalFor(world);
            world.policy.propose(view, input, out);
            demandDistribution(out, input);
          }
        });
      },
    },
  ];
}

/** What a proposal is made of. */
function purity(subject: PolicySubject): Law[] {
  return [
    {
      law: 'propose is the same for the same view and input, and changes neither',
      run(random) {
        const world = start(subject, random);
        everyView(world, random, (view) => {
          const input = randomInput(world, random);
          const before = copyOf(input);
          const [first, second] = [proposalFor(world), proposalFor(world)];
          world.policy.propose(view, input, first);
          world.policy.propose(view, randomInput(world, random), proposalFor(world));
          world.policy.propose(view, input, second);
          demand(difference(first, second) === '', `proposed otherwise at ${difference(first, second)}`);
          demand(difference(input, before) === '', `changed its input at ${difference(input, before)}`);
        });
      },
    },
    {
      law: 'propose is a function of evidence and context alone, or says what else it looks at',
      run(random) {
        const world = start(subject, random);
        if (world.policy.looksAt !== undefined) return;
        everyView(world, random, (view) => {
          const input = randomInput(world, random);
          const [before, after] = [proposalFor(world), proposalFor(world)];
          world.policy.propose(view, input, before);
          for (let i = 0; i < 10; i++) {
            const arm = random.integer(world.ids.length);
            world.policy.sent?.(view, arm, i);
            world.policy.settled?.(view, arm, randomOutcome(world, random, arm), i);
          }
          const { inflight, unitHash, turn, nowMs } = randomInput(world, random);
          world.policy.propose(view, { ...input, inflight, unitHash, turn, nowMs }, after);
          demand(difference(before, after) === '', `it looks elsewhere: ${difference(before, after)}`);
        });
      },
    },
    {
      law: 'what is said not to learn proposes the same whatever was learned',
      run(random) {
        const world = start(subject, random);
        if (world.policy.learns !== false) return;
        const input = randomInput(world, random);
        const first = proposalFor(world);
        world.policy.propose(undefined, input, first);
        everyView(world, random, (view) => {
          const out = proposalFor(world);
          world.policy.propose(view, input, out);
          demand(difference(first, out) === '', `it has learned: ${difference(first, out)}`);
        });
      },
    },
  ];
}

function predicting(subject: PolicySubject): Law {
  return {
    law: 'predict says the same of the same view and context, says nothing without a view, and changes no proposal',
    run(random) {
      const world = start(subject, random);
      const { predict } = world.policy;
      if (predict === undefined) return;
      demand(Number.isNaN(predict(undefined, randomInput(world, random), 0)), 'it predicts from nothing');
      everyView(world, random, (view) => {
        if (view === undefined) return;
        const input = randomInput(world, random);
        const [before, after] = [proposalFor(world), proposalFor(world)];
        world.policy.propose(view, input, before);
        const first = world.ids.map((_, arm) => predict(view, input, arm));
        predict(view, randomInput(world, random), 0);
        demand(
          difference(
            first,
            world.ids.map((_, arm) => predict(view, input, arm)),
          ) === '',
          'it wavers',
        );
        for (const mean of first) demand(Number.isNaN(mean) || Number.isFinite(mean), `it predicts ${mean}`);
        world.policy.propose(view, input, after);
        demand(difference(before, after) === '', 'a prediction changed the proposal');
      });
    },
  };
}

/** What outcomes make of evidence. */
function learning(subject: PolicySubject): Law[] {
  return [
    {
      law: 'what is learned is plausible, and counts its outcomes',
      run(random) {
        const world = start(subject, random);
        const n = random.integer(60);
        const own = learnMany(world, outcomes(world, random, n));
        const { evidence } = world.policy;
        const problem = evidence.validate(own, DEFAULT_LIMITS);
        demand(problem === undefined, `implausible: ${problem?.message}`);
        demand(evidence.outcomes(own) <= n, `${evidence.outcomes(own)} outcomes of ${n}`);
      },
    },
    {
      law: 'an additive policy learns alike in any order, and in parts that are added',
      run(random) {
        const world = start(subject, random);
        if (!world.policy.additive) return;
        const seen = outcomes(world, random, random.integer(40));
        const whole = learnMany(world, seen);
        same(subject, learnMany(world, shuffled(seen, random)), whole, 'in another order');
        const half = seen.length >> 1;
        const parts = world.policy.evidence.add(
          learnMany(world, seen.slice(0, half)),
          learnMany(world, seen.slice(half)),
        );
        same(subject, parts, whole, 'in two parts');
      },
    },
    {
      law: 'an additive policy takes an outcome back as if it had never been',
      run(random) {
        const world = start(subject, random);
        if (!world.policy.additive) return;
        const seen = outcomes(world, random, 1 + random.integer(40));
        const [wrong, ...rest] = shuffled(seen, random);
        const { evidence } = world.policy;
        const corrected = world.policy.learn(learnMany(world, seen), { ...wrong, sign: -1 });
        const [left, expected] = [evidence.outcomes(corrected), evidence.outcomes(learnMany(world, rest))];
        demand(left === expected, `after taking one back ${left} outcomes are left, not ${expected}`);
        // Compared with it learned again: light outcomes beside heavy ones are known no better than that.
        same(
          subject,
          world.policy.learn(corrected, wrong),
          learnMany(world, seen),
          'taken back and learned again',
        );
      },
    },
  ];
}

/** What evidence makes of proposals. */
function viewing(subject: PolicySubject): Law[] {
  return [
    {
      law: 'view changes neither evidence, and a view made again proposes alike',
      run(random) {
        const world = start(subject, random);
        const own = learnMany(world, outcomes(world, random, random.integer(50)));
        const others = learnMany(world, outcomes(world, random, random.integer(50)));
        const [wasOwn, wasOthers] = [copyOf(own), copyOf(others)];
        const at = viewInput(world, random);
        const [first, again] = [0, 1].map(() => world.policy.view(own, others, at, undefined));
        const changed = difference(own, wasOwn) || difference(others, wasOthers);
        demand(changed === '', `view changed the evidence at ${changed}`);
        const input = randomInput(world, random);
        const [p, q] = [proposalFor(world), proposalFor(world)];
        world.policy.propose(first, input, p);
        world.policy.propose(again, input, q);
        demand(difference(p, q) === '', `a second view proposes otherwise at ${difference(p, q)}`);
      },
    },
    {
      law: 'evidence of arms that are gone or new does no harm',
      run(random) {
        const world = start(subject, random);
        const own = learnMany(world, outcomes(world, random, 40));
        const renamed = world.arms.map((arm, i) => (i % 2 === 0 ? arm : { ...arm, key: `${arm.id}#9` }));
        const at = { ...viewInput(world, random), arms: renamed };
        const view = world.policy.view(own, world.policy.evidence.zero(), at, undefined);
        const input = randomInput(world, random);
        const out = proposalFor(world);
        world.policy.propose(view, input, out);
        demandDistribution(out, input);
      },
    },
  ];
}

function same(subject: PolicySubject, a: unknown, b: unknown, what: string): void {
  const found = subject.differ?.(a, b) ?? difference(a, b, 1e-9);
  demand(found === '', `${what}: ${found}`);
}
