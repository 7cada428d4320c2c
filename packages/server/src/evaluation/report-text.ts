import type { Estimate, Evaluation } from '@ganglion/core/ope';
import type { EvaluateAnswer, EvaluatedCandidate } from '@ganglion/sdk';
import { count, counted, number, percent } from '../cli/format.ts';
import { clean, pairs, type Style, table } from '../cli/style.ts';
import type { DecisionLog } from './decision-log.ts';
import type { ReplayedLog } from './replay-log.ts';

/** What was read, and what it brought. */
export function logText(log: DecisionLog, own: Estimate | null, style: Style): string {
  return headText({ ...log, arms: log.arms.length, value: own, older: 0 }, style);
}

/** The same of a log that a daemon has read. */
export function answerText({ log, nodes }: EvaluateAnswer, style: Style): string {
  return headText({ ...log, name: `${log.name} on ${nodes.join(', ')}` }, style);
}

type LogHead = Pick<EvaluateAnswer['log'], 'name' | 'rows' | 'arms' | 'skipped' | 'value' | 'older'>;

function headText(log: LogHead, style: Style): string {
  const skipped = Object.entries(log.skipped).map(([why, n]) => `${count(n)} ${why}`);
  if (log.older > 0) skipped.push(`${count(log.older)} older`);
  const own = log.value;
  const told = pairs(
    [
      ['log', `${clean(log.name)}: ${counted(log.rows, 'decision')}, ${counted(log.arms, 'arm')}`],
      ...(skipped.length === 0 ? [] : [['left out', skipped.join(', ')] as const]),
      ['its own value', own === null ? '–' : bracketed(own)],
    ],
    style,
  );
  return `${told}\n`;
}

/** One candidate: the overlap, then the estimates, or why there are none. */
export function candidateText(evaluation: EvaluatedCandidate, level: number, style: Style): string {
  return `${style.bold(clean(evaluation.candidate))}  ${style.dim(clean(evaluation.how))}\n${unseenText(evaluation, style)}${evaluationText(evaluation, level, style)}\n`;
}

/** A line for each field; nothing where the candidate declares what the log has. */
function unseenText({ unseen = [] }: EvaluatedCandidate, style: Style): string {
  return unseen
    .map(({ field, values, share }) => {
      const named = values.map(clean).join(' or ');
      return `  ${style.warn('note')}: ${clean(field)} is ${named} in ${percent(share)} of the decisions, which the candidate does not declare\n`;
    })
    .join('');
}

/** @param prior - file that the policy’s prior is from, where it began with one. */
export function replayText(replayed: ReplayedLog, level: number, style: Style, prior?: string): string {
  const { kept, rows, bound, clipped, policy, digest } = replayed;
  const { unsupported } = replayed.evaluation.overlap;
  const told = pairs(
    [
      ['policy', `${clean(policy)}${prior === undefined ? '' : ` from ${clean(prior)}`}`],
      [
        'kept',
        `${count(kept)} of ${counted(rows, 'decision')}, those it would have made itself (weights up to ${number(bound)})`,
      ],
      ...(clipped > 0
        ? [['clipped', `${percent(clipped)} of the decisions weigh more and are kept too seldom`] as const]
        : []),
      ['replayed value', replayed.replayed === null ? '–' : bracketed(replayed.replayed)],
      ...(unsupported === null || unsupported === 0
        ? []
        : [
            [
              '',
              `${percent(unsupported)} of what it does was never done here, and nothing of it kept`,
            ] as const,
          ]),
      ['digest', digest],
    ],
    style,
  );
  return `${told}\n${style.bold('the same policy, by every decision')}\n${evaluationText(replayed.evaluation, level, style)}`;
}

function evaluationText(evaluation: Evaluation, level: number, style: Style): string {
  const { overlap, refused, estimates } = evaluation;
  const { effective, rows, unknown, maxWeight, maxWeightShare, meanWeight, meanWeightError } = overlap;
  const told = pairs(
    [
      ['  effective', `${number(effective)} of ${counted(rows, 'decision')}`],
      ['  largest weight', `${number(maxWeight)}, ${percent(maxWeightShare)} of all`],
      ['  mean weight', `${number(meanWeight)} ± ${number(meanWeightError)}`],
      ...(overlap.unsupported === null
        ? []
        : [
            [
              '  never done here',
              `${percent(overlap.unsupported)} of what it does${roomText(evaluation)}`,
            ] as const,
          ]),
      ...(overlap.clipped > 0 ? [['  clipped', `${percent(overlap.clipped)} of the weight`] as const] : []),
      ...(unknown > 0
        ? [['  left out', `${counted(unknown, 'decision')} of unknown propensity`] as const]
        : []),
    ],
    style,
  );
  if (refused.length > 0)
    return `${told}${style.warn('  refused: the log does not know')}\n${refused.map(({ reason, why }) => `    ${reason}: ${why}\n`).join('')}`;
  const head = [
    { head: '  ESTIMATOR' },
    { head: 'VALUE', right: true },
    { head: `${number(level * 100)} %`, right: true },
    { head: 'BEYOND THE LOG', right: true },
    { head: '' },
  ];
  const lines = estimates.map(({ estimator, value, low, high, difference, parameter, interval }) => [
    `  ${estimator}`,
    number(value),
    `[${number(low)}, ${number(high)}]`,
    `${signed(difference.value)} [${signed(difference.low)}, ${signed(difference.high)}]`,
    [
      parameter === null ? '' : `parameter ${parameter === Infinity ? '∞' : number(parameter)}`,
      boundWords(interval, difference.interval),
    ]
      .filter((text) => text !== '')
      .join(', '),
  ]);
  return `${told}${table(head, lines, style)}`;
}

/** Where an interval is a bound that was not asked for, why: it is wide as it is. */
function boundWords(value: string, difference: string | undefined): string {
  if (value === 'empirical-bernstein') return 'few rows vary: a bound';
  return difference === 'empirical-bernstein' ? 'few rows differ: beyond the log a bound' : '';
}

/** What the intervals have room for, where something was never done. */
function roomText({ room, refused }: Evaluation): string {
  if (room === null || refused.length > 0) return '';
  const [least, most] = room.range;
  const range = room.declared ? 'the declared range' : 'the range seen, for none is declared,';
  return `; the intervals have room for it, over ${range} ${number(least)} to ${number(most)}`;
}

const bracketed = ({ value, low, high }: Estimate): string =>
  `${number(value)} [${number(low)}, ${number(high)}]`;
const signed = (value: number): string => (value > 0 ? `+${number(value)}` : number(value));
