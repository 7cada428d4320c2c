import { type ControlState, EMPTY_CONTROLS, type SpecVersion } from '../controls/control-state.ts';
import type { Moment } from '../decision/decide.ts';
import type { DecisionRecord } from '../decision/decision-record.ts';
import type { OutcomeEntry } from '../decision/outcome-journal.ts';
import type { DomainLoad, PointState } from '../decision/point-state.ts';
import type { StandardSchema, Tier } from '../decision/spec.ts';
import type { Limits } from '../limits.ts';
import type { FeedbackItem } from '../node-api.ts';
import type { Ports, Write } from '../ports.ts';
import type { Registry } from '../registry.ts';
import type { AuditEntry, NodeEvent } from '../status.ts';
import type { Unbounded } from '../sync/messages.ts';
import { type LearnerSlots, originOf } from '../sync/slots.ts';
import { type UnitHouse, unitHouse } from './counted-units.ts';
import { type FeatureHouse, featureHouse } from './features.ts';
import type { Guests } from './guests.ts';
import type { HeldLease } from './held-leases.ts';
import type { KnownChild } from './known-children.ts';
import type { ChildLink, ParentLink } from './links.ts';
import type { TakenLooks } from './looks.ts';
import type { Mixture } from './mixture.ts';
import { openingDigits } from './origins.ts';
import { emptyOutbox, type Outbox } from './outbox.ts';
import type { OutcomeStats } from './outcome-stats.ts';
import { newSecret, type Vouched } from './secret.ts';
import type { TaughtTo } from './teaching-late.ts';
import type { ChildTelemetry } from './telemetry-room.ts';
import type { NodeTuning } from './tuning.ts';

/** A learner of a point, as this node reads it. */
export interface LearnerState {
  readonly slots: LearnerSlots;
  /** Pooled evidence of the others, adopted in steps. */
  readonly others: Mixture;
  /** When totals are adopted, of the time between steps; worked out when first needed. */
  phase?: number;
  /** Own slots with changes that are not on disk. */
  readonly dirty: Set<string>;
  baseDirty: boolean;
  /** The child that brought it; '' where a declaration did. */
  readonly guest: string;
}

/** Feedback in transit: for another node's decision, or that it was exposed. */
export type TransitItem = FeedbackItem & { readonly exposed?: boolean };

export interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/** What decides how a point of this node is compiled, besides its registry and limits. */
export interface MadeOf {
  readonly declared: SpecVersion;
  readonly models: ControlState['models'];
  readonly epoch: number;
  readonly origin: string;
}

/** All of a node: data only. The functions beside this file work on it; two nodes in one process share nothing. */
export interface NodeState {
  readonly name: string;
  readonly tier: Tier;
  readonly ports: Ports;
  readonly registry: Registry;
  readonly limits: Limits;
  readonly tuning: NodeTuning;
  readonly isRoot: boolean;
  incarnation: string;
  origin: string;
  /** This node and its ancestors, root last. Without word from a parent: this node alone. */
  path: readonly string[];
  seed: [number, number];
  closed: boolean;

  readonly moment: Moment;
  /** Tree time minus monotonic time. */
  treeOffsetMs: number;
  /** Wall minus monotonic at the last look; a step back ends the lease. */
  lastWallMs: number;
  /** When a step back was last seen, monotonic ms: no request before it can be answered by a lease. */
  wallStepMonoMs: number;
  /** Decisions since the monotonic clock was last read. */
  glances: number;
  /** Monotonic and wall times to which the lease age is reckoned; −Infinity: none held. */
  leaseBaseMonoMs: number;
  leaseBaseWallMs: number;
  startedMonoMs: number;

  controls: ControlState;
  controlsDigest: string;
  /** Makes the seal on what goes down. */
  secret: Uint8Array;
  /** Bytes of each part of the controls as JSON: parts are never changed, and most of them stay. */
  readonly controlSizes: WeakMap<object, number>;
  sealed: { readonly state: ControlState | undefined; readonly seal: string };
  /** The newest words of the parent that are here, and what it has forgotten since. */
  vouched: readonly Vouched[];
  /** It started with nothing on its disk. */
  blank: boolean;
  /** As on disk: what may be vouched for. */
  durableControls: ControlState;
  durableDigest: string;
  controlsDirty: boolean;
  /** When each kill became durable here, monotonic ms, and who acknowledged it when. */
  readonly killTimes: Map<string, KillTimes>;
  /** Declarations that have been replaced, and that a child which is cut off may still obey; by point and domain. */
  readonly heldLeases: Map<string, HeldLease>;
  /** Counts what has been replaced since, and how far each child is known to have followed. */
  specsKnown: number;
  readonly specsOf: Map<string, number>;
  /** What each child says of those below it that may hold one without a bound. */
  readonly unboundedBelow: Map<string, readonly Unbounded[]>;
  /** Tags that each node below (and this one) has applied. */
  readonly applied: Map<string, ReadonlySet<string>>;

