import type { AuditEntry, NodeStatus, PointReport } from '../wire.ts';
import {
  AUDIT_KEPT,
  DECISIONS_KEPT,
  type Heard,
  historyKey,
  type Instant,
  type Message,
  SAMPLES_KEPT,
  type Sample,
  type SeenDecision,
  type SeenOutcome,
  type State,
} from './model.ts';

/** Samples closer together than this are one: reports of one round must not crowd the chart. */
const SAMPLE_EVERY_MS = 700;

/** The state after these messages. Pure; nothing in `state` is changed. */
export function reduce(state: State, messages: readonly Message[], at: Instant): State {
  let next = state;
  const decisions: SeenDecision[] = [];
  const outcomes = new Map<string, SeenOutcome>();
  for (const message of messages) {
    if (message.kind === 'decision') {
      decisions.push({
        node: message.node,
        decision: message.decision,
        unit: message.unit ?? null,
        context: message.context ?? null,
        outcome: null,
      });
    } else if (message.kind === 'outcome') {
      outcomes.set(message.id, { reward: message.reward, metrics: message.metrics });
    } else {
      next = reduceOne(next, message, at);
    }
  }
  return withDecisions(next, decisions, outcomes);
}

type Rest = Exclude<Message, { kind: 'decision' } | { kind: 'outcome' }>;

function reduceOne(state: State, message: Rest, at: Instant): State {
  switch (message.kind) {
    case 'status':
      return { ...state, nodes: withStatus(state.nodes, message.status, at) };
    case 'report':
      return withReport(state, message.report, at);
    case 'controls':
    case 'controls-answer':
      return { ...state, controls: { value: message.controls, heardMs: at.nowMs } };
    case 'audit':
      return { ...state, audit: withAudit(state.audit, [message.entry]) };
    case 'audit-answer':
      return { ...state, audit: withAudit([], message.entries) };
    case 'nodes':
      return { ...state, nodes: message.nodes.map((value) => ({ value, heardMs: at.nowMs })) };
    case 'points':
      return withPoints({ ...state, points: message.points });
    case 'answer': {
      const { report, nodes } = message.answer;
      return nodes.reduce(
        (s, own) => withNodeReport(s, report.point, own, at),
        withMerged(state, report, at),
      );
    }
    default:
      return { ...state, ...connection(state, message, at) };
  }
}

type ConnectionMessage = Extract<
  Message,
  { kind: 'connecting' | 'heard' | 'ready' | 'lost' | 'unauthorized' }
>;

function connection(state: State, message: ConnectionMessage, at: Instant): Partial<State> {
  const before = state.connection;
  switch (message.kind) {
    case 'connecting':
      // A page that has lost its node stays "lost" while it tries again, so that nothing looks fresh too early.
      return before.state === 'lost' ? {} : { connection: { ...before, state: 'connecting', why: '' } };
    case 'heard':
      return { connection: { ...before, lastHeardMs: at.nowMs } };
    case 'ready':
      return { ready: true, connection: { state: 'live', why: '', lastHeardMs: at.nowMs, lostMs: null } };
    case 'lost':
      return {
        connection: { ...before, state: 'lost', why: message.why, lostMs: before.lostMs ?? at.nowMs },
      };
    case 'unauthorized':
      return { connection: { ...before, state: 'unauthorized', why: message.why } };
  }
}

function withStatus(
  nodes: readonly Heard<NodeStatus>[],
  status: NodeStatus,
  at: Instant,
): readonly Heard<NodeStatus>[] {
  const heard = { value: status, heardMs: at.nowMs };
  const index = nodes.findIndex((one) => one.value.node === status.node);
  return index < 0 ? [...nodes, heard] : nodes.with(index, heard);
}

/** A report in the stream: the answering node's is the merged view, any other is that node's own. */
function withReport(state: State, report: PointReport, at: Instant): State {
  const known = state.reports[report.point];
  const answering = known?.merged.value.node ?? state.nodes[0]?.value.node ?? report.node;
  return report.node === answering
    ? withMerged(state, report, at)
    : withNodeReport(state, report.point, report, at);
}

function withMerged(state: State, report: PointReport, at: Instant): State {
  const merged = { value: report, heardMs: at.nowMs };
  const nodes = state.reports[report.point]?.nodes ?? {};
  return {
    ...state,
    reports: { ...state.reports, [report.point]: { merged, nodes } },
    history: withSample(state.history, historyKey(report.point, null), report, at),
  };
}

function withNodeReport(state: State, point: string, report: PointReport, at: Instant): State {
  const known = state.reports[point];
  // Without a merged view there is nothing to stand beside yet; the next answer brings both.
  if (known === undefined) return state;
  const nodes = { ...known.nodes, [report.node]: { value: report, heardMs: at.nowMs } };
  return {
    ...state,
    reports: { ...state.reports, [point]: { ...known, nodes } },
    history: withSample(state.history, historyKey(point, report.node), report, at),
  };
}

function withSample(
  history: State['history'],
  key: string,
  report: PointReport,
  at: Instant,
): State['history'] {
  const samples = history[key] ?? [];
  const last = samples.at(-1);
  if (last !== undefined && at.wallMs - last.wallMs < SAMPLE_EVERY_MS && last.mode === report.mode)
    return history;
  const sample: Sample = {
    wallMs: at.wallMs,
    mode: report.mode,
    rate: report.decisionsPerSecond,
    decisions: Object.fromEntries(report.arms.map((arm) => [arm.arm, arm.decisions])),
    allocation: Object.fromEntries(report.arms.map((arm) => [arm.arm, arm.allocation])),
  };
  return { ...history, [key]: [...samples.slice(-(SAMPLES_KEPT - 1)), sample] };
}

/** Points that are gone take their reports with them. */
function withPoints(state: State): State {
  const names = new Set(state.points.map((entry) => entry.spec.point));
  const gone = Object.keys(state.reports).filter((point) => !names.has(point));
  if (gone.length === 0) return state;
  const kept = (point: string) => names.has(point);
  return {
    ...state,
    reports: Object.fromEntries(Object.entries(state.reports).filter(([point]) => kept(point))),
    history: Object.fromEntries(Object.entries(state.history).filter(([key]) => kept(key.split('@')[0]))),
  };
}

function withAudit(known: readonly AuditEntry[], entries: readonly AuditEntry[]): readonly AuditEntry[] {
  const key = (entry: AuditEntry) => `${entry.node}/${entry.seq}`;
  const byKey = new Map([...known, ...entries].map((entry) => [key(entry), entry]));
  return [...byKey.values()].sort((a, b) => b.atMs - a.atMs || b.seq - a.seq).slice(0, AUDIT_KEPT);
}

function withDecisions(
  state: State,
  fresh: readonly SeenDecision[],
  outcomes: ReadonlyMap<string, SeenOutcome>,
): State {
  if (fresh.length === 0 && outcomes.size === 0) return state;
  const all = fresh.length === 0 ? state.decisions : [...fresh.toReversed(), ...state.decisions];
  const joined = all.slice(0, DECISIONS_KEPT).map((seen) => {
    const outcome = outcomes.get(seen.decision.id);
    return outcome === undefined ? seen : { ...seen, outcome };
  });
  return { ...state, decisions: joined, decisionsSeen: state.decisionsSeen + fresh.length };
}
