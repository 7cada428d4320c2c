import { TRAINED } from '../../decision/decision-record.ts';
import { find } from '../../decision/pending.ts';
import { type Moments, WX } from '../../learners/moments.ts';
import { OWN, rewardOf, type TransitionsEvidence } from '../../learners/transitions.ts';
import { retiredOrigin } from '../../node/origins.ts';
import type { NodeState } from '../../node/state.ts';
import { nodeOf } from '../../sync/slots.ts';
import { byArm, compare, decayed, type Kept } from './kept.ts';
import type { Accepted, Ledger } from './ledger.ts';
import { isStranded } from './words.ts';
import type { Machine, World } from './world.ts';

const ALL = 'all arms';

/** One learner, as the root holds it, against the book. */
interface Audit {
  readonly book: Ledger;
  readonly root: NodeState;
  readonly key: string;
  readonly kept: Kept;
}

/**
 * What the root knows of every origin whose disk kept its word is what was accepted there, no more and no less. A node of
 * which an earlier origin lives on elsewhere puts late outcomes under the one in use: its origins are looked at together.
 */
export function inexact(
  world: World,
  audit: Audit,
  exact: ReadonlyMap<string, ReadonlyMap<string, Accepted>>,
): string | undefined {
  const expected = expectedOf(audit, exact);
  const found = foundOf(audit);
  const named = new Set(world.machines.filter((m) => mayHaveLost(world, m, audit.root)).map((m) => m.name));
  const astray = world.machines[0].named ? undefined : foldedRight(audit);
  if (astray !== undefined) return astray;
  for (const [what, accepted] of expected) {
    // What the root itself lost it does not get back.
    if (named.has(nodeOf(`${originIn(what)}~`))) continue;
    const wrong = mismatch(world, audit, what, accepted, found.get(what));
    if (wrong !== undefined) return wrong;
  }
  if (named.size > 0) return undefined;
  for (const [what, { n }] of found)
    if (n > (expected.get(what)?.n ?? 0))
      return `the root knows ${n} outcomes ${what}, where ${expected.get(what)?.n ?? 0} are remembered`;
  return undefined;
}

/** Whether what was accepted there may be missing at the root, or be more than that, by right. */
const mayHaveLost = (world: World, machine: Machine, root: NodeState): boolean =>
  machine.named ||
  machine.poisoned ||
  (machine.process !== undefined && isStranded(world, machine.process.node.state, root));

/** What is known at the root of one origin, or of all of a node. */
interface Known {
  n: number;
  /** Sum of rewards about ½. */
  wx: number;
}

/** The origin, or the node, of what is told as `origin of arm`. */
const originIn = (what: string): string => what.slice(0, what.indexOf(' '));

function mismatch(
  world: World,
  { book, key, kept }: Audit,
  what: string,
  { n, sum, unsure }: Accepted,
  known: Known | undefined,
): string | undefined {
  const origin = originIn(what);
  const node = nodeOf(`${origin}~`);
  const has = known?.n ?? 0;
  // What was folded is on the root's disk alone; news of it that came later were refused and counted.
  const mayLack = origin === node && (world.machines[0].named || world.refused.has(`${key}\n${origin}`));
  if (mayLack && has <= n) return undefined;
  if (has > n || has < n - unsure)
    return `${what} there were ${n} outcomes in ${key}; the root knows ${known?.n ?? 'none'}; untaught: ${untaught(book, origin, key)}`;
  if (world.uncorrected.has(node) || world.plan.halfLife || !byArm(kept)) return undefined;
  if (unsure === 0 && known !== undefined && known.wx !== sum - n / 2)
    return `${what} there were rewards of ${sum} in ${key}; the root has ${known.wx + n / 2}`;
  return undefined;
}

/** Whose evidence is looked at as one: the node's, where an origin of it lives on elsewhere or was folded; else the origin's. */
function groupOf({ book, key }: Audit, origin: string): string {
  const node = nodeOf(origin);
  for (const gone of book.moved) if (gone.startsWith(`${key}\n${node}~`)) return node;
  for (const gone of book.folded.keys()) if (gone.startsWith(`${key}\n${node}~`)) return node;
  return origin;
}

