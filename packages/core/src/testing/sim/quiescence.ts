import type { Moments } from '../../learners/moments.ts';
import { openedOf, retiredOrigin } from '../../node/origins.ts';
import type { NodeState } from '../../node/state.ts';
import { type LearnerSlots, nodeOf, sumOwn } from '../../sync/slots.ts';
import type { Clients } from './clients.ts';
import { inexact } from './exactness.ts';
import { compare, decayed, type Kept } from './kept.ts';
import { accepted, type Ledger } from './ledger.ts';
import { LEASE_MS } from './plan.ts';
import { differs, isStranded, tookBackTooLate } from './words.ts';
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
    const wrong = inexact(world, { book, root, key, kept }, exact);
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

/** The evidence that the policy reads: its running sums, as pooled. */
function inUse(state: NodeState, point: string, treeMs: number): Map<string, Float64Array> {
  const current = state.points.get(point)!;
  const learner = state.learners.get(current.learnerKey)!;
  const kept = current.compiled.policy.evidence as Kept;
  return decayed(kept, kept.add(sumOwn(learner.slots), learner.others.current), treeMs);
}

function sumOf(learner: LearnerSlots | undefined, kept: Kept): unknown {
  let sum = kept.zero();
  if (learner === undefined) return sum;
  for (const { evidence, quarantined, counted } of learner.slots.values())
    if (evidence !== undefined && !quarantined && counted) sum = kept.add(sum, evidence);
  return learner.base === undefined ? sum : kept.add(sum, learner.base.evidence);
}

/**
 * What a machine is to reckon with: what its parent does. Only where two processes live under one name in two places, or
 * one has lost what it learned elsewhere with its disk, is what the parent has parked of it (ADR 10) counted below, in place
 * of what the parent itself holds of those origins.
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
    const name = nodeOf(message.origin);
    // What is quarantined is in nobody's sums, wherever it is.
    if (message.key !== key || !mayBeParked(world, name) || isQuarantined(states[0], name)) continue;
    const held = parent.learners.get(key)?.slots.slots.get(message.origin);
    if (held?.counted === true && !held.quarantined) sum = kept.subtract!(sum, held.evidence);
    sum = kept.add(sum, kept.decode(message.bytes, parent.limits));
  }
  return sum;
}

const isQuarantined = ({ controls }: NodeState, name: string): boolean =>
  [...controls.quarantines.values()].some(({ node }) => node === name);

const mayBeParked = (world: World, name: string): boolean =>
  isTwice(world, name) || world.machines.some((machine) => machine.name === name && machine.named);

/** Two processes with copies of one disk, which have since moved apart: nobody can tell which of them the name is of. */
function isTwice(world: World, name: string): boolean {
  const places = world.machines.filter((machine) => machine.name === name).map(({ parent }) => parent);
  return new Set(places).size > 1;
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
