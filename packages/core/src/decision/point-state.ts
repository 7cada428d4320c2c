import type { ControlState, Kill, Override } from '../controls/control-state.ts';
import { artifactNames } from '../controls/model-state.ts';
import { type Place, type Ruling, ruleOn } from '../controls/scope.ts';
import type { GuardInput, QueueLimit, Verdict } from '../guard.ts';
import type { PolicyInput, Proposal } from '../policy.ts';
import { mix32 } from '../stats/hash.ts';
import type { Monitor } from '../validation/monitor.ts';
import type { DecisionRecord, RecordSource } from './decision-record.ts';
import type { CompiledPoint } from './define.ts';
import { type Episodes, openEpisodes } from './episodes.ts';
import { type Pending, pendingQueue } from './pending.ts';
import { noReasons, type Reason } from './record.ts';
import { holdingPlan } from './seats.ts';
import type { ShownFeatures } from './shown.ts';
import { type SlateState, slateState } from './slate.ts';
import type { ArtifactSpec, StandardSchema, Tier } from './spec.ts';

/** What a policy reads, and which of its versions it is. Rebuilt off the decide path. */
export interface ViewState {
  current: unknown;
  version: number;
  /** Outcomes learned since it was built. */
  stale: number;
  /** Monotonic time it was built. */
  builtMs: number;
  /** The evidence of others changed. */
  dirty: boolean;
}

const TIERS: readonly Tier[] = ['device', 'region', 'cloud'];

/** A stuck arm: the first draw and its propensity stand until it runs out. */
export interface Stuck {
  readonly armKey: string;
  readonly propensity: number;
  /** The learner's own choice caused the first draw, and so every repeat of it. */
  readonly caused: boolean;
  readonly untilMs: number;
}

/** Everything a node holds of one point at one spec version. Plain data and arrays; the functions are elsewhere. */
export interface PointState {
  readonly compiled: CompiledPoint;
  readonly source: RecordSource;
  readonly learnerKey: string;
  /** What validates contexts on this node, where the application gave one. */
  schema: StandardSchema | undefined;
  /** A higher tier decides this point. */
  readonly misplaced: boolean;
  guards: unknown[];
  view: ViewState;
  ruling: CompiledRuling;
  pending: Pending;
  /** Counter of the last decision; never goes back within an incarnation. */
  n: number;
  /** Seeds of this incarnation's draws. */
  readonly seedHi: number;
  readonly seedLo: number;
  turns: number;
  baselineTurns: number;
  readonly inflight: Int32Array;
  inflightTotal: number;
  /** In flight over all points of the domain on this node; one object for all of them. */
  domainLoad: DomainLoad;
  /** The state that took this one's place: what is in flight here, and what becomes of its decisions, counts there. */
  successor: PointState | undefined;
  readonly counters: PointCounters;
  readonly stuck: Map<string, Stuck>;
  /** What watches the learner; one for all states of a point that share it. Undefined where nothing does. */
  monitor: Monitor | undefined;
  /** The learner has decayed, and the baseline decides: said and applied like a guard's verdict. */
  frozen: Verdict | undefined;
  readonly scratch: Scratch;
  readonly slate: SlateState;
  /** Features that its context shows, where it shows any. */
  features: ShownFeatures | undefined;
  /** Puts a verdict on the trail of the decision under way. */
  readonly tell: (verdict: Verdict) => void;
  /** Where the policy learns sequences; goes over to the state that takes this one's place. */
  episodes: Episodes | undefined;
  /** For answering others, made when first asked: their questions leave no trace in this node's own decisions. */
  answering: { readonly scratch: Scratch; asks: number } | undefined;
}

/** What all points of a domain have in flight on this node, and the callers that wait for a place. */
export interface DomainLoad {
  inflight: number;
  readonly queue: Queued[];
  /** Called when a place may have become free while somebody waits. */
  wake: () => void;
}

/** A caller that waits for a place. */
export interface Queued {
  readonly point: string;
  readonly limit: QueueLimit;
  /** Tries to decide; whether it need not wait any longer. */
  attempt(): boolean;
}

