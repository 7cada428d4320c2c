import { artifactNames } from '../controls/model-state.ts';
import { type Place, ruleOn } from '../controls/scope.ts';
import { type DecisionRecord, SELF } from '../decision/decision-record.ts';
import { type CompiledPoint, compilePoint } from '../decision/define.ts';
import { rewardOf } from '../decision/outcome.ts';
import { carryInflight, compileRuling, createPointState, type PointState } from '../decision/point-state.ts';
import { sorted } from '../decision/sorted.ts';
import type { PointSpec } from '../decision/spec.ts';
import { compiledOver, type Stops } from '../decision/versions.ts';
import { isGanglionError } from '../errors.ts';
import type { Guard } from '../guard.ts';
import { isAmount } from '../limits.ts';
import type { Outcome, ViewInput } from '../policy.ts';
import { hash32, mix32 } from '../stats/hash.ts';
import { applyQuarantine, sumBelow, sumOwn } from '../sync/slots.ts';
import { openComparisons } from './comparing.ts';
import { syncFeatures } from './features.ts';
import { dropStaleLearners } from './guests.ts';
import { jsonBytes } from './json-bytes.ts';
import type { LearnerState } from './learners-held.ts';
import { isInDoubt, isRetired, isStale, learnerFor, taughtSlot } from './learning.ts';
import { advance, aim, phaseOf } from './mixture.ts';
import { countOutcome, outcomeStats } from './outcome-stats.ts';
import { isOut } from './quarantine.ts';
import { emit, type NodeState, refuse } from './state.ts';
import { beginTeachingLate } from './teaching-late.ts';
import { judgeSettled, openValidation, thawWhenDue } from './validating.ts';

/** What a stored source of decisions says: enough to join their feedback after a restart. */
export interface StoredSource {
  readonly point: string;
  readonly spec: PointSpec;
  readonly version: number;
  readonly generations: Readonly<Record<string, number>>;
  readonly learnerKey: string;
}

/** Points as the controls declare them: makes, replaces and drops point states. Called when controls or place change. */
export function syncPoints(node: NodeState): void {
  const stops = stopsHere(node);
  node.leftOut.clear();
  const { models } = node.controls;
  for (const [name, declared] of node.controls.specs) {
    const current = node.points.get(name);
    const epoch = node.controls.resets.get(name) ?? 0;
    const made = node.madeOf.get(name);
    // Mostly one word was said of a thousand points: the others stand as they are. Kills of models are looked into.
    if (
      current !== undefined &&
      stops === undefined &&
      made?.declared === declared &&
      made.models === models &&
      made.epoch === epoch &&
      made.origin === node.origin
    )
      continue;
    node.madeOf.delete(name);
    if (declared.spec === null) {
      if (current !== undefined) {
        openValidation(node, undefined, current);
        node.points.delete(name);
      }
      continue;
    }
    let compiled: CompiledPoint;
    try {
      compiled = compiledOver(
        declared.spec,
        models,
        (spec) => compilePoint(spec, node.registry, node.limits, declared.generations, node.ports.kernels),
        stops,
      );
    } catch (cause) {
      // Another version of Ganglion may know more kinds than this one, or have had other limits: it keeps what it has and says so.
      refuse(node, 'spec_not_understood');
      node.leftOut.set(name, whyNot(cause));
      continue;
    }
    if (stops === undefined) node.madeOf.set(name, { declared, models, epoch, origin: node.origin });
    const key = learnerKey(compiled, epoch);
    if (
      current !== undefined &&
      current.source.specVersion === declared.version &&
      current.learnerKey === key &&
      // Under a new incarnation decisions bear its name; guards, stuck units and counts go over.
      current.source.idPrefix.startsWith(`${node.origin}~`) &&
      JSON.stringify(current.compiled.spec) === JSON.stringify(compiled.spec)
    )
      continue;
    replacePoint(node, compiled, declared.version, key, current);
  }
  syncFeatures(node.features, node.points);
  dropStaleLearners(node);
  for (const learner of node.learners.values()) applyQuarantine(learner.slots, (slot) => isOut(node, slot));
  for (const state of node.joins.values()) compileRuling(state, node.controls, placeOf(node));
}

