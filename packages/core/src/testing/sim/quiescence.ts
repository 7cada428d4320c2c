import { encodeControls } from '../../controls/control-codec.ts';
import { joinControls } from '../../controls/control-state.ts';
import { isRemoved, parseTag } from '../../controls/removed.ts';
import { TRAINED } from '../../decision/decision-record.ts';
import { find } from '../../decision/pending.ts';
import type { Evidence } from '../../evidence.ts';
import type { Moments, MomentsEvidence } from '../../learners/moments.ts';
import { WX } from '../../learners/moments.ts';
import type { Product } from '../../learners/product.ts';
import { OWN, rewardOf, type TransitionsEvidence } from '../../learners/transitions.ts';
import { openedOf, retiredOrigin } from '../../node/origins.ts';
import type { NodeState } from '../../node/state.ts';
import { type LearnerSlots, nodeOf, sumOwn } from '../../sync/slots.ts';
import type { Clients } from './clients.ts';
import { accepted, type Ledger } from './ledger.ts';
import { LEASE_MS } from './plan.ts';
import type { Machine, World } from './world.ts';

/**
 * What must hold once everything is healed and nothing more is asked. Undefined: it holds; else what does not, yet.
 * The caller gives it a stated time to become so.
 */
export function unquiet(world: World, book: Ledger, apps: Clients): string | undefined {
  const down = world.machines.find((machine) => machine.process === undefined);
  if (down !== undefined) return `${down.name} is not up`;
  if (apps.waiting > 0) return `${apps.waiting} reports are not acknowledged`;
  const states = world.machines.map((machine) => machine.process!.node.state);
  const root = states[0];
  for (const state of states) {
    if (state.controlsDirty || differs(world, state, root))
      return `${state.name} holds other controls than the root`;
    const asks = state.parent?.asks.size ?? 0;
    if (asks > 0) return `${state.name} has ${asks} questions under way, and nobody asks`;
    for (const load of state.domainLoads.values())
      if (load.queue.length > 0) return `${state.name} lets ${load.queue.length} wait for a place`;
    if (state.outbox.size > 0) return `${state.name} has ${state.outbox.size} items in its outbox`;
    if (!state.isRoot && !(state.moment.leaseAgeMs < LEASE_MS))
      return `${state.name} has no lease (age ${state.moment.leaseAgeMs})`;
    const stale = [...state.points.values()].find((point) => point.view.dirty || point.view.stale > 0);
    if (stale !== undefined)
      return `${state.name} has not put what it knows of ${stale.compiled.name} to use`;
  }
  return (
    evidence(world, book, states) ??
    unfolded(world, book, states) ??
    acknowledged(world, root, states) ??
    leftovers(world, states)
  );
}

/**
 * What people said at a node that has lost its disk may be known below it only, and nobody below may say it anew. And
 * what was taken back at a node of one that was leaving it stays so there, and nowhere else.
 */
function differs(world: World, state: NodeState, root: NodeState): boolean {
  if (state.durableDigest === root.durableDigest || isStranded(world, state, root)) return false;
  const named = world.machines.filter((machine) => machine.named).map((machine) => `${machine.name}~`);
  for (const [tag, { subtree }] of [...root.controls.kills, ...root.controls.overrides])
    if (tookBackTooLate(world, state, tag, subtree)) named.push(`${parseTag(tag)?.origin}`);
  if (named.length === 0) return true;
  const rest = (of: NodeState): string => {
    const json = encodeControls(of.controls);
    const known = ({ tag }: { tag: string }): boolean => !named.some((name) => tag.startsWith(name));
    const ranges = json.ranges?.filter(([origin]) => known({ tag: origin }));
    return JSON.stringify({
      ...json,
      kills: json.kills.filter(known),
      overrides: json.overrides.filter(known),
      ranges,
    });
  };
  return rest(state) !== rest(root);
}

