import type { Verdict } from '../guard.ts';
import { type Decision, REASONS, type Reason, type TrailEntry } from './record.ts';
import type { Tier } from './spec.ts';

/** What all decisions of one spec version and incarnation share. */
export interface RecordSource {
  /** `node.incarnation.point.`; the id is this and the counter. */
  readonly idPrefix: string;
  readonly point: string;
  readonly armIds: readonly string[];
  readonly armKeys: readonly string[];
  readonly tier: Tier;
  readonly specVersion: number;
  /** Trails as they are shown, of which a point has few: strata alternate, and hosts ask every decision for its own. */
  readonly shownTrails: Map<readonly Verdict[], readonly TrailEntry[]>;
  /** Digests by arm, where arms are artifacts. */
  readonly digests?: readonly (string | undefined)[] | undefined;
}

/** Bits of `DecisionRecord.state`. */
export const EXPOSED = 1;
/** Its outcome came, or its window passed. */
export const SETTLED = 2;
/** In flight no longer. */
export const RELEASED = 4;
/** It taught the learner, with `trainedReward`. */
export const TRAINED = 8;
/** Settled by the declared defaults. */
export const DEFAULTED = 16;
/** Settled in silence, or with a part of its reward: what comes later is kept, and teaches nothing. */
export const EXPIRED = 32;
/** Guards that hear of failures at once have heard of this one. */
export const FAILED = 64;
/** Experiments have counted it, or do not: none compares it, or there was no room to hold it until its window closed. */
export const COUNTED = 128;
/** The learner's own choice caused it: neither baseline, nor exploration by a guard, nor somebody else. */
export const SELF = 256;
/** Its outcome came while the learner was frozen: it never teaches. */
export const WITHHELD = 512;
/** Its outcome is known, and teaches once it leaves the queue. */
export const OWED = 1024;

// Where `DecisionRecord.numbers` holds what; the context stands behind.
const AT_MS = 0;
const MONO_MS = 1;
const TREE_MS = 2;
const PROBABILITY = 3;
const CONFIDENCE = 4;
const CONTEXT = 5;
/** Most trails of a source kept as they are shown; words may come and go for ever. */
const SHOWN_TRAILS = 64;
const NOTHING: ArrayLike<number> = Object.freeze([]);

function sideBySide(
  atMs: number,
  monoMs: number,
  treeMs: number,
  probability: number,
  confidence: number,
  context: ArrayLike<number>,
): number[] {
  const numbers = new Array<number>(CONTEXT + context.length);
  numbers[AT_MS] = atMs;
  numbers[MONO_MS] = monoMs;
  numbers[TREE_MS] = treeMs;
  numbers[PROBABILITY] = probability;
  numbers[CONFIDENCE] = confidence;
  for (let i = 0; i < context.length; i++) numbers[CONTEXT + i] = context[i];
  return numbers;
}

/**
 * A decision while its node remembers it: the record and what has come back for it. A class, because one is made for
 * every decision: a fixed shape, and everything that can be derived is derived when somebody reads it. Hundreds of
 * thousands may await their outcome, and a collector's work is by the object: a number with a fraction in a field of its
 * own would be one.
 */
export class DecisionRecord implements Decision {
  readonly source: RecordSource;
  readonly n: number;
  readonly stratum: string;
  readonly proposedIndex: number;
  readonly armIndex: number;
  readonly reason: Reason;
  readonly viewVersion: number;
  readonly verdicts: readonly Verdict[];
  /**
   * Times, probability, confidence, and the encoded context, side by side. A plain array: a typed one costs four times as
   * much to make, and as much again to collect.
   */
  readonly numbers: readonly number[];
  readonly unit: string;
  /** The unit's hash as a signed word: an unsigned one would be a heap object of its own. */
  readonly signedHash: number;
  /** False where a guard said that outcomes of such decisions must not train. */
  readonly mayTrain: boolean;
  state = 0;
  /** 1 / P(this record was kept). */
  weight = 1;
  trainedReward = 0;
  metrics: Record<string, number> | undefined = undefined;
  /** A truth that is text; numbers and booleans stand among the metrics. */
  truth: string | undefined = undefined;
  /** The metrics it was trained with. */
  trainedMetrics: Record<string, number> | undefined = undefined;
  revisions: Record<string, number> | undefined = undefined;
  /** What the policy noted of its proposal. */
  noted: readonly number[] | undefined = undefined;
  /** Of points whose context shows features: their times (`ShownFeatures.times`). */
  shown: readonly number[] | undefined = undefined;
  /** Of whom, where the context says it (`ShownFeatures.keys`). */
  about: readonly string[] | undefined = undefined;
  /** What was expected of its arm, in [0, 1]; only at points that validate their learner. */
  forecast: { readonly learner: number; readonly reference: number } | undefined = undefined;

