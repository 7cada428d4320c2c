/** `npm run bench -- experiments`: whether experiments may be believed, and what a thousand of them cost a decision. */

import { type Findings, figure, type Goal, type Table } from '../lib/report.ts';
import { median, type Sample, sampleAll } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';
import { ARM_RATES, type ArmRuns, armRuns } from './arms.ts';
import { subjects } from './cost.ts';
import { everFound, HORIZON, LOOKS, METHODS } from './looks.ts';
import { type RatioRuns, ratioRuns } from './ratio.ts';
import { BUDGET, rollOut } from './rollback.ts';

const EFFECTS = [0.0432, 0.0297] as const;
/** The method that looks once, at the horizon: what the others are compared with. */
const FIXED = METHODS.length - 1;

interface Seen {
  readonly runs: number;
  readonly none: readonly number[];
  readonly powers: readonly (readonly number[])[];
  readonly sound: RatioRuns;
  readonly lossy: RatioRuns;
  readonly arms: readonly ArmRuns[];
  readonly bad: readonly { back: boolean; met: number }[];
  readonly good: readonly { back: boolean; met: number }[];
  readonly times: readonly Sample[];
}

await tell({
  name: 'experiments',
  title: 'Experiments: false finds, power, sample ratio, rollback, and their cost',
  help: '10,000 simulated A/A tests, A/B tests, bandits and rollouts, all seeded; then the time of a decision.',
  async measure({ quick, say }) {
    const runs = quick ? 200 : 10_000;
    say(`${runs} A/A tests of ${HORIZON} outcomes, ${LOOKS} looks each`);
    const none = everFound(runs, 0, 1);
    say('A/B tests');
    const powers = EFFECTS.map((effect, i) => everFound(quick ? 100 : 2000, effect, 2 + i));
    say('bandits');
    const sound = ratioRuns(quick ? 50 : 2000, 5000, 0);
    const lossy = ratioRuns(quick ? 20 : 500, 20_000, 0.15);
    const arms = ARM_RATES.map((rate) => armRuns(quick ? 20 : 1000, rate));
    say('rollouts');
    const rollouts = async (fresh: number) => {
      const out = [];
      for (let run = 0; run < (quick ? 3 : 100); run++) out.push(await rollOut(run, 0.95, fresh));
      return out;
    };
    const [bad, good] = [await rollouts(0.8), await rollouts(0.95)];
    say('decisions');
    const times = await sampleAll(await subjects(), quick ? 2 : 7, quick ? 100 : 300);
    return findings({ runs, none, powers, sound, lossy, arms, bad, good, times });
  },
});

function percent(part: number): string {
  return `${figure(part * 100)} %`;
}

function findings(seen: Seen): Findings {
  const { powers, times } = seen;
  return {
    tables: [
      looksTable(seen),
      ratioTable(seen),
      intervalsTable(seen.arms),
      rolloutsTable(seen),
      timesTable(times),
    ],
    goals: [...looksGoals(seen), ...goalsBeyondLooks(seen)],
    notes: [
      `Always-valid looks cost power where the effect is small for the horizon: ${percent(powers[1][1])} beside ${percent(powers[1][FIXED])} at +${EFFECTS[1]}. Group-sequential boundaries cost next to none, but their looks must be planned.`,
      'A thousand points, one after the other, are cold memory: what an experiment adds there is the misses of its objects.',
      `Budget of a rollout: ${BUDGET.toLocaleString('en-US')} decisions, four stages of equal length.`,
    ],
  };
}

/** How often each method ever finds a difference, where there is none and where there is one. */
function looksTable({ runs, none, powers }: Seen): Table {
  return {
    title: `${runs.toLocaleString('en-US')} A/A tests of ${HORIZON.toLocaleString('en-US')} outcomes at a rate of 0.3, looked at ${LOOKS} times`,
    head: ['', 'ever found a difference, A/A', ...EFFECTS.map((effect) => `A/B, +${effect}`)],
    rows: METHODS.map(({ name }, m) => [name, percent(none[m]), ...powers.map((power) => percent(power[m]))]),
  };
}

/** Whether lost decisions show in the sample ratio, and nothing else does. */
function ratioTable({ sound, lossy }: Seen): Table {
  return {
    title: 'Sample ratio under Thompson allocation, looked at every 100 decisions',
    head: ['', 'no loss: alarms', '15 % of an arm lost: alarms', 'after decisions, median'],
    rows: [
      [
        'e-process over recorded propensities',
        percent(sound.alarms),
        percent(lossy.alarms),
        figure(lossy.medianAt),
      ],
      ['χ² at 1 % against an even split', percent(sound.chiSquare), percent(lossy.chiSquare), ''],
    ],
  };
}

