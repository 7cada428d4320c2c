import { type ControlState, EMPTY_CONTROLS } from '../controls/control-state.ts';
import type { Unbounded } from '../sync/messages.ts';
import type { HeardLately } from './heard-controls.ts';
import type { HeldLease } from './held-leases.ts';
import { newSecret, type Vouched } from './secret.ts';

/** What people have said that is in force at a node, and how far others are known to have followed. */
export interface ControlsHeld {
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
  /** What the audit has been told of others' words. */
  readonly heardLately: HeardLately;
}

export interface KillTimes {
  readonly durableMs: number;
  readonly acks: Map<string, number>;
}

/** Nothing has been said. */
export const noControls = (uint32: () => number): ControlsHeld => ({
  controls: EMPTY_CONTROLS,
  controlsDigest: '',
  secret: newSecret(uint32),
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
  heardLately: { sinceMs: 0, counts: new Map() },
});