/** Why a declaration cannot run here, in one line. */
function whyNot(cause: unknown): string {
  const why = cause instanceof Error ? cause.message : 'it cannot be read';
  const kind = isGanglionError(cause, 'unknown_kind') ? cause.value : undefined;
  return typeof kind === 'string' ? `${why}: ${kind}` : why;
}

/**
 * As far as controls are concerned. A node that has not heard its place yet (its disk is an image from before) may be handed
 * what was said above by those below: what was said neither here nor below counts as that.
 */
function placeOf(node: NodeState): Omit<Place, 'point' | 'domain'> {
  const { tier, path, isRoot, name, routes, knownChildren } = node;
  if (isRoot || path.length > 1) return { tier, path };
  const mayBeAbove = (other: string): boolean =>
    other !== name && !routes.has(other) && !knownChildren.has(other);
  return { tier, path, mayBeAbove };
}

/** Which versions of models the kills stop at this node. */
function stopsHere(node: NodeState): Stops | undefined {
  const { killedArms } = ruleOn(node.controls, { point: '', domain: '', ...placeOf(node) });
  if (killedArms.size === 0) return undefined;
  return (model, { version, digest }) =>
    artifactNames(model, version, digest).some((name) => killedArms.has(name));
}

/** (point, learner version, hash of schema, encoding, reward and half-life, reset epoch): different keys never add. */
export function learnerKey(compiled: CompiledPoint, epoch: number): string {
  const shape =
    hash32(compiled.learnerShape).toString(36) + mix32(hash32(compiled.learnerShape, 1), 7).toString(36);
  return `${compiled.name}|${compiled.policy.name}|${shape}|${epoch}`;
}

function replacePoint(
  node: NodeState,
  compiled: CompiledPoint,
  version: number,
  key: string,
  current: PointState | undefined,
): void {
  const state = createPointState(compiled, version, key, {
    node: node.name,
    tier: node.tier,
    path: node.path,
    incarnation: node.incarnation,
    pointNumber: node.pointNumber++,
    seed: node.seed,
  });
  const former = current === undefined ? lastOf(node, compiled.name) : undefined;
  if (current !== undefined) inherit(state, current);
  else if (former !== undefined) carryInflight(former, state);
  shareLedgers(node, state);
  const load = node.domainLoads.get(compiled.domain) ?? state.domainLoad;
  node.domainLoads.set(compiled.domain, load);
  state.domainLoad = load;
  // Who waits may fit under the new declaration.
  load.wake();
  state.schema = node.schemas.get(compiled.name);
  node.points.set(compiled.name, state);
  node.joins.set(state.source.idPrefix, state);
  const stored: StoredSource = {
    point: compiled.name,
    spec: compiled.spec,
    version,
    generations: node.controls.specs.get(compiled.name)?.generations ?? {},
    learnerKey: key,
  };
  node.writes.push({
    kind: 'put',
    collection: 'source',
    key: state.source.idPrefix,
    value: jsonBytes(stored),
  });
  beginTeachingLate(node, state);
  // The entry goes once nothing awaits an outcome; the log must be readable for as long as it is kept.
  node.writes.push({
    kind: 'append',
    journal: 'sources',
    atMs: node.moment.wallMs,
    chunk: jsonBytes({ ...stored, prefix: state.source.idPrefix, tier: node.tier }),
  });
  if (!node.stats.has(compiled.name)) node.stats.set(compiled.name, outcomeStats());
  learnerOf(node, state);
  openComparisons(node, state);
  openValidation(node, state, current);
  refreshView(node, state);
}

/** A point that was deleted and is declared again begins anew, but what it has in flight still is. */
function lastOf(node: NodeState, point: string): PointState | undefined {
  for (const state of node.joins.values())
    if (state.compiled.name === point && state.successor === undefined && state.inflightTotal > 0)
      return state;
  return undefined;
}