  constructor(
    source: RecordSource,
    n: number,
    stratum: string,
    proposedIndex: number,
    armIndex: number,
    probability: number,
    confidence: number,
    reason: Reason,
    viewVersion: number,
    verdicts: readonly Verdict[],
    atMs: number,
    monoMs: number,
    treeMs: number,
    unit: string,
    unitHash: number,
    encodedContext: ArrayLike<number> | undefined,
    mayTrain: boolean,
  ) {
    this.source = source;
    this.n = n;
    this.stratum = stratum;
    this.proposedIndex = proposedIndex;
    this.armIndex = armIndex;
    this.reason = reason;
    this.viewVersion = viewVersion;
    this.verdicts = verdicts;
    this.numbers = sideBySide(atMs, monoMs, treeMs, probability, confidence, encodedContext ?? NOTHING);
    this.unit = unit;
    this.signedHash = unitHash | 0;
    this.mayTrain = mayTrain;
  }

  get atMs(): number {
    return this.numbers[AT_MS];
  }
  get monoMs(): number {
    return this.numbers[MONO_MS];
  }
  /** Tree time: forgetting counts from here. */
  get treeMs(): number {
    return this.numbers[TREE_MS];
  }
  get probability(): number {
    return this.numbers[PROBABILITY];
  }
  get confidenceValue(): number {
    return this.numbers[CONFIDENCE];
  }
  /** A copy: where each decision is asked for it, `contextAt` costs less. */
  get encodedContext(): readonly number[] {
    return this.numbers.slice(CONTEXT);
  }
  get contextLength(): number {
    return this.numbers.length - CONTEXT;
  }
  /** A field of the context; undefined beyond its end. */
  contextAt(field: number): number | undefined {
    return this.numbers[CONTEXT + field];
  }
  get unitHash(): number {
    return this.signedHash >>> 0;
  }
  get id(): string {
    return this.source.idPrefix + this.n;
  }
  get point(): string {
    return this.source.point;
  }
  get proposed(): string | null {
    return this.proposedIndex < 0 ? null : this.source.armIds[this.proposedIndex];
  }
  get arm(): string | null {
    return this.armIndex < 0 ? null : this.source.armIds[this.armIndex];
  }
  get propensity(): number | null {
    return Number.isNaN(this.probability) ? null : this.probability;
  }
  get confidence(): number | null {
    return Number.isNaN(this.confidenceValue) ? null : this.confidenceValue;
  }
  get tier(): Tier {
    return this.source.tier;
  }
  get versions(): Decision['versions'] {
    const { specVersion: spec, digests } = this.source;
    const artifact = digests === undefined || this.armIndex < 0 ? undefined : digests[this.armIndex];
    return artifact === undefined
      ? { spec, view: this.viewVersion }
      : { spec, view: this.viewVersion, artifact };
  }
  get trail(): readonly TrailEntry[] {
    const { source, verdicts } = this;
    // Trails are interned: the same words are the same array.
    let entries = source.shownTrails.get(verdicts);
    if (entries === undefined) {
      if (source.shownTrails.size >= SHOWN_TRAILS) source.shownTrails.clear();
      entries = Object.freeze(
        verdicts.map(({ guard, kind, why }): TrailEntry => Object.freeze({ guard, kind, why })),
      );
      source.shownTrails.set(verdicts, entries);
    }
    return entries;
  }

  /** Whether an outcome may teach the learner: known propensity, and every input randomised or in the context. */
  get trains(): boolean {
    return this.armIndex >= 0 && this.mayTrain && this.probability > 0 && REASONS[this.reason].trains;
  }

  toJSON(): Decision {
    const { id, point, stratum, proposed, arm, propensity, confidence, reason, tier, versions, trail, atMs } =
      this;
    return { id, point, stratum, proposed, arm, propensity, confidence, reason, tier, versions, trail, atMs };
  }
}
