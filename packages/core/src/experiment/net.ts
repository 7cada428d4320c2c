import type { SafetyPlan } from '../comparison.ts';
import type { ExperimentReport } from '../status.ts';

/** What a safety net should do now. */
export interface NetStep {
  readonly to: 'stay' | 'catch' | 'release';
  readonly reason: string;
}

/**
 * Catches the policy as soon as the always-valid interval lies beyond the margin, and releases it as declared: a bounded number
 * of times, each after a while. Anything else is for a person.
 *
 * @param report - of this chance; undefined while it is caught. @param elapsedMs - since it was caught, or began.
 */
export function nextNetStep(
  plan: SafetyPlan,
  report: ExperimentReport | undefined,
  elapsedMs: number,
): NetStep {
  if (plan.fallen !== undefined) {
    if (plan.falls <= plan.retries && elapsedMs >= plan.retryMs)
      return { to: 'release', reason: `chance ${plan.falls + 1} of ${plan.retries + 1}` };
    return { to: 'stay', reason: plan.fallen };
  }
  for (const { metric, margin, variants } of report?.metrics ?? [])
    for (const { verdict, difference } of variants) {
      if (verdict !== 'worse' || difference === null) continue;
      const [mean, low, high] = [difference.mean, difference.low, difference.high].map((value) =>
        Number((value as number).toPrecision(3)),
      );
      return {
        to: 'catch',
        reason: `${metric} is ${mean} [${low}, ${high}] beside the baseline, beyond the margin of ${margin}`,
      };
    }
  return { to: 'stay', reason: 'the margin is kept, as far as is known' };
}