/** What was accepted, by group and arm. */
function expectedOf(
  audit: Audit,
  exact: ReadonlyMap<string, ReadonlyMap<string, Accepted>>,
): Map<string, Accepted> {
  const expected = new Map<string, Accepted>();
  for (const [at, arms] of exact) {
    const line = at.indexOf('\n');
    if (at.slice(0, line) !== audit.key) continue;
    const group = groupOf(audit, at.slice(line + 1));
    for (const [arm, { n, sum, unsure }] of arms) {
      const what = `${group} of ${byArm(audit.kept) ? arm : ALL}`;
      const all = entry(expected, what, () => ({ n: 0, sum: 0, unsure: 0 }));
      all.n += n;
      all.sum += sum;
      all.unsure += unsure;
    }
  }
  return expected;
}

/** What the root holds or has folded, by group and arm. */
function foundOf(audit: Audit): Map<string, Known> {
  const { book, root, key, kept } = audit;
  const found = new Map<string, Known>();
  const add = (origin: string, evidence: unknown): void => {
    if (evidence === undefined) return;
    const group = groupOf(audit, origin);
    if (!byArm(kept)) {
      const n = kept.outcomes(evidence);
      if (n > 0) entry(found, `${group} of ${ALL}`, () => ({ n: 0, wx: Number.NaN })).n += n;
      return;
    }
    for (const [arm, row] of (evidence as Moments).arms) {
      const all = entry(found, `${group} of ${arm}`, () => ({ n: 0, wx: 0 }));
      const [n, wx] = told(kept, row);
      all.n += n;
      all.wx += wx;
    }
  };
  for (const slot of root.learners.get(key)!.slots.slots.values())
    if (slot.origin !== retiredOrigin(root)) add(slot.origin, slot.evidence);
  for (const [gone, evidence] of book.folded)
    if (gone.startsWith(`${key}\n`)) add(gone.slice(key.length + 1), evidence);
  return found;
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** Outcomes of an arm, and the sum of their rewards about ½, as its row tells. */
function told(kept: Kept, row: Float64Array): readonly [number, number] {
  if (kept.name !== 'transitions/1') return [row[0], row[WX]];
  const { at, states } = kept as unknown as TransitionsEvidence;
  let sum = 0;
  for (let s = 0; s < states; s++) sum += row[at(0, s) + rewardOf(0)] + row[at(1, s) + rewardOf(0)];
  return [row[OWN], sum - row[OWN] / 2];
}

/** The retired slot holds what was folded, all of it and once. */
function foldedRight({ book, root, key }: Audit): string | undefined {
  const learner = root.learners.get(key)!.slots;
  const kept = learner.evidence as Kept | undefined;
  if (kept === undefined) return undefined;
  const retired = learner.slots.get(retiredOrigin(root))?.evidence;
  let sum = kept.zero();
  for (const [gone, evidence] of book.folded) if (gone.startsWith(`${key}\n`)) sum = kept.add(sum, evidence);
  const at = root.moment.treeMs;
  const wrong = compare(decayed(kept, sum, at), decayed(kept, retired ?? kept.zero(), at), kept);
  return wrong === undefined
    ? undefined
    : `what was folded of ${key} is not what is in its retired slot: ${wrong}`;
}

/** Decisions whose feedback was acknowledged, as their node remembers them: which of them have taught nothing. */
function untaught(book: Ledger, origin: string, key: string): string {
  const out: string[] = [];
  for (const made of book.made.values()) {
    if (made.origin !== origin || made.key !== key || made.acked < 0 || made.lost || !made.trains) continue;
    const state = made.machine.process?.node.state;
    const cut = made.id.lastIndexOf('~') + 1;
    const pending = state?.joins.get(made.id.slice(0, cut))?.pending;
    const record = pending === undefined ? undefined : find(pending, Number(made.id.slice(cut)));
    if (record === undefined || (record.state & TRAINED) === 0)
      out.push(`${made.id} (${record === undefined ? 'forgotten' : record.state})`);
  }
  return out.slice(0, 5).join(', ');
}
