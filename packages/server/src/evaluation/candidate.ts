import {
  type CompiledPoint,
  compilePoint,
  DEFAULT_LIMITS,
  GanglionError,
  type Policy,
  type PolicyInput,
  type Proposal,
  resolveKind,
} from '@ganglion/core';
import { foldsOf } from '@ganglion/core/ope';
import { standard } from '@ganglion/core/presets';
import { contextReader, type DecisionLog, pointOf } from './decision-log.ts';
import { refuseUnjudgeable } from './unjudgeable.ts';
import { type UnseenValues, unseenValues } from './unseen-values.ts';

/** A policy that is asked what it would have done, row by row. */
export interface Candidate {
  readonly name: string;
  /** How it came to know what it knows, for people. */
  readonly how: string;
  /** Categories of the log that it does not declare. */
  readonly unseen?: readonly UnseenValues[] | undefined;
  /** Its probability of each arm of the log, `log.arms` long. */
  fill(row: number, out: Float64Array): void;
}

export interface TrainingOptions {
  readonly folds: number;
  readonly seed: number;
}

/**
 * A candidate from a declaration: `{ policy: … }` alone, or a whole point. A policy that learns is trained on the log
 * itself, by folds: what it says of a row it has learned from the other folds only, so no row judges itself.
 *
 * @throws GanglionError `invalid_spec`, `unknown_kind`; `invalid_input` where the point lacks an arm of the log;
 *   `not_replayable`, `unknown_field`
 */
export function declaredCandidate(
  log: DecisionLog,
  declaration: unknown,
  name: string,
  options: TrainingOptions,
): Candidate {
  const point = compiled(log, declaration);
  const { policy } = point;
  const arms = armsBetween(log, point);
  const fold = foldsOf(log.rows, options.folds, options.seed);
  const read = contextReader(log, point);
  const learns = policy.learns !== false;
  const views = Array.from({ length: options.folds }, (_, k) =>
    learns ? trainedView(log, point, arms.there, read, options.seed, (row) => fold[row] !== k) : undefined,
  );
  const propose = proposer(log, point, read);
  const learned = `what it learns of a row learned from the other ${options.folds - 1} of ${options.folds} folds`;
  return {
    name,
    how: `${policy.name}, ${learns ? learned : 'as it is'}`,
    // Of a declaration without a context the values are the log's own, as many of them as there may be.
    unseen: (declaration as { context?: unknown }).context === undefined ? [] : unseenValues(log, point),
    fill(row, out) {
      const p = propose(views[fold[row]], row);
      for (let a = 0; a < out.length; a++) out[a] = p[arms.there[a]];
    },
  };
}

/** What can be said of a declaration before a log is read, which may take long. @throws GanglionError `invalid_spec`, `unknown_kind` */
export function refuseUnknownKind(declaration: unknown): void {
  if (typeof declaration !== 'object' || declaration === null || Array.isArray(declaration))
    throw new GanglionError('invalid_spec', 'a candidate is a declaration with a policy', {
      field: 'policy',
      value: declaration,
      mend: 'Write "policy: { kind: … }", or a whole point.',
    });
  const { policy = declaration } = declaration as { policy?: unknown };
  // What is no policy at all is refused with the rest of the declaration.
  if (typeof policy === 'object' && policy !== null && 'kind' in policy)
    resolveKind(standard.policies, policy.kind, 'policy');
}

/** The point of a declaration over this log. @throws GanglionError `not_replayable`, `unknown_field`, and what a bad declaration throws */
export function compiled(log: DecisionLog, declaration: unknown): CompiledPoint {
  refuseUnknownKind(declaration);
  const given = declaration as { policy?: { kind: string }; point?: unknown; kind?: unknown };
  const spec =
    given.point !== undefined
      ? given
      : {
          ...pointOf(log, given.policy ?? (given as { kind: string })),
          ...(given.policy === undefined ? {} : given),
        };
  const point = compilePoint(spec, standard, {
    ...DEFAULT_LIMITS,
    arms: Math.max(DEFAULT_LIMITS.arms, log.arms.length),
  });
  refuseUnjudgeable(log, point);
  return point;
}