  /** Current state of each point, and all states (also of older specs and incarnations) that still await outcomes. */
  readonly points: Map<string, PointState>;
  /** What the state of a point was made of: as long as that is the same, so is the state. */
  readonly madeOf: Map<string, MadeOf>;
  readonly joins: Map<string, PointState>;
  readonly learners: Map<string, LearnerState>;
  guests: Guests;
  /** When learners that nobody means were last looked for. */
  learnersMs: number;
  readonly stats: Map<string, OutcomeStats>;
  /** States of guards that several points share, by scope and ledger. */
  readonly ledgers: Map<string, unknown>;
  /** Validators of contexts, by point: code of this process, which no declaration carries. */
  readonly schemas: Map<string, StandardSchema>;
  readonly domainLoads: Map<string, DomainLoad>;
  readonly features: FeatureHouse;
  /** The host's: resolves after so many ms. Undefined: nothing here can wait. */
  timeout: ((ms: number) => Promise<void>) | undefined;
  /** Decisions counted for experiments, by prefix: all below this counter, as far as they are kept. */
  readonly countedTo: Map<string, number>;
  /** How far late teaching has come, by prefix, at points that teach late. */
  readonly taughtTo: Map<string, TaughtTo>;
  /** Since when each guarded rollout is in its stage, monotonic ms, by point; and when they, and planned looks, were last seen to. */
  readonly stages: Map<string, { readonly stage: string; readonly sinceMs: number }>;
  rolloutsMs: number;
  readonly units: UnitHouse;
  /** What the root saw at planned looks, by point with epoch, comparison and phase. */
  readonly looks: Map<string, TakenLooks>;
  pointNumber: number;
  /** Own incarnations that this node knows of, by origin. */
  readonly ownOrigins: Set<string>;
  /** By learner and node (`key\nname`), the newest opening among its origins that the root has folded; under `*` of all others. */
  readonly folded: Map<string, number>;
  /** Slots (`key\norigin`) that are being folded: on their way to the disk. */
  folding: ReadonlySet<string>;
  foldDue: boolean;
  /** When origins to fold were last looked for. */
  foldedMs: number;
  /** Own earlier origins that live on elsewhere, by learner: late outcomes of theirs go to the current one. */
  readonly retired: Set<string>;
  /** Of these, those of which the parent knows more than this disk: which outcomes it has counted, nobody can say. */
  readonly inDoubt: Set<string>;

  /** What the parent granted of tree-wide limits, and how it is dealt out: this node's own part under its name. */
  share: number;
  readonly granted: Map<string, number>;
  /** What of it is on disk: nothing more may be granted, so that a restart forgets no grant. */
  readonly durableGrants: Map<string, number>;
  /** Names whose grant has changed since it was last on disk. */
  readonly grantsDirty: Set<string>;
  /** Sum of what was granted, kept up by differences. */
  grantedSum: number;
  /** Differences since it was last summed anew. */
  grantedChanges: number;
  /** The newest process (origin) of each child: the one that its share belongs to. */
  readonly holders: Map<string, string>;
  /** When silent children were last looked for. */
  forgotMs: number;
  /** Children ever heard of, on disk: a restarted root waits for their controls. */
  readonly knownChildren: Map<string, KnownChild>;
  /** When absent children were last looked for. */
  childrenMs: number;
  /** Children that a restarted root has yet to hear out, as of these controls. */
  awaited: { readonly digest: string; readonly names: Set<string> } | undefined;
  parent: ParentLink | undefined;
  /** Connections upward that this process has made. */
  connections: number;
  readonly children: Map<string, ChildLink>;
  /** Nodes below: by which child they are reached. */
  readonly routes: Map<string, string>;
  readonly below: Map<string, TelemetryState>;
  /** Of these, what each child told, and all of it in bytes. */
  readonly telemetryOf: Map<string, ChildTelemetry>;
  telemetryBytes: number;
  /** The own report that goes up next, where there is not room for all at once. */
  reportAt: number;