export const domainLoad = (): DomainLoad => ({ inflight: 0, queue: [], wake: () => {} });

export interface PointCounters {
  decisions: number;
  outcomes: number;
  /** Kept, and not yet settled. */
  awaiting: number;
  expired: number;
  unjoined: number;
  /** Passed over by the states before this one; `pending.passedOver` adds its own. */
  thinned: number;
  unknownPropensity: number;
  refused: number;
  /** Outcomes that could have taught, by cause, and those of them that did not. */
  readonly training: { caused: number; others: number; heldBack: number; frozen: number };
  /** By reason; `policy` stands at 0, for it is the rest. */
  readonly reasons: Record<Reason, number>;
  readonly decisionsByArm: Float64Array;
  readonly failuresByArm: Float64Array;
  readonly guardInterventions: Float64Array;
  readonly guardWhy: string[];
}

/** The ruling on this place, compiled: verdicts interned, arms as masks. */
export interface CompiledRuling {
  readonly kill: Verdict | undefined;
  /** 1 where no control forbids the arm. */
  readonly armsAllowed: Uint8Array;
  readonly allowedCount: number;
  readonly artifactKill: Verdict | undefined;
  /** 1 where a control has stopped that member of the policy; undefined while all serve. */
  readonly stopped: Uint8Array | undefined;
  readonly memberKill: Verdict | undefined;
  readonly overrides: readonly {
    readonly override: Override;
    readonly arm: number;
    readonly verdict: Verdict;
  }[];
}

/** Reused for every decision, so that deciding allocates nothing but the record. */
export interface Scratch {
  readonly context: Float64Array;
  readonly guardInput: GuardInput;
  readonly policyInput: Mutable<PolicyInput>;
  readonly proposal: Proposal;
  readonly baseline: Proposal;
  readonly trail: Verdict[];
  trailLength: number;
  /** Guards whose words have been counted for it. */
  readonly heard: number[];
  heardLength: number;
  /** The guard that is being asked, so that it can be named where it throws; −1: none, what throws is the policy. */
  asking: number;
  /** The guard that would rather ask, when the answer is to escalate; −1: the placement. */
  escalatedBy: number;
  /** The last trail by its first word; bounded (`trailOf`). A weak map would cost more than the rest of a stratum does. */
  readonly trails: Map<Verdict, readonly Verdict[]>;
  /** Exploration floor ε and model influence w, as the guards of this decision left them. */
  floor: number;
  influence: number;
  /** Whether this decision went through the guards: only then do they hear what was chosen. */
  live: boolean;
  /** After the answer `wait`: how many may. */
  queue: QueueLimit | undefined;
}

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface PointPlace {
  readonly node: string;
  readonly tier: Tier;
  readonly path: readonly string[];
  readonly incarnation: string;
  readonly pointNumber: number;
  readonly seed: readonly [number, number];
}

export function createPointState(
  compiled: CompiledPoint,
  specVersion: number,
  learnerKey: string,
  place: PointPlace,
): PointState {
  const arms = compiled.arms.length;
  const inflight = new Int32Array(arms);
  const context = new Float64Array(compiled.fields.length);
  const scratch = createScratch(arms, context, compiled.armIds, inflight);
  return {
    compiled,
    source: sourceOf(compiled, specVersion, place),
    learnerKey,
    schema: undefined,
    misplaced: TIERS.indexOf(place.tier) < TIERS.indexOf(compiled.placement),
    guards: compiled.guards.map(({ guard }) => guard.initial(arms)),
    view: { current: undefined, version: 0, stale: 0, builtMs: Number.NEGATIVE_INFINITY, dirty: true },
    ruling: unruled(arms),
    pending: pendingQueue(compiled.pendingMax, holdingPlan(compiled)),
    n: 0,
    seedHi: mix32(place.seed[0] ^ mix32(place.pointNumber)),
    seedLo: mix32(place.seed[1] + place.pointNumber),
    turns: 0,
    baselineTurns: 0,
    inflight,
    inflightTotal: 0,
    domainLoad: domainLoad(),
    successor: undefined,
    counters: noCounts(compiled),
    stuck: new Map(),
    monitor: undefined,
    frozen: undefined,
    slate: slateState(arms),
    episodes: compiled.policy.episodes === undefined ? undefined : openEpisodes(),
    features: undefined,
    tell: (verdict) => {
      scratch.trail[scratch.trailLength++] = verdict;
    },
    scratch,
    answering: undefined,
  };
}