/** Where the log's arms stand among the point's. */
export function armsBetween(log: DecisionLog, point: CompiledPoint): { readonly there: Int32Array } {
  const there = Int32Array.from(log.arms, (arm) => point.armIds.indexOf(arm));
  const missing = log.arms.filter((_, a) => there[a] < 0);
  if (missing.length > 0)
    throw new GanglionError('invalid_input', `The candidate has no arm for ${missing.length} of the log’s`, {
      field: 'arms',
      value: missing.slice(0, 10),
      mend: 'Declare the arms that the log has, or no arms at all: then they are the log’s.',
    });
  return { there };
}

/** What a policy knows after the rows that `keep` names, in the log's order. */
function trainedView(
  log: DecisionLog,
  point: CompiledPoint,
  there: Int32Array,
  read: (row: number, out: Float64Array) => void,
  seed: number,
  keep: (row: number) => boolean,
): unknown {
  const { policy } = point;
  let own = policy.evidence.zero();
  let nowMs = 0;
  const teach = teacher(log, point, there, read);
  const propose = policy.note === undefined ? undefined : proposer(log, point, read);
  let view: unknown;
  let learned = 0;
  for (let row = 0; row < log.rows; row++) {
    if (!keep(row) || Number.isNaN(log.propensity[row])) continue;
    let noted: readonly number[] | undefined;
    if (propose !== undefined) {
      // What it notes of a proposal is what it would have proposed then, knowing what it had learned so far.
      if (learned++ % NOTED_ROWS === 0) view = viewOf(policy, own, point, log.atMs?.[row] ?? 0, seed, view);
      propose(view, row);
      noted = policy.note?.(view, there[log.arm[row]]);
    }
    own = teach(own, row, log.propensity[row], noted);
    nowMs = log.atMs?.[row] ?? 0;
  }
  return viewOf(policy, own, point, nowMs, seed, undefined);
}

const NOTED_ROWS = 256;

/**
 * Folds a row of the log into a policy's evidence, as an outcome whose arm was drawn with this propensity, and of which
 * the policy noted that.
 */
export function teacher(
  log: DecisionLog,
  point: CompiledPoint,
  there: Int32Array,
  read: (row: number, out: Float64Array) => void,
): (own: unknown, row: number, propensity: number, noted: readonly number[] | undefined) => unknown {
  return (own, row, propensity, noted) => {
    const arm = there[log.arm[row]];
    const context = new Float64Array(point.fields.length);
    read(row, context);
    return point.policy.learn(own, {
      arm,
      armKey: point.arms[arm].key,
      reward: log.reward[row],
      propensity,
      noted,
      weight: 1,
      sign: 1,
      atMs: log.atMs?.[row] ?? 0,
      context,
      metrics: { reward: log.reward[row] },
    });
  };
}

export function viewOf(
  policy: Policy,
  own: unknown,
  point: CompiledPoint,
  nowMs: number,
  seed: number,
  previous: unknown,
): unknown {
  const at = { arms: point.arms, nowMs, baseline: undefined, margin: point.margin, seed };
  return policy.view(own, policy.evidence.zero(), at, previous);
}

/** Asks a policy for its distribution at a row; the array is reused. */
export function proposer(
  log: DecisionLog,
  point: CompiledPoint,
  read: (row: number, out: Float64Array) => void,
): (view: unknown, row: number) => Float64Array {
  const n = point.arms.length;
  const context = new Float64Array(point.fields.length);
  const proposal: Proposal = { p: new Float64Array(n), confidence: Number.NaN };
  const allowed = new Uint8Array(n).fill(1);
  const input: { -readonly [K in keyof PolicyInput]: PolicyInput[K] } = {
    arms: n,
    allowed,
    allowedCount: n,
    context,
    inflight: new Int32Array(n),
    unitHash: 0,
    turn: 0,
    nowMs: 0,
  };
  const { there } = armsBetween(log, point);
  return (view, row) => {
    read(row, context);
    if (log.available !== undefined) {
      const arms = log.available[row];
      allowed.fill(arms === undefined ? 1 : 0);
      for (const arm of arms ?? []) allowed[there[arm]] = 1;
      input.allowedCount = arms?.length ?? n;
    }
    input.turn = row;
    input.nowMs = log.atMs?.[row] ?? 0;
    point.policy.propose(view, input, proposal);
    return proposal.p;
  };
}