  /** Decisions made since the last flush, awaiting the journal. */
  unsaved: DecisionRecord[];
  accepted: OutcomeEntry[];
  /** Of both, what is in batches that are not on disk yet: under way, or to be tried again. In records, and in bytes. */
  readonly unwritten: { decisions: number; outcomes: number; bytes: number };
  /** A snapshot of the guards waits for the disk: another would only take its place. */
  guardsWaiting: boolean;
  /** Feedback for decisions of other nodes, durable or about to be: by own sequence number. */
  readonly outbox: Map<number, OutboxItem>;
  /** The same, in the order in which it goes on. */
  readonly transit: Outbox;
  outboxSeq: number;
  /** Of these, what is not yet in a batch. */
  outboxNew: OutboxItem[];
  /** Of these, what came from the parent and from children. */
  readonly relayed: { above: number; below: number };
  writes: Write[];
  waiters: Waiter[];
  flushing: boolean;
  flushFailures: number;
  lastFlushError: string;
  nextFlushMs: number;
  guardsSavedMs: number;
  /** When the journals were last trimmed. */
  trimmedMs: number;

  readonly audit: AuditEntry[];
  auditSeq: number;
  tagCounter: number;
  readonly refused: Record<string, number>;
  /** Points whose declaration cannot run here, and why: another version or other limits declared it. */
  readonly leftOut: Map<string, string>;
  readonly listeners: Set<(event: NodeEvent) => void>;
  readonly counters: {
    decisions: number;
    outcomes: number;
    lastDecisions: number;
    lastMs: number;
    rate: number;
  };
  readonly pointRates: Map<string, PointRate>;
}

/** Decisions lately: a rate, and counts by arm weighted with a half-life. */
export interface PointRate {
  last: number;
  rate: number;
  lastByArm: Float64Array;
  recentByArm: Float64Array;
}

export interface KillTimes {
  readonly durableMs: number;
  readonly acks: Map<string, number>;
}

/** Who hands an item over: an application, this node itself, its parent or a child. */
export type Sender = 'outside' | 'here' | 'above' | 'below';

export interface OutboxItem {
  readonly seq: number;
  readonly item: TransitItem;
  /** As JSON, at most. */
  readonly bytes: number;
  /** The node of the decision's origin. */
  readonly node: string;
  /** The child that brought it; '' where none did, or nobody knows. */
  readonly child: string;
  /** The lane that it waits in. */
  lane: string;
  durable: boolean;
  /** `above`: it came from the parent, which knows of no other way. */
  from: Sender;
  readonly sinceMs: number;
  /** The link on which it is under way, if any, and since when. */
  sentOn: string;
  sentMs: number;
}

/** The last word of a node below. */
export interface TelemetryState {
  readonly telemetry: import('../sync/messages.ts').Telemetry;
  readonly receivedMs: number;
  /** The child that told it. */
  readonly child: string;
  /** As JSON, at most: the status, each report, and all of it. */
  readonly statusBytes: number;
  readonly reportBytes: readonly number[];
  readonly bytes: number;
  /** The report that goes up next, where there is not room for all at once. */
  next: number;
}

export interface NodeOptions {
  readonly name: string;
  readonly tier: Tier;
  readonly ports: Ports;
  readonly registry: Registry;
  /** False: a node that hangs below another, and holds no lease until it has heard from it. */
  readonly root: boolean;
  readonly limits?: Partial<Limits>;
  readonly tuning?: Partial<NodeTuning>;
}

