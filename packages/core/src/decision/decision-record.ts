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
  /** The trail last shown: most decisions of a point say the same, and hosts ask every one for it. */
  lastTrail?: { readonly verdicts: readonly Verdict[]; readonly entries: readonly TrailEntry[] } | undefined;
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
/** Experiments have counted it. */
export const COUNTED = 128;
/** The learner's own choice caused it: neither baseline, nor exploration by a guard, nor somebody else. */
export const SELF = 256;
/** Its outcome came while the learner was frozen: it never teaches. */
export const WITHHELD = 512;

const NO_CONTEXT: readonly number[] = Object.freeze([]);

/**
 * A decision while its node remembers it: the record and what has come back for it. A class, because one is made for
 * every decision: a fixed shape, and everything that can be derived is derived when somebody reads it.
 */
export class DecisionRecord implements Decision {
  readonly source: RecordSource;
  readonly n: number;
  readonly stratum: string;
  readonly proposedIndex: number;
  readonly armIndex: number;
  readonly probability: number;
  readonly confidenceValue: number;
  readonly reason: Reason;
  readonly viewVersion: number;
  readonly verdicts: readonly Verdict[];
  readonly atMs: number;
  readonly monoMs: number;
  /** Tree time: forgetting counts from here. */
  readonly treeMs: number;
  readonly unit: string;
  /** The unit's hash as a signed word: an unsigned one would be a heap object of its own. */
  readonly signedHash: number;
  /** A plain array: a typed one costs four times as much to make, and as much again to collect. */
  readonly encodedContext: readonly number[];
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
    encodedContext: readonly number[] | undefined,
    mayTrain: boolean,
  ) {
    this.source = source;
    this.n = n;
    this.stratum = stratum;
    this.proposedIndex = proposedIndex;
    this.armIndex = armIndex;
    this.probability = probability;
    this.confidenceValue = confidence;
    this.reason = reason;
    this.viewVersion = viewVersion;
    this.verdicts = verdicts;
    this.atMs = atMs;
    this.monoMs = monoMs;
    this.treeMs = treeMs;
    this.unit = unit;
    this.signedHash = unitHash | 0;
    this.encodedContext = encodedContext ?? NO_CONTEXT;
    this.mayTrain = mayTrain;
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
    if (source.lastTrail?.verdicts !== verdicts)
      source.lastTrail = {
        verdicts,
        entries: Object.freeze(
          verdicts.map(({ guard, kind, why }): TrailEntry => Object.freeze({ guard, kind, why })),
        ),
      };
    return source.lastTrail.entries;
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
