import type { NodeStatus, PointReport } from '../status.ts';
import type { Telemetry } from '../sync/messages.ts';
import { jsonSize } from './json-bytes.ts';
import { nodeStatus, pointReport } from './report.ts';
import { type NodeState, refuse } from './state.ts';
import type { TelemetryState } from './telemetry-room.ts';
import { type ChildTelemetry, ENTRY_BYTES } from './telemetry-room.ts';

/** Of nodes below, in one message: of this, statuses come first, and leave a third for reports. */
const RELAYED_BYTES = 3 << 20;
const STATUS_BYTES = 2 << 20;
const RELAYED_MAX = 9000;
/** Most of a node's own status that its points may take: those beyond are not listed, and not reported. */
const LISTED_BYTES = ENTRY_BYTES / 2;
/** Braces and names around a status and its reports. */
const AROUND_BYTES = 48;

/**
 * What this node tells its parent of itself, and what it has lately heard from below. A message has room for so much of
 * it; where that is too little, everybody below has his turn, child by child, so that none of them crowds out another.
 */
export const telemetryUp = (node: NodeState): Telemetry[] => [ownWord(node), ...relayed(node)];

function ownWord(node: NodeState): Telemetry {
  const status = listing(nodeStatus(node));
  const { points } = status;
  const reports: PointReport[] = [];
  let bytes = jsonSize(status);
  let i = 0;
  for (; i < points.length; i++) {
    const report = pointReport(node, points[(node.reportAt + i) % points.length].point, false);
    const size = jsonSize(report, ENTRY_BYTES);
    if (bytes + size <= ENTRY_BYTES) {
      reports.push(report);
      bytes += size;
    } else if (reports.length === 0) refuse(node, 'report_too_large');
    else break;
  }
  node.reportAt = points.length === 0 ? 0 : (node.reportAt + i) % points.length;
  return { status, reports, via: '' };
}

function listing(status: NodeStatus): NodeStatus {
  let bytes = 0;
  const points = status.points.filter((each) => {
    bytes += jsonSize(each) + 1;
    return bytes <= LISTED_BYTES;
  });
  return points.length === status.points.length ? status : { ...status, points };
}

function relayed(node: NodeState): Telemetry[] {
  const words = [...node.below.values()];
  if (words.length <= RELAYED_MAX && node.telemetryBytes + words.length * AROUND_BYTES <= RELAYED_BYTES)
    return words.map((word) => aged(node, word, word.telemetry.reports));
  const chosen = new Map<TelemetryState, PointReport[]>();
  const children = [...node.telemetryOf.values()];
  let bytes = 0;
  const add = (word: TelemetryState): void => {
    if (chosen.has(word)) return;
    chosen.set(word, []);
    bytes += word.statusBytes + AROUND_BYTES;
  };
  inTurn(children, statusesOf(node), (word, { child, at }) => {
    if (bytes >= STATUS_BYTES || chosen.size >= RELAYED_MAX) return false;
    add(word);
    child.statusAt = at + 1;
    return true;
  });
  inTurn(children, reportsOf(node), (word, { child, at, index }) => {
    if (bytes >= RELAYED_BYTES || (!chosen.has(word) && chosen.size >= RELAYED_MAX)) return false;
    add(word);
    chosen.get(word)?.push(word.telemetry.reports[index]);
    bytes += word.reportBytes[index];
    child.reportAt = at;
    word.next = index + 1;
    return true;
  });
  return [...chosen].map(([word, reports]) => aged(node, word, reports));
}

function aged(node: NodeState, { telemetry, receivedMs }: TelemetryState, reports: readonly PointReport[]) {
  const ageMs = telemetry.status.ageMs + node.moment.monoMs - receivedMs;
  return { ...telemetry, reports, status: { ...telemetry.status, ageMs } };
}

/** Where in a child's telemetry a piece of it is: the place of its node among the names, and of its report. */
interface Place {
  readonly child: ChildTelemetry;
  readonly at: number;
  readonly index: number;
}

type Pieces = (child: ChildTelemetry) => Iterator<readonly [TelemetryState, Place]>;

/** One piece of each child in turn, until `take` has enough. */
function inTurn(
  children: readonly ChildTelemetry[],
  pieces: Pieces,
  take: (word: TelemetryState, place: Place) => boolean,
): void {
  let open = children.map(pieces);
  while (open.length > 0)
    open = open.filter((each) => {
      const { value, done } = each.next();
      return done !== true && take(...value);
    });
}

/** From whose turn it is, once around. */
const statusesOf = (node: NodeState): Pieces =>
  function* (child) {
    const names = [...child.names];
    const first = child.statusAt;
    for (let k = 0; k < names.length; k++) {
      const at = (first + k) % names.length;
      yield [node.below.get(names[at]) as TelemetryState, { child, at, index: 0 }];
    }
  };

const reportsOf = (node: NodeState): Pieces =>
  function* (child) {
    const names = [...child.names];
    const first = child.reportAt;
    const start = node.below.get(names[first % names.length])?.next ?? 0;
    for (let k = 0; k <= names.length; k++) {
      const at = (first + k) % names.length;
      const word = node.below.get(names[at]) as TelemetryState;
      const { reports } = word.telemetry;
      // Of the first what was left over the last time, and what went with that when all others have had their turn.
      const end = k === names.length ? Math.min(start, reports.length) : reports.length;
      for (let index = k === 0 ? start : 0; index < end; index++) yield [word, { child, at, index }];
    }
  };