export function createState(options: NodeOptions, limits: Limits, tuning: NodeTuning): NodeState {
  const { ports } = options;
  const { chance, clock } = ports;
  const monoMs = clock.monotonicMs();
  const wallMs = clock.wallMs();
  const incarnation = newIncarnation(ports, wallMs);
  return {
    name: options.name,
    tier: options.tier,
    ports,
    registry: options.registry,
    limits,
    tuning,
    isRoot: options.root,
    incarnation,
    origin: originOf(options.name, incarnation),
    path: [options.name],
    seed: [chance.uint32(), chance.uint32()],
    closed: false,
    moment: {
      monoMs,
      wallMs,
      treeMs: wallMs,
      leaseAgeMs: options.root ? 0 : Number.POSITIVE_INFINITY,
      share: options.root ? 1 : 0,
      parentMs: Number.POSITIVE_INFINITY,
      budgetMs: 0,
      mayWait: false,
    },
    treeOffsetMs: wallMs - monoMs,
    lastWallMs: wallMs,
    wallStepMonoMs: Number.NEGATIVE_INFINITY,
    glances: 0,
    leaseBaseMonoMs: Number.NEGATIVE_INFINITY,
    leaseBaseWallMs: Number.NEGATIVE_INFINITY,
    startedMonoMs: monoMs,
    controls: EMPTY_CONTROLS,
    controlsDigest: '',
    secret: newSecret(() => chance.uint32()),
    controlSizes: new WeakMap(),
    sealed: { state: undefined, seal: '' },
    vouched: [],
    blank: true,
    durableControls: EMPTY_CONTROLS,
    durableDigest: '',
    controlsDirty: false,
    killTimes: new Map(),
    heldLeases: new Map(),
    specsKnown: 0,
    specsOf: new Map(),
    unboundedBelow: new Map(),
    applied: new Map(),
    points: new Map(),
    madeOf: new Map(),
    joins: new Map(),
    learners: new Map(),
    guests: { atMs: Number.NEGATIVE_INFINITY, learners: new Map(), bytes: new Map(), total: 0 },
    learnersMs: monoMs,
    stats: new Map(),
    ledgers: new Map(),
    schemas: new Map(),
    countedTo: new Map(),
    taughtTo: new Map(),
    units: unitHouse(),
    stages: new Map(),
    rolloutsMs: monoMs,
    looks: new Map(),
    domainLoads: new Map(),
    features: featureHouse(),
    timeout: undefined,
    pointNumber: 0,
    ownOrigins: new Set(),
    folded: new Map(),
    folding: new Set(),
    foldDue: false,
    foldedMs: monoMs,
    retired: new Set(),
    inDoubt: new Set(),
    share: options.root ? 1 : 0,
    granted: new Map([[options.name, options.root ? 1 : 0]]),
    durableGrants: new Map(),
    grantsDirty: new Set(),
    grantedSum: options.root ? 1 : 0,
    grantedChanges: 0,
    holders: new Map(),
    forgotMs: monoMs,
    knownChildren: new Map(),
    childrenMs: monoMs,
    awaited: undefined,
    parent: undefined,
    connections: 0,
    children: new Map(),
    routes: new Map(),
    below: new Map(),
    telemetryOf: new Map(),
    telemetryBytes: 0,
    reportAt: 0,
    unsaved: [],
    accepted: [],
    unwritten: { decisions: 0, outcomes: 0, bytes: 0 },
    guardsWaiting: false,
    outbox: new Map(),
    transit: emptyOutbox(),
    outboxSeq: 0,
    outboxNew: [],
    relayed: { above: 0, below: 0 },
    writes: [],
    waiters: [],
    flushing: false,
    flushFailures: 0,
    lastFlushError: '',
    nextFlushMs: 0,
    guardsSavedMs: monoMs,
    trimmedMs: monoMs,
    audit: [],
    auditSeq: 0,
    tagCounter: 0,
    refused: {},
    leftOut: new Map(),
    listeners: new Set(),
    counters: { decisions: 0, outcomes: 0, lastDecisions: 0, lastMs: monoMs, rate: 0 },
    pointRates: new Map(),
  };
}

/** When it was opened, and chance, so that a restored snapshot or a cloned disk never speaks under a name that was used before. */
export function newIncarnation(ports: Ports, openedMs: number): string {
  const word = (): string => ports.chance.uint32().toString(36).padStart(7, '0');
  return openingDigits(openedMs) + word() + word();
}

export function refuse(node: NodeState, why: string, count = 1): void {
  node.refused[why] = (node.refused[why] ?? 0) + count;
}

/** A listener that throws is counted, and costs neither the others nor the decision that they are told of. */
export function emit(node: NodeState, event: NodeEvent): void {
  for (const listener of node.listeners)
    try {
      listener(event);
    } catch {
      refuse(node, 'listener_failed');
    }
}

/** Reads the clocks. Elapsed time is the larger of both; a wall step back ends the lease. */
export function readClocks(node: NodeState): Moment {
  const { moment, ports } = node;
  const monoMs = ports.clock.monotonicMs();
  const wallMs = ports.clock.wallMs();
  if (wallMs < node.lastWallMs - WALL_STEP_MS) {
    node.leaseBaseMonoMs = Number.NEGATIVE_INFINITY;
    node.wallStepMonoMs = monoMs;
  }
  node.lastWallMs = wallMs;
  node.glances = 0;
  moment.monoMs = monoMs;
  moment.wallMs = wallMs;
  moment.treeMs = monoMs + node.treeOffsetMs;
  moment.share = node.granted.get(node.name) ?? 0;
  moment.leaseAgeMs = node.isRoot
    ? 0
    : Math.max(monoMs - node.leaseBaseMonoMs, wallMs - node.leaseBaseWallMs);
  return moment;
}

/**
 * The clocks for one decision. While the wall clock shows the same millisecond, what was read before still holds, and
 * the dearer monotonic clock is not asked; a bounded number of times, for a wall clock may stand still.
 */
export function glanceAtClocks(node: NodeState): Moment {
  if (node.glances < GLANCES_MAX && node.ports.clock.wallMs() === node.lastWallMs) {
    node.glances++;
    return node.moment;
  }
  return readClocks(node);
}

const GLANCES_MAX = 64;

/** Clocks are slewed by a few ms without meaning anything; the monotonic clock counts on meanwhile. */
const WALL_STEP_MS = 20;
