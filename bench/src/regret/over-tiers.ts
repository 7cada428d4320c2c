import { figure, type Goal, type Table } from '../lib/report.ts';
import { estimate, interval } from './estimates.ts';
import { mergedRegret } from './merged.ts';
import { linearProblem } from './synthetic.ts';

const HOUR = 3_600_000;
const TIERS: readonly { readonly name: string; readonly lagMs: number; readonly perHour: number }[] = [
  { name: 'all decisions at one node', lagMs: 0, perHour: 10 },
  { name: 'three tiers, an hour late, 60 decisions an hour in all', lagMs: HOUR, perHour: 10 },
  { name: 'three tiers, an hour late, 360 decisions an hour in all', lagMs: HOUR, perHour: 60 },
  { name: 'every device alone', lagMs: Infinity, perHour: 60 },
];

/** Linear Thompson sampling in a tree whose nodes hear of each other late. */
export async function overTiers(
  seeds: number,
  steps: number,
  say: (what: string) => void,
): Promise<{ table: Table; goals: Goal[] }> {
  const found: number[][] = TIERS.map(() => []);
  for (let seed = 1; seed <= seeds; seed++) {
    say(`three tiers, seed ${seed}`);
    const problem = linearProblem(seed, 5, 5, steps);
    for (const [i, { lagMs, perHour }] of TIERS.entries())
      found[i].push(
        await mergedRegret(problem, { kind: 'linear-thompson' }, seed, {
          devices: 6,
          regions: 2,
          lagMs,
          perHour,
        }),
      );
  }
  const central = estimate('', found[0]);
  const rows = TIERS.map(({ name }, i) => {
    const differences = estimate(
      name,
      found[i].map((value, seed) => (100 * (value - found[0][seed])) / central.mean),
    );
    return [name, interval(estimate(name, found[i])), i === 0 ? '' : `${interval(differences)} %`];
  });
  return {
    table: {
      title: `Linear Thompson over three tiers, 5 arms, 5 features, ${figure(steps)} decisions, ${seeds} seeds`,
      head: ['', 'expected regret', 'more than at one node'],
      rows,
    },
    goals: TIERS.slice(1, 3).map(({ name }, i) => {
      const more = estimate('', found[i + 1]).mean / central.mean - 1;
      return {
        goal: `${name}: within 5 % of one node`,
        figure: `${figure(100 * more)} %`,
        met: more <= 0.05,
      };
    }),
  };
}
