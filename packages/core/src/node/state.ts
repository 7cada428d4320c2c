import type { Moment } from '../decision/decide.ts';
import type { Tier } from '../decision/spec.ts';
import type { Limits } from '../limits.ts';
import type { Ports } from '../ports.ts';
import type { Registry } from '../registry.ts';
import type { AuditEntry, NodeEvent } from '../status.ts';
import { originOf } from '../sync/slots.ts';
import { type ControlsHeld, noControls } from './controls-held.ts';
import { type DiskWork, noWork } from './disk-work.ts';
import { type LearnersHeld, noLearners } from './learners-held.ts';
import { type LinksHeld, noLinks } from './links.ts';
import { openingDigits } from './origins.ts';
import { noTransit, type TransitHeld } from './outbox.ts';
import { noPoints, type PointsHeld } from './points-held.ts';
import { ownShare, type SharesHeld } from './shares.ts';
import type { NodeTuning } from './tuning.ts';

/** How late it is, as a node knows it. */
interface ClocksHeld {
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
}

/** All of a node: data only. The functions beside this file work on it; two nodes in one process share nothing. */
export interface NodeState
  extends ClocksHeld,
    ControlsHeld,
    PointsHeld,
    LearnersHeld,
    SharesHeld,
    LinksHeld,
    DiskWork,
    TransitHeld {
  readonly name: string;
  readonly tier: Tier;
  readonly ports: Ports;
  readonly registry: Registry;
  readonly limits: Limits;
  readonly tuning: NodeTuning;
  readonly isRoot: boolean;
  /** The host's: resolves after so many ms. Undefined: nothing here can wait. */
  timeout: ((ms: number) => Promise<void>) | undefined;
  incarnation: string;
  origin: string;
  /** This node and its ancestors, root last. Without word from a parent: this node alone. */
  path: readonly string[];
  seed: [number, number];
  closed: boolean;

  readonly audit: AuditEntry[];
  auditSeq: number;
  tagCounter: number;
  readonly refused: Record<string, number>;
  /** Points whose declaration cannot run here, and why: another version or other limits declared it. */
  readonly leftOut: Map<string, string>;
  readonly listeners: Set<(event: NodeEvent) => void>;
  /** Points whose report listeners have yet to hear in this round, the next one last. */
  unannounced: string[];
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

/** A node before it has read its disk. */
export function createState(options: NodeOptions, limits: Limits, tuning: NodeTuning): NodeState {
  const { name, ports, root: isRoot } = options;
  const uint32 = (): number => ports.chance.uint32();
  const clocks = readFirst(ports, isRoot);
  const { monoMs, wallMs } = clocks.moment;
  const incarnation = newIncarnation(ports, wallMs);
  return {
    name,
    tier: options.tier,
    ports,
    registry: options.registry,
    limits,
    tuning,
    isRoot,
    timeout: undefined,
    incarnation,
    origin: originOf(name, incarnation),
    path: [name],
    seed: [uint32(), uint32()],
    closed: false,
    ...clocks,
    ...noControls(uint32),
    ...noPoints(monoMs),
    ...noLearners(monoMs),
    ...ownShare(name, isRoot, monoMs),
    ...noLinks(monoMs),
    ...noWork(monoMs),
    ...noTransit(),
    audit: [],
    auditSeq: 0,
    tagCounter: 0,
    refused: {},
    leftOut: new Map(),
    listeners: new Set(),
    unannounced: [],
    counters: { decisions: 0, outcomes: 0, lastDecisions: 0, lastMs: monoMs, rate: 0 },
    pointRates: new Map(),
  };
}

function readFirst({ clock }: Ports, isRoot: boolean): ClocksHeld {
  const monoMs = clock.monotonicMs();
  const wallMs = clock.wallMs();
  return {
    moment: {
      monoMs,
      wallMs,
      treeMs: wallMs,
      leaseAgeMs: isRoot ? 0 : Number.POSITIVE_INFINITY,
      share: isRoot ? 1 : 0,
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