const sourceOf = (compiled: CompiledPoint, specVersion: number, place: PointPlace): RecordSource => ({
  idPrefix: `${place.node}~${place.incarnation}~${place.pointNumber.toString(36)}~`,
  point: compiled.name,
  armIds: compiled.armIds,
  armKeys: compiled.arms.map((arm) => arm.key),
  tier: place.tier,
  specVersion,
  digests: compiled.artifacts?.map((artifact) => artifact?.digest),
  shownTrails: new Map(),
});

const unruled = (arms: number): CompiledRuling => ({
  kill: undefined,
  armsAllowed: new Uint8Array(arms).fill(1),
  allowedCount: arms,
  artifactKill: undefined,
  stopped: undefined,
  memberKill: undefined,
  overrides: [],
});

function noCounts({ arms, guards }: CompiledPoint): PointCounters {
  return {
    decisions: 0,
    outcomes: 0,
    awaiting: 0,
    expired: 0,
    unjoined: 0,
    thinned: 0,
    unknownPropensity: 0,
    refused: 0,
    training: { caused: 0, others: 0, heldBack: 0, frozen: 0 },
    reasons: noReasons(),
    decisionsByArm: new Float64Array(arms.length),
    failuresByArm: new Float64Array(arms.length),
    guardInterventions: new Float64Array(guards.length),
    guardWhy: guards.map(() => ''),
  };
}

export function createScratch(
  arms: number,
  context: Float64Array,
  armIds: readonly string[],
  inflight: Int32Array,
): Scratch {
  const allowed = new Uint8Array(arms);
  const guardInput: GuardInput = {
    nowMs: 0,
    unit: '',
    unitHash: 0,
    context,
    arms,
    armIds,
    allowed,
    allowedCount: arms,
    inflight,
    inflightPoint: 0,
    inflightDomain: 0,
    confidence: Number.NaN,
    budgetMs: 0,
    parentMs: Number.POSITIVE_INFINITY,
    share: 1,
    stratum: '',
    chance: 0,
  };
  return {
    context,
    guardInput,
    policyInput: { arms, allowed, allowedCount: arms, context, inflight, unitHash: 0, turn: 0, nowMs: 0 },
    proposal: { p: new Float64Array(arms), confidence: Number.NaN },
    baseline: { p: new Float64Array(arms), confidence: Number.NaN },
    trail: [],
    trailLength: 0,
    heard: [],
    heardLength: 0,
    asking: -1,
    escalatedBy: -1,
    trails: new Map(),
    floor: 0,
    influence: 1,
    live: false,
    queue: undefined,
  };
}

/** The kill that stops an arm: under its own name, or a name of the artifact that it is. */
function killOf(
  killed: Ruling['killedArms'],
  id: string,
  artifact: ArtifactSpec | undefined,
): Kill | undefined {
  const own = killed.get(id);
  if (own !== undefined || artifact === undefined || killed.size === 0) return own;
  for (const name of artifactNames(artifact.model, artifact.version, artifact.digest)) {
    const kill = killed.get(name);
    if (kill !== undefined) return kill;
  }
  return undefined;
}

