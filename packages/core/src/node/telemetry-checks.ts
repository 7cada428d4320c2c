import type { NodeStatus, PointReport, SideSums } from '../status.ts';
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

/** What a report must have for it to be merged and shown: it comes from a child, and is checked like anything else. */
export function isSound(report: PointReport): boolean {
  const counts = [
    report?.decisions,
    report?.decisionsPerSecond,
    report?.outcomes,
    report?.pending,
    report?.expired,
    report?.unjoined,
    report?.unknownPropensity,
  ];
  if (typeof report?.point !== 'string' || !counts.every((n) => Number.isFinite(n))) return false;
  if (![report.arms, report.lift, report.guards].every((list) => Array.isArray(list) && list.length <= 4096))
    return false;
  if (!Object.values(report.reasons ?? {}).every((n) => Number.isFinite(n))) return false;
  const isSide = (side: SideSums | undefined): boolean =>
    [side?.n, side?.sum, side?.squares].every((n) => Number.isFinite(n)) &&
    (side?.recent === undefined ||
      (Array.isArray(side.recent) &&
        side.recent.length <= 4096 &&
        side.recent.every((n) => Number.isFinite(n))));
  return (
    isSoundValidation(report) &&
    report.arms.every(
      (arm) =>
        typeof arm?.arm === 'string' &&
        [arm.decisions, arm.inflight, arm.failures].every((n) => Number.isFinite(n)),
    ) &&
    report.guards.every(
      (guard) =>
        typeof guard?.guard === 'string' &&
        typeof guard.why === 'string' &&
        Number.isFinite(guard.interventions),
    ) &&
    report.lift.every(
      (lift) =>
        typeof lift?.metric === 'string' &&
        (lift.sums === undefined || (isSide(lift.sums.treated) && isSide(lift.sums.holdout))),
    )
  );
}
