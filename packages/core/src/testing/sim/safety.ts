import { type ControlState, joinControls } from '../../controls/control-state.ts';
import { isRemoved } from '../../controls/removed.ts';
import type { Moments } from '../../learners/moments.ts';
import { boundOf as killBoundOf } from '../../node/held-leases.ts';
import { markOf, openedOf, retiredOrigin } from '../../node/origins.ts';
import type { NodeState } from '../../node/state.ts';
import type { LearnerSlots, Slot } from '../../sync/slots.ts';
import { fail } from './failure.ts';
import type { Ledger } from './ledger.ts';
import { LEARNED } from './plan.ts';
import type { Machine, World } from './world.ts';

/** What must hold after every step, checked where something has changed. */
export interface Safety {
  touched(machine: Machine): void;
  started(machine: Machine): void;
  stopped(machine: Machine): void;
  /** When each kill said at the root became durable there: true time, by tag. */
  readonly killsMs: Map<string, number>;
  /** Within what the root then said that it stops the learned point, by tag, ms. */
  readonly boundsMs: Map<string, number>;
}

interface Seen {
  controls: ControlState | undefined;
  durable: ControlState | undefined;
  readonly revisions: WeakMap<LearnerSlots, number>;
  readonly versions: WeakMap<Slot, number>;
  /** At the root, by learner: the evidence of each origin as last seen. */
  readonly held: Map<string, Map<string, Moments>>;
}

const unseen = (): Seen => ({
  controls: undefined,
  durable: undefined,
  revisions: new WeakMap(),
  versions: new WeakMap(),
  held: new Map(),
});

export function safety(world: World, book: Ledger): Safety {
  const seen = new Map<Machine, Seen>();
  const killsMs = new Map<string, number>();
  const boundsMs = new Map<string, number>();
  const of = (machine: Machine): Seen => {
    let known = seen.get(machine);
    if (known === undefined) seen.set(machine, (known = unseen()));
    return known;
  };
  return {
    killsMs,
    boundsMs,
    touched(machine) {
      const state = machine.process?.node.state;
      if (state === undefined) return;
      const known = of(machine);
      checkControls(world, machine, state, known);
      if (state.durableControls !== known.durable) {
        known.durable = state.durableControls;
        if (machine.parent === '') {
          hearKills(state, machine, killsMs, world.line.nowMs);
          for (const tag of killsMs.keys()) if (!boundsMs.has(tag)) boundsMs.set(tag, statedBound(state));
        }
      }
      for (const gone of state.retired) book.moved.add(gone);
      for (const learner of state.learners.values()) checkLearner(world, book, machine, learner.slots, known);
      checkMemory(machine, state);
      if ((state.refused.correction_of_retired_origin ?? 0) > 0) world.uncorrected.add(state.name);
      if (state.isRoot) watchFolds(book, state, known);
      checkShares(world);
    },
    started(machine) {
      const known = of(machine);
      const state = machine.process!.node.state;
      if (
        known.durable !== undefined &&
        !machine.named &&
        joinControls(state.controls, known.durable) !== state.controls
      )
        fail('controls-lost-in-restart', `${machine.name} has lost a control that was on its disk`);
      if (machine.parent === '' && machine.named)
        for (const tag of killsMs.keys()) if (!state.controls.kills.has(tag)) killsMs.delete(tag);
      known.controls = undefined;
      checkAcknowledged(world, machine, state);
      checkFeedback(book, machine, state);
    },
    stopped(machine) {
      const state = machine.process?.node.state;
      if (state !== undefined) of(machine).durable = state.durableControls;
    },
  };
}

/** While it runs, what a node knows of controls only grows. */
function checkControls(world: World, machine: Machine, { controls }: NodeState, known: Seen): void {
  if (controls === known.controls) return;
  if (known.controls !== undefined && joinControls(controls, known.controls) !== controls)
    fail('controls-regress', `${machine.name} has forgotten a control while it ran`);
  known.controls = controls;
  world.trace.fold(controls.kills.size * 1000 + controls.removed.ranges.size);
}

/** Marks the decisions that a node has forgotten in a crash: none of which it had acknowledged feedback for. */
function checkFeedback(book: Ledger, machine: Machine, state: NodeState): void {
  for (const made of book.made.values()) {
    if (made.machine !== machine || made.lost || recalls(state, made.id)) continue;
    made.lost = true;
    if (made.joined >= 0 && !machine.named)
      fail('feedback-lost', `${machine.name} acknowledged feedback for ${made.id} and has forgotten it`);
  }
}

/** What a node has told the root that it has applied, it still knows after a restart. */
function checkAcknowledged(world: World, machine: Machine, state: NodeState): void {
  const root = world.machines[0].process?.node.state;
  if (root === undefined || machine.parent === '' || machine.named) return;
  for (const tag of root.applied.get(machine.name) ?? [])
    if (
      root.controls.kills.has(tag) &&
      !state.controls.kills.has(tag) &&
      !isRemoved(state.controls.removed, tag)
    )
      fail(
        'ack-without-kill',
        `${machine.name} had acknowledged ${tag} and does not know it after a restart`,
      );
}

/** Whether a node still awaits outcomes of this decision. */
export function recalls(state: NodeState, id: string): boolean {
  const cut = id.lastIndexOf('~') + 1;
  const pending = state.joins.get(id.slice(0, cut))?.pending;
  if (pending === undefined) return false;
  const n = Number(id.slice(cut));
  for (const record of pending.records) if (record?.n === n) return true;
  return false;
}