/** Compiles what the controls say of this point here. Called when controls or the node's place change. */
export function compileRuling(
  state: PointState,
  controls: ControlState,
  place: Omit<Place, 'point' | 'domain'>,
): void {
  const { compiled } = state;
  const ruling: Ruling = ruleOn(controls, { ...place, point: compiled.name, domain: compiled.domain });
  const armsAllowed = new Uint8Array(compiled.arms.length).fill(1);
  let artifactKill: Verdict | undefined;
  compiled.armIds.forEach((id, i) => {
    const kill = killOf(ruling.killedArms, id, compiled.artifacts?.[i]);
    if (kill === undefined) return;
    armsAllowed[i] = 0;
    artifactKill = Object.freeze({
      guard: 'kill',
      kind: 'restrict',
      why: `${kill.scope}: ${kill.reason} (${kill.by})`,
    } as const);
  });
  for (const { fields } of state.features?.sets ?? [])
    for (const field of fields) field.isStopped = ruling.killedArms.has(field.name);
  const members = compiled.policy.members ?? [];
  const stops = members.map((name) => ruling.killedArms.get(name));
  const stopping = stops.find((kill) => kill !== undefined);
  // A policy without a member left is no policy: the point stops.
  const kill = ruling.kill ?? (stops.every((each) => each !== undefined) ? stopping : undefined);
  state.ruling = {
    kill:
      kill &&
      Object.freeze({
        guard: 'kill',
        kind: 'block',
        why: `${kill.scope}: ${kill.reason} (${kill.by})`,
      } as const),
    stopped: stopping && Uint8Array.from(stops, (each) => (each === undefined ? 0 : 1)),
    memberKill:
      stopping &&
      Object.freeze({
        guard: 'kill',
        kind: 'soften',
        why: `member ${stopping.scope}: ${stopping.reason} (${stopping.by})`,
      } as const),
    armsAllowed,
    allowedCount: armsAllowed.reduce((sum, one) => sum + one, 0),
    artifactKill,
    overrides: ruling.overrides
      .map((override) => ({
        override,
        arm: compiled.armIds.indexOf(override.arm),
        verdict: Object.freeze({
          guard: 'override',
          kind: 'restrict',
          why: `${override.arm}: ${override.reason} (${override.by})`,
        } as const),
      }))
      .filter(({ arm }) => arm >= 0),
  };
}

/** In flight no longer: at its outcome, its expiry, or when the application says so. At most once a decision. */
export function releaseArm(state: PointState, record: DecisionRecord): void {
  if (record.armIndex < 0) return;
  state.inflight[record.armIndex]--;
  state.inflightTotal--;
  state.domainLoad.inflight--;
  if (state.domainLoad.queue.length > 0) state.domainLoad.wake();
  if (state.successor === undefined) return;
  const current = newest(state);
  const arm = current.source.armKeys.indexOf(state.source.armKeys[record.armIndex]);
  if (arm >= 0) current.inflight[arm]--;
  current.inflightTotal--;
  if (current.domainLoad !== state.domainLoad && current.domainLoad.queue.length > 0)
    current.domainLoad.wake();
}

/** The state in use now. What lies between is skipped from then on. */
function newest(state: PointState): PointState {
  let last = state;
  while (last.successor !== undefined) last = last.successor;
  if (last !== state) state.successor = last;
  return last;
}

/** Where what becomes of the decisions of a state is counted: at the state in use, whichever decided. */
export const countersOf = (state: PointState): PointCounters =>
  state.successor === undefined ? state.counters : newest(state).counters;

/** A decision on this arm has failed. Of an arm that is gone nothing is counted. */
export function countFailure(state: PointState, arm: number): void {
  const current = newest(state);
  const now = current === state ? arm : current.source.armKeys.indexOf(state.source.armKeys[arm]);
  if (now >= 0) current.counters.failuresByArm[now]++;
}

/** The new state of a point goes on with what is in flight of the old one, by arm; arms that are gone count in the total. */
export function carryInflight(old: PointState, state: PointState): void {
  state.source.armKeys.forEach((key, arm) => {
    const was = old.source.armKeys.indexOf(key);
    if (was >= 0) state.inflight[arm] = old.inflight[was];
  });
  state.inflightTotal = old.inflightTotal;
  state.counters.awaiting = old.counters.awaiting;
  old.successor = state;
}
