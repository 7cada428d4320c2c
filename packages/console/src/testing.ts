import type { Connection, Heard, Sample, SeenDecision } from './state/model.ts';
import type {
  ArmReport,
  Decision,
  Estimate,
  LiftReport,
  NodeStatus,
  PointReport,
  PointSpec,
  ValidationReport,
} from './wire.ts';

/** What the tests of the selectors share: plain data with everything ordinary. */

export const LIVE: Connection = { state: 'live', why: '', lastHeardMs: 0, lostMs: null };
export const LOST: Connection = { state: 'lost', why: 'gone', lastHeardMs: 0, lostMs: 0 };

export const THIN = '\u202f';

export function spec(change: Partial<PointSpec> = {}): PointSpec {
  return {
    point: 'checkout',
    arms: ['a', 'b'],
    fallback: 'a',
    policy: { kind: 'thompson' },
    guards: [{ kind: 'holdout', share: '10%' }, { kind: 'breaker' }],
    ...change,
  };
}

export function estimate(mean: number | null, low: number | null, high: number | null, n = 1000): Estimate {
  return { mean, low, high, n };
}

export function lift(metric: string, change: Partial<LiftReport> = {}): LiftReport {
  return {
    metric,
    treated: estimate(1, 0.9, 1.1),
    holdout: estimate(1, 0.9, 1.1),
    difference: estimate(0, -0.1, 0.1),
    ...change,
  };
}

export function arm(name: string, decisions: number, change: Partial<ArmReport> = {}): ArmReport {
  return {
    arm: name,
    allocation: null,
    share: null,
    decisions,
    inflight: 0,
    reward: estimate(null, null, null, 0),
    failures: 0,
    ...change,
  };
}

const NO_REASONS: PointReport['reasons'] = {
  policy: 0,
  baseline: 0,
  override: 0,
  killed: 0,
  lease_expired: 0,
  blocked: 0,
  placement: 0,
  invalid_context: 0,
  deadline: 0,
  sticky: 0,
  escalated: 0,
  error: 0,
  observed: 0,
  invalid_proposal: 0,
};

export function report(node: string, change: Partial<PointReport> = {}): PointReport {
  return {
    point: 'checkout',
    node,
    tier: 'device',
    spec: spec(),
    specVersion: 1,
    mode: 'learning',
    why: '',
    decisions: 0,
    decisionsPerSecond: 0,
    outcomes: 0,
    pending: 0,
    expired: 0,
    unjoined: 0,
    unknownPropensity: 0,
    reasons: NO_REASONS,
    arms: [arm('a', 0), arm('b', 0)],
    lift: [],
    experiments: [],
    guards: [],
    viewVersion: 1,
    pooled: { ownOutcomes: 0, othersOutcomes: 0 },
    ...change,
  };
}

export function node(
  name: string,
  parent: string | null,
  change: Partial<NodeStatus> = {},
): Heard<NodeStatus> {
  const value: NodeStatus = {
    node: name,
    tier: parent === null ? 'cloud' : 'device',
    incarnation: 'i',
    parent,
    health: 'healthy',
    problems: [],
    lease: parent === null ? { state: 'root' } : { state: 'held', remainingMs: 30_000 },
    parentAgeMs: parent === null ? null : 100,
    parentRttMs: parent === null ? null : 1,
    ageMs: 0,
    storage: 'durable',
    decisionsPerSecond: 0,
    decisions: 0,
    outcomes: 0,
    controlVersion: 'v',
    points: [],
    quarantined: [],
    refused: {},
    ...change,
  };
  return { value, heardMs: 0 };
}

export function seen(change: Partial<Decision> = {}, name = 'device-1'): SeenDecision {
  const decision: Decision = {
    id: 'device-1~i~0~1',
    point: 'checkout',
    stratum: '',
    proposed: 'a',
    arm: 'a',
    propensity: 0.9,
    confidence: 0.95,
    reason: 'policy',
    tier: 'device',
    versions: { spec: 1, view: 1 },
    trail: [],
    atMs: 0,
    ...change,
  };
  return { node: name, decision, unit: null, context: null, outcome: null };
}

export function sample(
  wallMs: number,
  decisions: Record<string, number>,
  change: Partial<Sample> = {},
): Sample {
  return { wallMs, mode: 'learning', rate: 1, decisions, allocation: {}, ...change };
}

/** Of a learner that is sound. */
export function validation(change: Partial<ValidationReport> = {}): ValidationReport {
  const loss = { n: 100, squared: 0.15, reference: 0.2, log: null, referenceLog: null, skill: 0.25 };
  return {
    learner: 'thompson/1',
    judged: 1000,
    selfCaused: 900,
    kind: 'binary',
    loss,
    recent: loss,
    calibration: { n: 800, ece: 0.01, eceByChance: 0.01, e: 1, verdict: 'sound', bins: [] },
    decay: { armed: true, e: 1, threshold: 100 },
    frozen: [],
    ...change,
  };
}
