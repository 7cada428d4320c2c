import type { LearnerSlots } from '../sync/slots.ts';
import type { FoldedVersion } from './folded-versions.ts';
import type { Guests } from './guests.ts';
import type { Mixture } from './mixture.ts';

/** What a node has learned and been taught, and the origins that it learned it under. */
export interface LearnersHeld {
  readonly learners: Map<string, LearnerState>;
  guests: Guests;
  /** When learners that nobody means were last looked for. */
  learnersMs: number;
  /** Own incarnations that this node knows of, by origin. */
  readonly ownOrigins: Set<string>;
  /** By learner and node (`key\nname`), the newest opening among its origins that the root has folded; under `*` of all others. */
  readonly folded: Map<string, number>;
  /** How much of each origin (`key\norigin`) was folded lately. */
  readonly foldedVersions: Map<string, FoldedVersion>;
  /** Slots (`key\norigin`) that are being folded: on their way to the disk. */
  folding: ReadonlySet<string>;
  foldDue: boolean;
  /** When origins to fold were last looked for. */
  foldedMs: number;
  /** Own earlier origins that live on elsewhere, by learner: late outcomes of theirs go to the current one. */
  readonly retired: Set<string>;
  /** Of these, those of which the parent knows more than this disk: which outcomes it has counted, nobody can say. */
  readonly inDoubt: Set<string>;
}

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

/** Nothing is known. */
export const noLearners = (monoMs: number): LearnersHeld => ({
  learners: new Map(),
  guests: { atMs: Number.NEGATIVE_INFINITY, learners: new Map(), bytes: new Map(), total: 0 },
  learnersMs: monoMs,
  ownOrigins: new Set(),
  folded: new Map(),
  foldedVersions: new Map(),
  folding: new Set(),
  foldDue: false,
  foldedMs: monoMs,
  retired: new Set(),
  inDoubt: new Set(),
});
