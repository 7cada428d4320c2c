import { NAME_PATTERN } from '../limits.ts';
import type { NodeEvent, NodeStatus, PointReport } from '../status.ts';
import type { Telemetry } from '../sync/messages.ts';
import { jsonSize } from './json-bytes.ts';
import type { ChildLink } from './links.ts';
import { speaksFor } from './names.ts';
import { routeTo } from './outbox.ts';
import { nodeStatus, pointReport } from './report.ts';
import { emit, type NodeState, refuse } from './state.ts';
import { isSound, isStatus } from './telemetry-checks.ts';
import type { TelemetryState } from './telemetry-room.ts';
import { ENTRY_BYTES, keepWord } from './telemetry-room.ts';

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
    if (name === node.name) continue;
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
    const heard = wordOf(each, known, link.node, receivedMs);
    if (heard === undefined) {
      refuse(node, 'telemetry_too_large');
      continue;
    }
    if (!keepWord(node, name, heard)) {
      refuse(node, 'telemetry_without_room');
      continue;
    }
    routeTo(node, name, link.key);
    if (node.listeners.size > 0) publish(node, name, each);
  }
}

interface Sized {
  readonly report: PointReport;
  readonly bytes: number;
}

/**
 * What is now known of a node: its status, and of each point that it lists there the newest report, for where there are
 * many a message brings only some. Undefined: more than an honest node says at once.
 */
function wordOf(
  { status, reports, via }: Telemetry,
  known: TelemetryState | undefined,
  child: string,
  receivedMs: number,
): TelemetryState | undefined {
  const statusBytes = jsonSize(status, ENTRY_BYTES);
  let bytes = statusBytes;
  const all = new Map<string, Sized>();
  const older = new Map<string, Sized>();
  for (const report of reports) {
    const size = jsonSize(report, ENTRY_BYTES);
    all.set(report.point, { report, bytes: size });
    bytes += size;
    if (bytes > ENTRY_BYTES) return undefined;
  }
  for (const [i, report] of (known?.telemetry.reports ?? []).entries())
    older.set(report.point, { report, bytes: known!.reportBytes[i] });
  // In the order of the status, which stays the same from message to message.
  const kept = new Map([
    ...status.points.map(({ point }) => [point, all.get(point) ?? older.get(point)] as const),
    ...all,
  ]);
  const words = [...kept.values()].filter((word) => word !== undefined);
  return {
    telemetry: { status, reports: words.map(({ report }) => report), via },
    reportOf: new Map(words.map(({ report }) => [report.point, report])),
    receivedMs,
    child,
    statusBytes,
    reportBytes: words.map((word) => word.bytes),
    bytes: words.reduce((sum, word) => sum + word.bytes, statusBytes),
    next: known?.next ?? 0,
  };
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
  for (const { reportOf } of node.below.values()) {
    const report = reportOf.get(point);
    if (report !== undefined) out.push(report);
  }
  return out;
}
