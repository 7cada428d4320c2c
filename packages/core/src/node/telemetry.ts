import { NAME_PATTERN } from '../limits.ts';
import type { NodeEvent, NodeStatus, PointReport, SideSums } from '../status.ts';
import type { Telemetry } from '../sync/messages.ts';
import type { ChildLink } from './links.ts';
import { speaksFor } from './names.ts';
import { nodeStatus, pointReport } from './report.ts';
import { emit, type NodeState, refuse } from './state.ts';

const RELAYED_MAX = 5000;

/** What this node tells its parent of itself, and what it has lately heard from below. */
export function telemetryUp(node: NodeState): Telemetry[] {
  const out: Telemetry[] = [
    {
      status: nodeStatus(node),
      reports: [...node.points.keys()].map((point) => pointReport(node, point, false)),
      via: '',
    },
  ];
  for (const { telemetry, receivedMs } of node.below.values()) {
    if (out.length > RELAYED_MAX) break;
    const ageMs = telemetry.status.ageMs + node.moment.monoMs - receivedMs;
    out.push({ ...telemetry, status: { ...telemetry.status, ageMs } });
  }
  return out;
}

/** Keeps the last word of every node below. It is shown, never acted upon. */
export function hearTelemetry(node: NodeState, telemetry: readonly Telemetry[], link: ChildLink): void {
  for (const each of telemetry) {
    const name = each?.status?.node;
    if (
      typeof name !== 'string' ||
      !NAME_PATTERN.test(name) ||
      !isStatus(each.status) ||
      !Array.isArray(each.reports) ||
      !each.reports.every(isSound)
    ) {
      refuse(node, 'malformed_telemetry');
      continue;
    }
    if (name === node.name || (node.below.size >= node.limits.origins && !node.below.has(name))) continue;
    const known = node.below.get(name);
    const receivedMs = node.moment.monoMs;
    // Two ways to one node (it has moved): the fresher word counts.
    if (
      known !== undefined &&
      known.telemetry.status.ageMs + receivedMs - known.receivedMs < each.status.ageMs
    )
      continue;
    if (!speaksFor(node, link, name)) {
      refuse(node, 'name_of_another');
      continue;
    }
    node.below.set(name, { telemetry: each, receivedMs });
    node.routes.set(name, link.key);
    if (node.listeners.size > 0) publish(node, name, each);
  }
}

/** What a status must have for pages and metrics to show it. */
function isStatus(status: NodeStatus): boolean {
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
function isSound(report: PointReport): boolean {
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

function publish(node: NodeState, name: string, { status, reports }: Telemetry): void {
  emit(node, { kind: 'status', node: name, status });
  for (const report of reports) emit(node, { kind: 'report', node: name, report } satisfies NodeEvent);
}

/** All of this node's subtree, itself first: what was last heard, with its age; silence is unknown, not health. */
export function knownNodes(node: NodeState): NodeStatus[] {
  const out = [nodeStatus(node)];
  for (const { telemetry, receivedMs } of node.below.values()) {
    const ageMs = telemetry.status.ageMs + node.moment.monoMs - receivedMs;
    const silent = ageMs > 5 * Math.max(node.tuning.heartbeatMs, node.tuning.telemetryEveryMs);
    out.push({
      ...telemetry.status,
      ageMs,
      ...(silent
        ? { health: 'unknown' as const, problems: [`no word for ${Math.round(ageMs / 1000)} s`] }
        : {}),
    });
  }
  return out;
}

/** A point as each node of this subtree reports it, itself first. @throws GanglionError `unknown_point` */
export function knownReports(node: NodeState, point: string): PointReport[] {
  return [pointReport(node, point), ...reportsBelow(node, point)];
}

export function reportsBelow(node: NodeState, point: string): PointReport[] {
  const out: PointReport[] = [];
  for (const { telemetry } of node.below.values())
    for (const report of telemetry.reports) if (report.point === point) out.push(report);
  return out;
}
