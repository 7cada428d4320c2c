import { type DecisionRecord, EXPOSED } from '../decision/decision-record.ts';
import { release } from '../decision/outcome.ts';
import { find } from '../decision/pending.ts';
import type { PointState } from '../decision/point-state.ts';
import type { TypedDecision } from '../decision/record.ts';
import { conform } from '../decision/schema.ts';
import type { DefinedPoint } from '../decision/spec.ts';
import { GanglionError } from '../errors.ts';
import type { DecideInput, GanglionNode, PointHandle, Slate } from '../node-api.ts';
import { decideSafely } from './deciding.ts';
import { decideWithin } from './escalation.ts';
import { countEntities, takeEvents, viewEntity } from './ingest.ts';
import { parseId, takeExposures, takeFeedback } from './intake.ts';
import { keeping } from './keeping.ts';
import { rank } from './ranking.ts';
import { emit, glanceAtClocks, type NodeState } from './state.ts';
import { unknownPoint } from './unknown-point.ts';

type Uses = Pick<
  GanglionNode,
  | 'use'
  | 'decide'
  | 'rank'
  | 'decideAsync'
  | 'expose'
  | 'release'
  | 'feedback'
  | 'ingest'
  | 'entity'
  | 'entities'
>;

/** What applications do with a node: they ask it, and tell it what came of it. */
export function using(node: NodeState, timeout: NodeState['timeout']): Uses {
  const keepRecord = keeping(node);
  return {
    use<Arm extends string, Context>({ spec, schema }: DefinedPoint<Arm, Context>) {
      validateWith(node, spec.point, schema);
      const self = this as unknown as GanglionNode;
      const handle: PointHandle<Arm, Context> = {
        apply: (by) => self.apply(spec, by),
        decide: (input?: unknown) => self.decide(spec.point, input as DecideInput) as TypedDecision<Arm>,
        decideAsync: (input, within) =>
          self.decideAsync(spec.point, input as DecideInput, within) as Promise<TypedDecision<Arm>>,
        rank: (k, input?: unknown) =>
          self.rank(spec.point, k, input as DecideInput) as Slate<TypedDecision<Arm>>,
      };
      return handle;
    },
    decide(point: string, input?: DecideInput) {
      const state = stateOf(node, point);
      input = conform(state.schema, input);
      waitForNobody(node);
      const record = decideSafely(node, state, input, undefined) as DecisionRecord;
      keepRecord(state, record);
      if (node.listeners.size > 0) announce(node, record, input);
      return record;
    },
    rank(point: string, k: number, input?: DecideInput) {
      const state = stateOf(node, point);
      input = conform(state.schema, input);
      waitForNobody(node);
      return rank(node, state, k, input, (record) => {
        keepRecord(state, record);
        if (node.listeners.size > 0) announce(node, record, input);
      });
    },
    async decideAsync(point: string, input?: DecideInput, within?: { readonly deadlineMs?: number }) {
      const state = stateOf(node, point);
      const deadlineMs = deadlineOf(within?.deadlineMs ?? state.compiled.budgetMs);
      input = conform(state.schema, input);
      if (timeout === undefined) return this.decide(point, input);
      const now = (): PointState => stateOf(node, point);
      const record = await decideWithin(node, now, input, deadlineMs, timeout, keepRecord);
      if (node.listeners.size > 0) announce(node, record, input);
      return record;
    },
    expose: (ids) => takeExposures(node, ids),
    release: (id: string, abandoned = false) => releaseNamed(node, id, abandoned),
    feedback: (items) => takeFeedback(node, items),
    ingest: (events) => takeEvents(node, events),
    entity: (domain, entity) => viewEntity(node, domain, entity),
    entities: () => countEntities(node),
  };
}

function stateOf(node: NodeState, point: string): PointState {
  const state = node.points.get(point);
  if (state === undefined) throw unknownPoint(node, point);
  return state;
}

/** Contexts of this point are checked by the application's own schema from now on; without one, no more. */
function validateWith(node: NodeState, point: string, schema: PointState['schema']): void {
  if (schema === undefined) node.schemas.delete(point);
  else node.schemas.set(point, schema);
  const state = node.points.get(point);
  if (state !== undefined) state.schema = schema;
}

/** The moment of a decision that is made at once: neither the parent nor a place can be waited for. */
function waitForNobody(node: NodeState): void {
  const moment = glanceAtClocks(node);
  moment.budgetMs = 0;
  moment.parentMs = Number.POSITIVE_INFINITY;
}

function deadlineOf(deadlineMs: number): number {
  if (deadlineMs >= 0 && deadlineMs <= 3_600_000) return deadlineMs;
  throw new GanglionError('invalid_input', 'deadlineMs must lie in [0, 3600000]', {
    field: 'deadlineMs',
    value: deadlineMs,
  });
}

function releaseNamed(node: NodeState, id: string, abandoned: boolean): void {
  const parsed = parseId(id);
  const state = parsed === undefined ? undefined : node.joins.get(parsed.prefix);
  const found = state === undefined || parsed === undefined ? undefined : find(state.pending, parsed.n);
  if (state === undefined || found === undefined) return;
  // Defaults are for exposed decisions; feedback that comes all the same exposes it again.
  if (abandoned) found.state &= ~EXPOSED;
  release(state, found);
}

function announce(node: NodeState, decision: DecisionRecord, input: DecideInput | undefined): void {
  const context = input?.context as Readonly<Record<string, never>> | undefined;
  emit(node, {
    kind: 'decision',
    node: node.name,
    decision,
    ...(input?.unit === undefined ? {} : { unit: input.unit }),
    ...(context === undefined ? {} : { context }),
  });
}