function hearKills(state: NodeState, machine: Machine, killsMs: Map<string, number>, nowMs: number): void {
  for (const [tag, kill] of state.durableControls.kills)
    if (kill.subtree === machine.name && !killsMs.has(tag)) killsMs.set(tag, nowMs);
  for (const tag of killsMs.keys()) if (isRemoved(state.controls.removed, tag)) killsMs.delete(tag);
}

/** As `GET /v1/controls` has it of a kill that is durable now. */
function statedBound(state: NodeState): number {
  const { monoMs } = state.moment;
  const until = killBoundOf(state, { scope: `point:${LEARNED}` }, monoMs);
  return until === null ? Number.POSITIVE_INFINITY : until - monoMs;
}

function checkLearner(
  world: World,
  book: Ledger,
  machine: Machine,
  learner: LearnerSlots,
  known: Seen,
): void {
  if (learner.evidence?.name !== 'moments/1') return;
  let changed = known.revisions.get(learner) !== learner.revision;
  for (const slot of learner.slots.values()) {
    if (known.versions.get(slot) === slot.version) continue;
    changed = true;
    known.versions.set(slot, slot.version);
    if (slot.evidence === undefined || poisoned(world, slot.node) || isNamed(world, slot.node)) continue;
    // It holds many; they are bounded together, and compared in the end.
    if (slot.origin === retiredOrigin(world.machines[0])) continue;
    for (const [arm, row] of (slot.evidence as Moments).arms) {
      const bound = boundOf(book, learner.key, slot, arm);
      if (row[0] > bound)
        fail(
          'origin-bound',
          `${machine.name} holds ${row[0]} outcomes of ${arm} from ${slot.origin}, which had ${bound}`,
        );
    }
  }
  if (!changed) return;
  known.revisions.set(learner, learner.revision);
  const total = countTotal(learner);
  const bound = book.bounds.get(learner.key);
  for (const [arm, n] of total)
    if (
      n > (bound?.get(arm) ?? 0) &&
      !world.machines.some((m) => m.poisoned || m.cloned) &&
      n > (bound?.get(arm) ?? 0) + forgottenBy(book, learner.key, arm)
    ) {
      fail(
        'evidence-bound',
        `${machine.name} reckons with ${n} outcomes of ${arm} in ${learner.key}; there were ${bound?.get(arm) ?? 0}`,
      );
    }
}

/** Outcomes that a lying disk may have lost after they were sent on: a correction of one counts it anew. */
function forgottenBy(book: Ledger, key: string, arm: string): number {
  let n = 0;
  for (const made of book.made.values())
    if (made.machine.lied && made.key === key && made.armKey === arm && made.acked >= 0) n++;
  return n;
}

/** Late outcomes of an origin that lives on elsewhere go to the one that its node uses now. */
function boundOf(book: Ledger, key: string, slot: Slot, arm: string): number {
  let bound = book.originBounds.get(`${key}\n${slot.origin}`)?.get(arm) ?? 0;
  for (const gone of book.moved)
    if (gone.startsWith(`${key}\n${slot.node}~`) && gone !== `${key}\n${slot.origin}`)
      bound += book.originBounds.get(gone)?.get(arm) ?? 0;
  return bound;
}

const isNamed = (world: World, name: string): boolean =>
  world.machines.some((machine) => machine.named && machine.name === name);

const poisoned = (world: World, name: string): boolean =>
  world.machines.some((machine) => machine.poisoned && machine.name === name);

/** Outcomes by arm that this node reckons with: own, below, and the base. Summed anew, not by its running sums. */
export function countTotal(learner: LearnerSlots): Map<string, number> {
  const total = new Map<string, number>();
  const add = (evidence: unknown): void => {
    for (const [arm, row] of (evidence as Moments).arms) total.set(arm, (total.get(arm) ?? 0) + row[0]);
  };
  for (const slot of learner.slots.values())
    if (slot.evidence !== undefined && !slot.quarantined && slot.counted) add(slot.evidence);
  if (learner.base !== undefined) add(learner.base.evidence);
  return total;
}

/** Remembers what the root folds: it must all be in the retired slot in the end, once. */
function watchFolds(book: Ledger, state: NodeState, known: Seen): void {
  for (const [key, { slots: learner }] of state.learners) {
    let held = known.held.get(key);
    if (held === undefined) known.held.set(key, (held = new Map()));
    for (const [origin, evidence] of held) {
      if (learner.slots.has(origin)) continue;
      held.delete(origin);
      if (markOf(state, key, origin) >= openedOf(origin)) book.folded.set(`${key}\n${origin}`, evidence);
    }
    for (const [origin, { evidence }] of learner.slots) {
      if (evidence !== undefined) held.set(origin, evidence as Moments);
      book.folded.delete(`${key}\n${origin}`);
    }
  }
}

function checkMemory(machine: Machine, state: NodeState): void {
  const sent = state.parent?.sent.size ?? 0;
  if (sent > 64) fail('memory', `${machine.name} remembers ${sent} messages it sent`);
  for (const link of state.children.values())
    if (link.answers.length > 1000) fail('memory', `${machine.name} keeps ${link.answers.length} answers`);
  if (state.writes.length > 5000) fail('memory', `${machine.name} has ${state.writes.length} writes waiting`);
}

/** What all nodes together may use of a limit is at most the whole of it, whoever is cut off. */
function checkShares(world: World): void {
  let sum = 0;
  // Whose disk has lost what it had granted cannot know; two with one name hold one share twice (DESIGN §4, clones).
  if (world.machines.some((machine) => machine.named)) return;
  for (const machine of world.machines) {
    const state = machine.process?.node.state;
    if (state !== undefined) sum += state.granted.get(state.name) ?? 0;
  }
  if (sum > 1 + 1e-9) fail('shares', `the nodes together hold ${sum} of every limit`);
}
