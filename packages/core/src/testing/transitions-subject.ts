import { OWN, TOUCHES, type Transitions, transitions, type Visit, W, WW } from '../learners/transitions.ts';
import { exp2 } from '../stats/math.ts';
import type { Stream } from '../stats/random.ts';
import type { EvidenceSubject } from './evidence-laws.ts';
import { near } from './law.ts';

/** Transitions as a subject of the laws: a few episodes of up to three arms, with and without an end, now and then none. */
export function transitionsSubject(
  states: number,
  steps: number,
  halfLifeMs: number | undefined,
  range: readonly [number, number],
): EvidenceSubject<Transitions> {
  const evidence = transitions({ states, steps, halfLifeMs, range });
  return {
    evidence,
    arbitrary(random: Stream) {
      const own = evidence.zero();
      const startMs = 1e12 + random.integer(1e6);
      const spanMs = (halfLifeMs ?? 1000) * (random.integer(4) === 0 ? 80 : 5);
      for (let episodes = random.integer(5); episodes > 0; episodes--) {
        const half = random.integer(2) as 0 | 1;
        const before: Visit[] = [];
        for (let n = 1 + random.integer(12); n > 0; n--) {
          const visit = { state: random.integer(states), armKey: `arm-${random.integer(3)}#0` };
          const reward = range[0] + (range[1] - range[0]) * random.next();
          const weight = random.integer(3) === 0 ? 1 << random.integer(6) : 1;
          const atMs = startMs + random.next() * spanMs;
          const done = n === 1 && random.integer(2) === 0;
          evidence.record(own, { ...visit, half, reward, weight, atMs, done, before: [...before] });
          before.unshift(visit);
          if (before.length > steps) before.pop();
        }
      }
      return own;
    },
    differ: (a, b) => transitionsDifference(a, b, halfLifeMs),
  };
}

/** Where two differ by more than 1e-9 of what their rows weigh, as if under one landmark; '' where they do not. */
export function transitionsDifference(
  a: Transitions,
  b: Transitions,
  halfLifeMs: number | undefined,
): string {
  const latest = Math.max(a.landmarkMs, b.landmarkMs);
  for (const key of new Set([...a.arms.keys(), ...b.arms.keys()])) {
    const length = (a.arms.get(key) ?? b.arms.get(key))!.length;
    const p = rowAt(a, key, latest, halfLifeMs, length);
    const q = rowAt(b, key, latest, halfLifeMs, length);
    for (let i = 0; i < length; i++) {
      const size = i > WW ? Math.max(p[W], q[W]) : 0;
      if (!near(p[i], q[i], 1e-9) && Math.abs(p[i] - q[i]) > 1e-9 * size + FORGOTTEN)
        return `${key}[${i}]: ${p[i]} is not ${q[i]}`;
    }
  }
  return '';
}

function rowAt(
  evidence: Transitions,
  key: string,
  landmarkMs: number,
  halfLifeMs: number | undefined,
  length: number,
): number[] {
  const row = evidence.arms.get(key) ?? new Float64Array(length);
  const fade = halfLifeMs === undefined ? 1 : exp2((evidence.landmarkMs - landmarkMs) / halfLifeMs);
  return Array.from(row, (value, i) =>
    i === TOUCHES || i === OWN ? value : i === WW ? value * fade * fade : value * fade,
  );
}

/** Weights as small as this are dropped, sooner or later. */
const FORGOTTEN = 1e-50;
