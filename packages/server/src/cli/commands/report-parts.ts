import type { PointReport } from '@ganglion/sdk';
import { count, estimate, number, percent } from '../format.ts';
import { clean, type Style, table } from '../style.ts';

/** The members of an ensemble, and how alike they propose; nothing where the policy is one. */
export function memberTable({ members = [] }: PointReport, style: Style): readonly string[] {
  if (members.length === 0) return [];
  return [
    table(
      [
        { head: 'MEMBER' },
        { head: 'VOTE', right: true },
        { head: 'ALONE (95 %)' },
        { head: 'LEARNED', right: true },
        { head: 'FAILURES', right: true },
        { head: 'LIKE THE OTHERS' },
      ],
      members.map(({ member, stopped, weight, mean, low, high, n, learned, failures, correlation }, m) => [
        stopped ? `${clean(member)} (killed)` : clean(member),
        percent(weight),
        estimate({ mean, low, high, n: Math.round(n) }),
        count(learned),
        count(failures),
        correlation.flatMap((each, other) => (other === m ? [] : [number(each)])).join(' '),
      ]),
      style,
    ),
  ];
}

/** Whether each arm holds each constraint; nothing where there are none. */
export function constraintTable({ constraints = [] }: PointReport, style: Style): readonly string[] {
  if (constraints.length === 0) return [];
  const words = { met: style.good('met'), unknown: 'not known yet', violated: style.bad('violated') };
  return [
    table(
      [{ head: 'CONSTRAINT' }, { head: 'ARM' }, { head: 'STATE' }, { head: 'MEAN (always valid)' }],
      constraints.map(({ metric, max, min, arm, state, ...estimated }) => [
        `${clean(metric)} ${max === undefined ? `at least ${min}` : `at most ${max}`}`,
        arm,
        words[state],
        estimate(estimated),
      ]),
      style,
    ),
  ];
}

/** What the rewards of arms that are ranked rest on; nothing where the point does not rank. */
export function slateText({ slate }: PointReport): readonly string[] {
  if (slate?.givenExamination === undefined) return [];
  const shown = slate.examination.map((each) => number(each)).join(' · ');
  return [
    `rewards are to those who look, given the ${slate.givenExamination} examination by position ${shown}; its own uncertainty is in no interval\n`,
  ];
}
