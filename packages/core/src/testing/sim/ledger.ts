import type { DecisionRecord } from '../../decision/decision-record.ts';
import type { Moments } from '../../learners/moments.ts';
import { originOf } from '../../sync/slots.ts';
import type { Machine } from './world.ts';

/** A decision as the reference remembers it. */
export interface Made {
  readonly id: string;
  readonly machine: Machine;
  readonly origin: string;
  /** The learner it was made under: resets and new policies begin another. */
  readonly key: string;
  readonly armKey: string;
  readonly trains: boolean;
  readonly atMs: number;
  /** Reward by revision, as sent. */
  readonly sent: Map<number, number>;
  /** Highest revision that some node has acknowledged as durable; −1: none. */
  acked: number;
  /** Highest revision that the deciding node itself has acknowledged. */
  joined: number;
  /** Its node has forgotten it in a crash before it was on disk. */
  lost: boolean;
}

/** The reference: every decision, every outcome, what at most and what exactly a learner may have seen. */
export interface Ledger {
  readonly made: Map<string, Made>;
  /** By learner and arm: decisions for which feedback has been sent. */
  readonly bounds: Map<string, Map<string, number>>;
  /** By learner, origin and arm. */
  readonly originBounds: Map<string, Map<string, number>>;
  /** Earlier origins that live on elsewhere, as their nodes say: `learner\norigin`. */
  readonly moved: Set<string>;
  /** What the root has folded, as it was then: `learner\norigin`. */
  readonly folded: Map<string, Moments>;
}

export const ledger = (): Ledger => ({
  made: new Map(),
  bounds: new Map(),
  originBounds: new Map(),
  moved: new Set(),
  folded: new Map(),
});

export function remember(
  book: Ledger,
  machine: Machine,
  record: DecisionRecord,
  key: string,
  atMs: number,
): Made {
  const { idPrefix, armKeys } = record.source;
  const [node, incarnation] = idPrefix.split('~');
  const made: Made = {
    id: record.id,
    machine,
    origin: originOf(node, incarnation),
    key,
    armKey: armKeys[record.armIndex],
    trains: record.trains,
    atMs,
    sent: new Map(),
    acked: -1,
    joined: -1,
    lost: false,
  };
  book.made.set(made.id, made);
  return made;
}

/** From now on this outcome may be in somebody's evidence, once. */
export function expect(book: Ledger, made: Made, revision: number, reward: number): void {
  if (made.sent.size === 0 && made.trains) {
    increase(book.bounds, made.key, made.armKey);
    increase(book.originBounds, `${made.key}\n${made.origin}`, made.armKey);
  }
  made.sent.set(revision, reward);
}

function increase(map: Map<string, Map<string, number>>, key: string, arm: string): void {
  let arms = map.get(key);
  if (arms === undefined) map.set(key, (arms = new Map()));
  arms.set(arm, (arms.get(arm) ?? 0) + 1);
}

export interface Accepted {
  n: number;
  sum: number;
  /** Of these, acknowledged by others than the deciding node, while some disk was named: they may have been lost on their way. */
  unsure: number;
}

/** Count and sum of rewards by arm, of what was accepted from this origin; exact. `forgetful`: some disk is named. */
export function accepted(book: Ledger, forgetful: boolean): Map<string, Map<string, Accepted>> {
  const out = new Map<string, Map<string, Accepted>>();
  for (const made of book.made.values()) {
    if (!made.trains || made.lost || made.acked < 0) continue;
    const at = `${made.key}\n${made.origin}`;
    let arms = out.get(at);
    if (arms === undefined) out.set(at, (arms = new Map()));
    const row = arms.get(made.armKey) ?? { n: 0, sum: 0, unsure: 0 };
    if (forgetful && made.acked > made.joined) row.unsure++;
    row.n++;
    row.sum += made.sent.get(made.acked) as number;
    arms.set(made.armKey, row);
  }
  return out;
}