/** Limits over a domain or the tree count into one state, whichever point of this node acts. */
export function shareLedgers(node: NodeState, state: PointState): void {
  state.compiled.guards.forEach(({ guard }, i) => {
    const key = ledgerKey(state, guard);
    if (key === undefined) return;
    if (node.ledgers.has(key)) state.guards[i] = node.ledgers.get(key);
    else node.ledgers.set(key, state.guards[i]);
  });
}

/** Under what name the state of a guard is shared; undefined where it is the point's own. */
export function ledgerKey({ compiled }: PointState, { name, scope, ledger = '' }: Guard): string | undefined {
  if (scope !== 'domain' && scope !== 'tree') return undefined;
  return JSON.stringify([name, scope, scope === 'domain' ? compiled.domain : '', ledger]);
}

/** Guards keep what they know of arms that stay, and units keep their arms. */
function inherit(state: PointState, old: PointState): void {
  const from = state.compiled.arms.map((arm) => old.source.armKeys.indexOf(arm.key));
  state.compiled.guards.forEach(({ guard }, i) => {
    const same = old.compiled.guards.findIndex(
      (g, j) =>
        g.guard.name === guard.name &&
        JSON.stringify(sorted(old.compiled.spec.guards?.[j])) ===
          JSON.stringify(sorted(state.compiled.spec.guards?.[i])),
    );
    if (same < 0) return;
    state.counters.guardInterventions[i] = old.counters.guardInterventions[same];
    state.counters.guardWhy[i] = old.counters.guardWhy[same];
    const arms = state.compiled.arms.length;
    if (guard.rearm !== undefined) state.guards[i] = guard.rearm(old.guards[same], from);
    else if (from.length === old.source.armKeys.length && from.every((index, k) => index === k))
      state.guards[i] = old.guards[same];
    else state.guards[i] = guard.initial(arms);
  });
  for (const [unit, stuck] of old.stuck) state.stuck.set(unit, stuck);
  if (continues(state, old)) state.episodes = old.episodes;
  carryInflight(old, state);
  state.counters.decisions = old.counters.decisions;
  state.counters.outcomes = old.counters.outcomes;
  state.counters.expired = old.counters.expired;
  state.counters.unjoined = old.counters.unjoined;
  state.counters.thinned = old.counters.thinned + old.pending.passedOver;
  state.counters.unknownPropensity = old.counters.unknownPropensity;
  Object.assign(state.counters.reasons, old.counters.reasons);
  Object.assign(state.counters.training, old.counters.training);
  from.forEach((index, i) => {
    if (index < 0) return;
    state.counters.decisionsByArm[i] = old.counters.decisionsByArm[index];
    state.counters.failuresByArm[i] = old.counters.failuresByArm[index];
  });
  state.view.version = old.view.version;
  // A view may hold local signals; it finds its arms again by their keys.
  if (old.compiled.policy.name === state.compiled.policy.name) state.view.current = old.view.current;
}

/** Whether episodes of the one go on in the other: they speak of the same states and arms. */
export function continues(state: PointState, old: PointState): boolean {
  const { learnerKey: key, source } = state;
  return key === old.learnerKey && source.armKeys.join('\n') === old.source.armKeys.join('\n');
}

/** The learner of a point, made when first asked for. */
export const learnerOf = (node: NodeState, state: PointState): LearnerState =>
  learnerFor(node, state.learnerKey, state.compiled.policy.evidence);

/** An outcome goes to the slot of the incarnation that decided. */
export function learn(node: NodeState, state: PointState, outcome: Outcome): 'learned' | 'refused' {
  const { learnerKey: key, source } = state;
  if (isStale(node, key)) return refused(node, 'learner_gone'); // reset meanwhile
  if (isInDoubt(node, key, source.idPrefix)) return refused(node, 'outcome_in_doubt');
  // Sums of more than this may be no numbers any more, and what cannot be written cannot be read again.
  if (!isAmount(outcome.reward) || !isAmount(outcome.weight)) return refused(node, 'outcome_not_finite');
  // What it corrects is no longer here to be taken back: less than nothing of an arm would be no evidence.
  if (outcome.sign < 0 && isRetired(node, key, source.idPrefix))
    return refused(node, 'correction_of_retired_origin');
  const slot = taughtSlot(node, learnerOf(node, state), key, source.idPrefix);
  if (slot === undefined) return 'refused';
  const { policy } = state.compiled;
  if (outcome.sign < 0 && policy.forgot?.(slot.evidence, outcome))
    return refused(node, 'correction_of_forgotten_arm');
  slot.evidence = policy.learn(slot.evidence, outcome);
  if (outcome.weight > slot.heaviest) slot.heaviest = outcome.weight;
  state.view.stale++;
  return 'learned';
}

