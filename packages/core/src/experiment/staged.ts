import type { RolloutPlan } from '../comparison.ts';
import type { ExperimentReport } from '../status.ts';
import { undirected, unheardIn } from './unheard.ts';
import { UNTOLD, untoldIn } from './untold.ts';

/** What a rollout with guardrails should do now. */
export interface Step {
  readonly to: 'stay' | 'promote' | 'revert';
  readonly reason: string;
}

/**
 * Back as soon as an always-valid interval says that a guardrail is broken: looking every second costs nothing. On only
 * when the stage has lasted long enough, with enough counted, and those that count are those that were assigned. What nothing
 * is known of does not go on: a guardrail without a value, or of which nobody has said which way is harm.
 *
 * @param report - of this stage: the units that are in beside those that are out. @param elapsedMs - since it began.
 */
export function nextStep(plan: RolloutPlan, report: ExperimentReport, elapsedMs: number): Step {
  if (plan.reverted !== undefined) return { to: 'stay', reason: plan.reverted };
  const broken = report.metrics.find(({ variants }) => variants.some(({ verdict }) => verdict === 'worse'));
  if (broken !== undefined) {
    const { mean, low, high } = broken.variants.find(({ verdict }) => verdict === 'worse')!.difference!;
    const shown = [mean, low, high].map((value) => signed(value as number));
    return {
      to: 'revert',
      reason: `at ${shareOf(plan)}: ${broken.metric} is worse ${shown[0]} [${shown[1]}, ${shown[2]}]`,
    };
  }
  if (plan.stage >= plan.stages.length - 1) return { to: 'stay', reason: 'the last stage' };
  if (report.mismatch.verdict !== 'sound')
    return { to: 'stay', reason: 'those that count are not those that were assigned' };
  // A unit that was counted at several nodes is one unit.
  const counted = Math.floor(report.variants[1].counted / (report.repeats ?? 1));
  if (counted < plan.minCounted)
    return { to: 'stay', reason: `${counted} of ${plan.minCounted} have counted` };
  const silent = unheardIn(report);
  if (silent !== undefined) return { to: 'stay', reason: silent };
  const undeclared = report.metrics.find(({ assumed }) => assumed === true);
  if (undeclared !== undefined) return { to: 'stay', reason: undirected(undeclared) };
  const untold = untoldIn(report.metrics);
  if (untold !== undefined) return { to: 'stay', reason: `${untold} ${UNTOLD}` };
  if (elapsedMs < plan.dwellMs) return { to: 'stay', reason: 'the stage has not lasted long enough' };
  return { to: 'promote', reason: `no guardrail broken by ${counted} units at ${shareOf(plan)}` };
}

const shareOf = ({ stages, stage }: RolloutPlan): string =>
  `${Number((stages[stage] * 100).toPrecision(3))} %`;

/** Three significant digits, with a minus sign that is one. */
const signed = (value: number): string => String(Number(value.toPrecision(3))).replace('-', '−');