/**
 * The root is back from an old image, and the one above this has lost its disk, and with it the secret under which it had
 * passed on what the root said since: this one alone knows that, all that the root knows as well, and cannot prove it
 * (ADR 10).
 */
function isStranded(world: World, state: NodeState, root: NodeState): boolean {
  const [cloud] = world.machines;
  const parent = world.machines.find(({ name }) => name === state.path[1]);
  if (parent === undefined || parent === cloud || !cloud.named || !parent.named) return false;
  const refused = parent.process?.node.state.refused.seal_not_ours ?? 0;
  return refused > 0 && joinControls(state.controls, root.controls) === state.controls;
}

/** Taken back here or further up, where the one who said it was no longer: it stands where that one is. */
const tookBackTooLate = (world: World, state: NodeState, tag: string, subtree: string): boolean =>
  isRemoved(state.controls.removed, tag) && !isUnder(world, subtree, state.name);

function isUnder(world: World, name: string, above: string): boolean {
  const machine = world.machines.find((each) => each.name === name && !each.cloned);
  return (
    name === above ||
    (machine !== undefined && machine.parent !== '' && isUnder(world, machine.parent, above))
  );
}

function evidence(world: World, book: Ledger, states: readonly NodeState[]): string | undefined {
  const root = states[0];
  const exact = accepted(book, forgetful(world, states));
  for (const [name, point] of root.points) {
    const key = point.learnerKey;
    const kept = point.compiled.policy.evidence as Kept;
    for (const [index, state] of states.entries()) {
      if (isStranded(world, state, root)) continue;
      if (state.points.get(name)?.learnerKey !== key) return `${state.name} has another learner of ${name}`;
      const mine = decayed(kept, sumOf(state.learners.get(key)?.slots, kept), root.moment.treeMs);
      const total = decayed(kept, expectedAt(world, states, index, key, kept), root.moment.treeMs);
      const difference = compare(total, mine, kept);
      const used = inUse(state, name, root.moment.treeMs);
      const misused = compare(mine, used, kept);
      if (misused !== undefined)
        return `${state.name} decides ${name} by other evidence than it holds: ${misused}`;
      if (difference !== undefined)
        return `${state.name} has pooled other evidence of ${name} than the root: ${difference}`;
    }
    const wrong = exactly(world, book, root, key, kept, exact);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Whether feedback in transit may have been lost by right: on a disk that is named, or refused and counted after its node was away for too long. */
function forgetful(world: World, states: readonly NodeState[]): boolean {
  return (
    world.machines.some((machine) => machine.named) ||
    states.some((state) => (state.refused.feedback_for_nobody ?? 0) > 0)
  );
}

/**
 * What the root knows of every origin whose disk kept its word is what was accepted there, no more and no less. A node of
 * which an earlier origin lives on elsewhere puts late outcomes under the one in use: its origins are looked at together.
 */
function exactly(
  world: World,
  book: Ledger,
  root: NodeState,
  key: string,
  kept: Kept,
  exact: ReturnType<typeof accepted>,
): string | undefined {
  const lost = (m: Machine): boolean =>
    m.named || m.poisoned || (m.process !== undefined && isStranded(world, m.process.node.state, root));
  const named = new Set(world.machines.filter(lost).map((m) => m.name));
  const group = (origin: string): string => {
    const node = nodeOf(origin);
    for (const gone of book.moved) if (gone.startsWith(`${key}\n${node}~`)) return node;
    for (const gone of book.folded.keys()) if (gone.startsWith(`${key}\n${node}~`)) return node;
    return origin;
  };
  const expected = new Map<string, { n: number; sum: number; unsure: number }>();
  for (const [at, arms] of exact) {
    const line = at.indexOf('\n');
    if (at.slice(0, line) !== key) continue;
    for (const [arm, { n, sum, unsure }] of arms) {
      const all = entry(expected, `${group(at.slice(line + 1))} of ${byArm(kept) ? arm : ALL}`, () => ({
        n: 0,
        sum: 0,
        unsure: 0,
      }));
      all.n += n;
      all.sum += sum;
      all.unsure += unsure;
    }
  }
  const found = new Map<string, { n: number; wx: number }>();
  const find = (origin: string, evidence: unknown): void => {
    if (evidence === undefined) return;
    if (!byArm(kept)) {
      const n = kept.outcomes(evidence);
      if (n > 0) entry(found, `${group(origin)} of ${ALL}`, () => ({ n: 0, wx: Number.NaN })).n += n;
      return;
    }
    for (const [arm, row] of (evidence as Moments).arms) {
      const all = entry(found, `${group(origin)} of ${arm}`, () => ({ n: 0, wx: 0 }));
      const [n, wx] = told(kept, row);
      all.n += n;
      all.wx += wx;
    }
  };
  for (const slot of root.learners.get(key)!.slots.slots.values())
    if (slot.origin !== retiredOrigin(root)) find(slot.origin, slot.evidence);
  for (const [gone, evidence] of book.folded)
    if (gone.startsWith(`${key}\n`)) find(gone.slice(key.length + 1), evidence);
  const astray = world.machines[0].named ? undefined : foldedRight(book, root, key);
  if (astray !== undefined) return astray;
  for (const [what, { n, sum, unsure }] of expected) {
    const origin = what.slice(0, what.indexOf(' '));
    // What the root itself lost it does not get back.
    if (named.has(nodeOf(`${origin}~`))) continue;
    const known = found.get(what);
    // What was folded is on the root's disk alone; news of it that came later were refused and counted.
    if (
      origin === nodeOf(`${origin}~`) &&
      (world.machines[0].named || world.refused.has(`${key}\n${origin}`))
    ) {
      if ((known?.n ?? 0) <= n) continue;
    }
    if ((known?.n ?? 0) > n || (known?.n ?? 0) < n - unsure)
      return `${what} there were ${n} outcomes in ${key}; the root knows ${known?.n ?? 'none'}; untaught: ${untaught(book, origin, key)}`;
    if (world.uncorrected.has(nodeOf(`${origin}~`))) continue;
    if (world.plan.halfLife || !byArm(kept)) continue;
    if (unsure === 0 && known !== undefined && known.wx !== sum - n / 2)
      return `${what} there were rewards of ${sum} in ${key}; the root has ${known.wx + n / 2}`;
  }
  if (named.size > 0) return undefined;
  for (const [what, { n }] of found)
    if (n > (expected.get(what)?.n ?? 0))
      return `the root knows ${n} outcomes ${what}, where ${expected.get(what)?.n ?? 0} are remembered`;
  return undefined;
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
function foldedRight(book: Ledger, root: NodeState, key: string): string | undefined {
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

/** Nobody keeps for ever what the root has folded, and the root folds what nobody will speak for again. */
function unfolded(world: World, book: Ledger, states: readonly NodeState[]): string | undefined {
  const root = states[0];
  if (!Number.isFinite(world.plan.fold.foldAfterMs ?? Number.POSITIVE_INFINITY)) return undefined;
  const live = new Map<string, number>();
  for (const { name, incarnation, origin } of states)
    if (incarnation !== '') live.set(name, openedOf(origin));
  for (const [index, state] of states.entries())
    for (const [key, { slots: learner }] of state.learners)
      for (const slot of learner.slots.values()) {
        if (slot.quarantined || !hearsTotals(world, states, index, key)) continue;
        if (state.isRoot) {
          const machine = world.machines.find(({ name }) => name === slot.node);
          if (
            slot.origin !== retiredOrigin(root) &&
            machine?.named === false &&
            openedOf(slot.origin) < (live.get(slot.node) ?? 0)
          )
            return `the root has not folded ${slot.origin} of ${key}`;
        } else if (
          book.folded.has(`${key}\n${slot.origin}`) &&
          !root.learners.get(key)!.slots.slots.has(slot.origin)
        )
          return `${state.name} still holds ${slot.origin} of ${key}, which was folded`;
      }
  return undefined;
}

/** Of a learner that is no longer declared, one on the way that has started since knows nothing, and makes no total. */
function hearsTotals(world: World, states: readonly NodeState[], index: number, key: string): boolean {
  if (states[index].learners.get(key)?.slots.evidence === undefined) return false;
  const above = world.machines.findIndex(({ name }) => name === world.machines[index].parent);
  return above < 0 || hearsTotals(world, states, above, key);
}

/** Evidence by arm says whose outcomes it holds; that of several policies only how many. */
type Kept = Evidence<unknown> & Pick<MomentsEvidence, 'halfLifeMs' | 'decayTo'>;
const byArm = (kept: Kept): boolean => !kept.name.startsWith('ensemble/');
const ALL = 'all arms';

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** The evidence that the policy reads: its running sums, as pooled. */
function inUse(state: NodeState, point: string, treeMs: number): Map<string, Float64Array> {
  const current = state.points.get(point)!;
  const learner = state.learners.get(current.learnerKey)!;
  const kept = current.compiled.policy.evidence as Kept;
  return decayed(kept, kept.add(sumOwn(learner.slots), learner.others.current), treeMs);
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

function sumOf(learner: LearnerSlots | undefined, kept: Kept): unknown {
  let sum = kept.zero();
  if (learner === undefined) return sum;
  for (const { evidence, quarantined, counted } of learner.slots.values())
    if (evidence !== undefined && !quarantined && counted) sum = kept.add(sum, evidence);
  return learner.base === undefined ? sum : kept.add(sum, learner.base.evidence);
}

/**
 * What a machine is to reckon with: what its parent does. Only where two processes live under one name in two places is
 * what the parent has parked of its (ADR 10) counted below, in place of what the parent itself holds of those origins.
 */
function expectedAt(
  world: World,
  states: readonly NodeState[],
  index: number,
  key: string,
  kept: Kept,
): unknown {
  const above = world.machines.findIndex(({ name }) => name === world.machines[index].parent);
  if (above < 0) return sumOf(states[index].learners.get(key)?.slots, kept);
  const parent = states[above];
  let sum = expectedAt(world, states, above, key, kept);
  for (const { message } of parent.children.get(states[index].origin)?.parked.values() ?? []) {
    if (message.key !== key || !isTwice(world, nodeOf(message.origin))) continue;
    const held = parent.learners.get(key)?.slots.slots.get(message.origin);
    if (held?.counted === true && !held.quarantined) sum = kept.subtract!(sum, held.evidence);
    sum = kept.add(sum, kept.decode(message.bytes, parent.limits));
  }
  return sum;
}

/** Two processes with copies of one disk, which have since moved apart: nobody can tell which of them the name is of. */
function isTwice(world: World, name: string): boolean {
  const places = world.machines.filter((machine) => machine.name === name).map(({ parent }) => parent);
  return new Set(places).size > 1;
}

/** Rows as they weigh at one time, so that they compare whatever their landmark is. */
function decayed(kept: Kept, sum: unknown, treeMs: number): Map<string, Float64Array> {
  const decay = byArm(kept) ? kept.decayTo(sum as Moments, treeMs) : 1;
  const out = rowsOf(sum);
  for (const row of out.values())
    for (let i = 1; i < row.length; i++) row[i] *= i === 2 ? decay * decay : decay;
  return out;
}

/** All numbers of some evidence, those of its parts among them. */
function rowsOf(evidence: unknown, of = ''): Map<string, Float64Array> {
  const { arms, parts } = evidence as Partial<Moments & Product>;
  const out = new Map<string, Float64Array>();
  for (const [arm, row] of arms ?? []) out.set(of + arm, row.slice());
  for (const [i, part] of (parts ?? []).entries())
    for (const [name, row] of rowsOf(part, `${of}${i}.`)) out.set(name, row);
  return out;
}

/** Half-lives make sums of other rounding, and so do the weights of several policies. */
function compare(a: Map<string, Float64Array>, b: Map<string, Float64Array>, kept: Kept): string | undefined {
  const exact = byArm(kept) && kept.halfLifeMs === undefined;
  for (const arm of new Set([...a.keys(), ...b.keys()])) {
    const x = a.get(arm);
    const y = b.get(arm);
    for (let i = 0; i < (x ?? y)!.length; i++) {
      const u = x?.[i] ?? 0;
      const v = y?.[i] ?? 0;
      const same =
        i === 0 || exact ? u === v : Math.abs(u - v) <= 1e-6 * Math.max(Math.abs(u), Math.abs(x?.[1] ?? 0));
      if (!same) return `${arm}[${i}] is ${v}, at the root ${u}`;
    }
  }
  return undefined;
}

/** Every kill that stands has been acknowledged by every node, but for who took it back too late. */
function acknowledged(world: World, root: NodeState, states: readonly NodeState[]): string | undefined {
  for (const [tag, { subtree }] of root.controls.kills)
    for (const state of states)
      if (
        state !== root &&
        root.applied.get(state.name)?.has(tag) !== true &&
        !tookBackTooLate(world, state, tag, subtree)
      )
        return `${state.name} has not acknowledged the kill ${tag} to the root`;
  return undefined;
}

/** What is remembered of the past is bounded: links to processes that are gone are forgotten. */
function leftovers(world: World, states: readonly NodeState[]): string | undefined {
  for (const state of states) {
    const live = new Set(
      world.machines.filter((m) => m.parent === state.name).map((m) => m.process!.node.state.origin),
    );
    for (const link of state.children.values())
      if (!live.has(link.key) && !link.node.startsWith('x'))
        return `${state.name} still keeps a link to ${link.key}, which is gone`;
  }
  let share = 0;
  // What a stranger was granted stays its own, wherever it is: nobody may take it for gone.
  for (const state of states)
    for (const [name, granted] of state.granted)
      if (name === state.name || name.startsWith('x')) share += granted;
  if (share < 0.2 - 1e-9) return `the nodes together hold only ${share} of every limit`;
  return undefined;
}

function tally({ controls }: NodeState): string {
  const { kills, overrides, quarantines, removed, specs, resets } = controls;
  return `${kills.size} kills, ${overrides.size} overrides ${[...overrides.keys()]}, ${quarantines.size} quarantines, ${removed.ranges.size} removed, specs ${[...specs.values()].map((s) => s.version)}, resets ${[...resets].join(' ')}`;
}

/** Which machine holds what, for a failure's last words. */
export function portrait(machine: Machine): string {
  const state = machine.process?.node.state;
  if (state === undefined) return `${machine.name}: down`;
  const slots = [...state.learners]
    .map(([key, { slots: learner }]) => {
      const list = [...learner.slots.values()].map(
        (slot) =>
          `${slot.origin} v${slot.version}/${slot.durableVersion}/${slot.ackedVersion} ${slot.route === '' ? 'own' : `via ${slot.route}`}${slot.counted ? '' : ' uncounted'}${slot.quarantined ? ' quarantined' : ''} [${[...((slot.evidence as Moments | undefined)?.arms ?? [])].map(([arm, row]) => `${arm}:${row[0]}`)}]`,
      );
      const base = learner.base?.evidence as Moments | undefined;
      return `    ${key} base r${learner.base?.revision} as of ${learner.base?.asOf} [${[...(base?.arms ?? [])].map(([arm, row]) => `${arm}:${row[0]}`)}]\n      ${list.join('\n      ')}`;
    })
    .join('\n');
  return `${machine.name} (${state.origin}) parent ${machine.parent}${machine.named ? ', named' : ''}, digest ${state.durableDigest} (${tally(state)}), refused ${JSON.stringify(state.refused)}\n${slots}`;
}