function refused(node: NodeState, why: string): 'refused' {
  refuse(node, why);
  return 'refused';
}

export function settled(node: NodeState, state: PointState, record: DecisionRecord): void {
  node.counters.outcomes++;
  const stats = node.stats.get(state.compiled.name);
  if (stats !== undefined) countOutcome(stats, state, record, node.moment.monoMs);
  judgeSettled(node, state, record);
  if (node.listeners.size === 0 || record.metrics === undefined || record.arm === null) return;
  const reward = rewardOf(state, record.metrics);
  emit(node, {
    kind: 'outcome',
    node: node.name,
    id: record.id,
    point: record.point,
    arm: record.arm,
    reward: Number.isNaN(reward) ? null : reward,
    metrics: { ...record.metrics },
    versions: record.versions,
    selfCaused: (record.state & SELF) !== 0,
    ...(record.truth === undefined ? {} : { truth: record.truth }),
  });
}

/** Off the decide path: adopts totals step by step, and rebuilds the views that are due. */
export function refreshPoints(node: NodeState): void {
  const { tuning, moment } = node;
  thawWhenDue(node);
  for (const state of node.points.values()) {
    const learner = learnerOf(node, state);
    const { pooling } = state.compiled;
    if (learner.others.revision !== learner.slots.revision)
      aim(learner.others, othersOf(learner), pooling.steps, learner.slots.revision);
    const phase = (learner.phase ??= phaseOf(node.name, state.learnerKey));
    if (advance(learner.others, state.compiled.policy.evidence, pooling.everyMs, moment.treeMs, phase))
      state.view.dirty = true;
    const { view } = state;
    if (view.stale === 0 && !view.dirty) continue;
    if (view.stale >= tuning.refreshOutcomes || moment.monoMs - view.builtMs >= tuning.refreshMs)
      refreshView(node, state);
  }
}

/** What everybody else has seen: the base and the counted slots of the subtree below. */
function othersOf(learner: LearnerState): unknown {
  const { slots } = learner;
  if (slots.evidence === undefined) return undefined;
  const below = sumBelow(slots);
  return slots.base === undefined ? below : slots.evidence.add(slots.base.evidence, below);
}

/** Own evidence (all incarnations) and the weighted evidence of the others become the view that `propose` reads. */
export function refreshView(node: NodeState, state: PointState): void {
  const { compiled, view } = state;
  const { policy } = compiled;
  const learner = learnerOf(node, state);
  const own = sumOwn(learner.slots);
  const others = policy.evidence.scale(learner.others.current, compiled.pooling.weight);
  const at: ViewInput = {
    arms: compiled.arms,
    nowMs: node.moment.treeMs,
    baseline: fixedBaseline(state),
    margin: compiled.margin,
    seed: mix32(state.seedHi, view.version + 1),
  };
  view.current = policy.view(own, others, at, view.current);
  view.version++;
  view.stale = 0;
  view.dirty = false;
  view.builtMs = node.moment.monoMs;
}

/** The baseline as a distribution, where it is the same for every decision. */
function fixedBaseline(state: PointState): Float64Array | undefined {
  const { spec, arms, armIds } = state.compiled;
  const p = new Float64Array(arms.length);
  const kind = spec.baseline?.kind;
  if (kind === undefined && typeof spec.fallback === 'string') p[armIds.indexOf(spec.fallback)] = 1;
  else if (kind === 'fixed') p[armIds.indexOf(String(spec.baseline?.arm))] = 1;
  else if (kind === 'round-robin') p.fill(1 / arms.length);
  else return undefined;
  return p;
}
