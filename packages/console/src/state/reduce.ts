import type { AuditEntry, NodeStatus } from '../wire.ts';
import {
  AUDIT_KEPT,
  DECISIONS_KEPT,
  type Heard,
  type Instant,
  type Message,
  type SeenDecision,
  type SeenOutcome,
  type State,
} from './model.ts';
import { withPast } from './past.ts';
import { withAnswer, withReport } from './reports.ts';

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
    case 'history':
      return { ...state, history: withPast(state.history, message.answer, at) };
    case 'answer':
      return withAnswer(state, message.answer, at);
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
    tracks: Object.fromEntries(Object.entries(state.tracks).filter(([key]) => kept(key.split('/')[0]))),
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
  const known = new Set(state.decisions.map((seen) => seen.decision.id));
  // The same decision may come by two streams.
  const news = fresh.filter(({ decision: { id } }) => !known.has(id) && known.add(id) !== undefined);
  const all = news.length === 0 ? state.decisions : [...news.toReversed(), ...state.decisions];
  const joined = all.slice(0, DECISIONS_KEPT).map((seen) => {
    const outcome = outcomes.get(seen.decision.id);
    return outcome === undefined ? seen : { ...seen, outcome };
  });
  return { ...state, decisions: joined, decisionsSeen: state.decisionsSeen + news.length };
}
