import type { ArmReport, Estimate, LiftReport, NodeStatus, PointReport, SideSums } from '../status.ts';
import { isSoundValidation } from './validating.ts';

/** What a status must have for pages and metrics to show it. */
export function isStatus(status: NodeStatus): boolean {
  const texts = [status.tier, status.incarnation, status.health, status.storage, status.controlVersion];
  const counts = [status.ageMs, status.decisionsPerSecond, status.decisions, status.outcomes];
  const orNull = [status.parentAgeMs, status.parentRttMs];
  const isTexts = (list: readonly string[]): boolean =>
    Array.isArray(list) && list.every((text) => typeof text === 'string');
  const { lease } = status;
  const leaseMs =
    lease?.state === 'held' ? lease.remainingMs : lease?.state === 'expired' ? lease.sinceMs : 0;
  return (
    texts.every((text) => typeof text === 'string') &&
    counts.every((n) => Number.isFinite(n) && n >= 0) &&
    orNull.every((n) => n === null || Number.isFinite(n)) &&
    (status.parent === null || typeof status.parent === 'string') &&
    typeof lease?.state === 'string' &&
    Number.isFinite(leaseMs) &&
    isTexts(status.problems) &&
    isTexts(status.quarantined) &&
    Array.isArray(status.points) &&
    status.points.every(
      (each) =>
        typeof each?.point === 'string' &&
        typeof each.mode === 'string' &&
        Number.isFinite(each.decisionsPerSecond),
    ) &&
    typeof status.refused === 'object' &&
    status.refused !== null &&
    Object.values(status.refused).every((n) => Number.isFinite(n))
  );
}

const isCount = (n: unknown): boolean => Number.isFinite(n) && (n as number) >= 0;
/** Over a link in this process an end may be infinite. */
const isNumberOrNull = (n: unknown): boolean => n === null || typeof n === 'number';

/** What a report must have for it to be merged, counted and shown: it comes from a child, and is checked like anything else. */
export function isSound(report: PointReport): boolean {
  const counts = [
    report?.decisions,
    report?.decisionsPerSecond,
    report?.outcomes,
    report?.expired,
    report?.unjoined,
    report?.unknownPropensity,
    report?.thinned ?? 0,
  ];
  if (typeof report?.point !== 'string' || !counts.every(isCount) || !Number.isFinite(report.pending))
    return false;
  if (![report.arms, report.lift, report.guards].every((list) => Array.isArray(list) && list.length <= 4096))
    return false;
  return (
    Object.values(report.reasons ?? {}).every(isCount) &&
    isSoundValidation(report) &&
    report.arms.every(isArm) &&
    report.guards.every(
      (guard) =>
        typeof guard?.guard === 'string' && typeof guard.why === 'string' && isCount(guard.interventions),
    ) &&
    report.lift.every(isLift)
  );
}

function isArm(each: ArmReport): boolean {
  return (
    typeof each?.arm === 'string' &&
    [each.decisions, each.failures].every(isCount) &&
    Number.isFinite(each.inflight) &&
    isEstimate(each.reward) &&
    (each.sums === undefined || isSide(each.sums)) &&
    (each.latency === undefined || (typeof each.latency?.metric === 'string' && isSide(each.latency.sums)))
  );
}

function isLift(each: LiftReport): boolean {
  const { metric, treated, holdout, difference, sums } = each ?? {};
  return (
    typeof metric === 'string' &&
    [treated, holdout, difference].every(isEstimate) &&
    (sums === undefined || (isSide(sums?.treated) && isSide(sums?.holdout)))
  );
}

const isEstimate = (estimate: Estimate | undefined): boolean =>
  Number.isFinite(estimate?.n) && [estimate?.mean, estimate?.low, estimate?.high].every(isNumberOrNull);

const isSide = (side: SideSums | undefined): boolean =>
  [side?.n, side?.sum, side?.squares].every((n) => Number.isFinite(n)) &&
  (side?.recent === undefined ||
    (Array.isArray(side.recent) &&
      side.recent.length <= 4096 &&
      side.recent.every((n) => Number.isFinite(n))));