/** How often an interval is ever wrong. */
function intervalsTable(arms: Seen['arms']): Table {
  return {
    title:
      'Intervals of a bandit’s arms (Thompson, floor 10 %), looked at 100 times on the way to 20,000: ever missed',
    head: ['rate', 'mean', 'difference', 'mean, no range declared', 'difference, no range declared'],
    rows: arms.map((each, i) => [
      percent(ARM_RATES[i]),
      percent(each.mean),
      percent(each.difference),
      percent(each.plainMean),
      percent(each.plainDifference),
    ]),
  };
}

/** What a bad version does before it is taken back. */
function rolloutsTable({ bad, good }: Seen): Table {
  const met = metOf(bad);
  return {
    title: 'Rollouts through the node: stages 1 %, 5 %, 25 %, 100 %, one guardrail',
    head: ['', 'taken back', 'decisions that met it, of the budget: median', 'most'],
    rows: [
      [
        'succeeds in 80 % instead of 95 %',
        percent(shareBack(bad)),
        percent(median(met)),
        percent(Math.max(...met)),
      ],
      ['as good', percent(shareBack(good)), '', ''],
    ],
  };
}

/** What an experiment adds to a decision. */
function timesTable(times: Seen['times']): Table {
  const added = addedNs(times);
  return {
    title: 'One decision',
    head: ['', 'median ns', 'p99 ns', 'added ns'],
    rows: times.map(({ name, medianNs, p99Ns }, i) => [
      name,
      figure(medianNs),
      figure(p99Ns),
      i % 2 === 1 ? figure(added[i >> 1]) : '',
    ]),
  };
}

function looksGoals({ runs, none, powers }: Seen): Goal[] {
  const lost = Math.max(...powers.flatMap((power) => [power[FIXED] - power[3], power[FIXED] - power[4]]));
  return [
    {
      goal: 'A/A false finds ≤ 5 % at any number of looks (mSPRT, sequence)',
      figure: `${percent(none[1])}, ${percent(none[2])}`,
      met: none[1] <= 0.05 && none[2] <= 0.05,
    },
    {
      goal: 'power within 10 points of the fixed horizon where that finds 99 % (mSPRT)',
      figure: `${percent(powers[0][1])} beside ${percent(powers[0][FIXED])}`,
      met: powers[0][FIXED] - powers[0][1] <= 0.1,
    },
    {
      goal: 'A/A false finds ≤ 5 % over five planned looks, to three standard errors',
      figure: `${percent(none[3])}, ${percent(none[4])}`,
      met: Math.max(none[3], none[4]) <= 0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs),
    },
    {
      goal: 'power within 10 points of the fixed horizon, five planned looks, both effects',
      figure: `at most ${figure(100 * lost)} points lost`,
      met: lost <= 0.1,
    },
  ];
}

/** Sample ratio, intervals, rollback and cost. */
function goalsBeyondLooks({ sound, arms, bad, times }: Seen): Goal[] {
  const worst = Math.max(...arms.flatMap(({ mean, difference }) => [mean, difference]));
  const most = Math.max(...metOf(bad));
  const [added] = addedNs(times);
  return [
    {
      goal: 'SRM false alarms ≤ 1 % under Thompson allocation',
      figure: percent(sound.alarms),
      met: sound.alarms <= 0.01,
    },
    {
      goal: 'bandit intervals hold in ≥ 93 % at rates 0.5 %, 1 %, 5 %, 50 %, at all looks',
      figure: `missed at most ${percent(worst)}`,
      met: worst <= 0.07,
    },
    {
      goal: 'a bad version is taken back at < 1 % of its exposure budget',
      figure: percent(most),
      met: bad.every(({ back }) => back) && most < 0.01,
    },
    {
      goal: '1,000 experiments at once add ≤ 200 ns a decision (one point, warm)',
      figure: `${figure(added)} ns`,
      met: added <= 200,
    },
  ];
}

/** Share of rollouts that were taken back. */
function shareBack(rollouts: Seen['bad']): number {
  return rollouts.filter(({ back }) => back).length / rollouts.length;
}

/** Decisions that met the new version, of the budget. */
function metOf(rollouts: Seen['bad']): number[] {
  return rollouts.map(({ met }) => met / BUDGET);
}

/** With experiments less without, for one point and for a thousand, ns. */
function addedNs(times: Seen['times']): number[] {
  return [times[1].medianNs - times[0].medianNs, times[3].medianNs - times[2].medianNs];
}
