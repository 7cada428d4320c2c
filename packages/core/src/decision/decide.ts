import { inSegment } from '../controls/segment.ts';
import type { Verdict } from '../guard.ts';
import type { DecideInput } from '../node-api.ts';
import type { Proposal } from '../policy.ts';
import { fraction, hash32 } from '../stats/hash.ts';
import { uniform } from '../stats/random.ts';
import { DecisionRecord, SELF } from './decision-record.ts';
import { follow } from './episodes.ts';
import { causedByLearner, forecast } from './forecast.ts';
import { escalate, judge, narrow } from './guarding.ts';
import { draw, type External, faultOf, heaviest, heaviestOf, project } from './mix.ts';
import type { PointState } from './point-state.ts';
import type { Reason } from './record.ts';
import { applyVariant, excludeArms } from './restrict.ts';
import { ConformedInput } from './schema.ts';
import { freeze, readContext, showNothing } from './shown.ts';
import { type Diversity, diversify, withholdShown } from './slate.ts';
import { stick } from './stick.ts';
import { hear, note, startTrail, takeBack, trailOf } from './trail.ts';
import { LEASE, NO_ANSWER, PLACEMENT, UNKNOWN_ARM } from './verdicts.ts';

/** What a decision may know of its node at this moment. One a node, updated in place. */
export interface Moment {
  monoMs: number;
  wallMs: number;
  treeMs: number;
  /** Time since the root was last known to agree, ms; 0 at the root. */
  leaseAgeMs: number;
  /** This node's share of tree-wide limits. */
  share: number;
  /** Measured round trip to the parent; Infinity without one, and for synchronous decisions; NaN once it was asked. */
  parentMs: number;
  budgetMs: number;
  /** Whether the caller can wait for a place. */
  mayWait: boolean;
}

/**
 * What the pipeline answers: a record; that the parent is to be asked first (the arms it may name are then those that
 * `scratch.guardInput` allows); or that the caller may wait for a place (`scratch.queue` says how many may).
 * The last two only where the moment allows them.
 */
export type Answer = DecisionRecord | 'escalate' | 'wait';

/** What came of asking the parent: its proposal, nothing, or it was not asked. */
export type Asked = External | 'none' | undefined;

/**
 * The eight steps of DESIGN §5, in order. Synchronous; never throws; allocates the record and, only when what the
 * guards say has changed since the last decision, its trail.
 */
export function decideOnce(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  asked: Asked,
): Answer {
  const { compiled, scratch } = state;
  startTrail(state);
  scratch.live = false;
  const wrong = misfit(input) || readContext(state, input, moment.wallMs, true);
  if (input?.taken !== undefined) return observe(state, moment, input, input.taken, wrong === '');
  const stopped = controls(state, moment, input, asked);
  if (stopped !== undefined) return stopped;
  if (wrong !== '') {
    note(state, { guard: 'context', kind: 'block', why: wrong });
    return fallback(state, moment, input, 'invalid_context', 1);
  }
  prepare(state, moment, input);
  let baseline = false;
  let assigned: Verdict | undefined;
  let trains = input?.exclude === undefined || !excludeArms(state, input.exclude);
  if (state.slate.position > 0) withholdShown(state.slate, scratch.guardInput);
  if (state.misplaced && asked === undefined) return escalate(state, -1);
  const guardInput = scratch.guardInput;
  for (let k = 0; k < compiled.assigning.length && !baseline; k++) {
    const i = compiled.assigning[k];
    scratch.asking = i;
    const verdict = compiled.guards[i].guard.check(state.guards[i], guardInput);
    if (verdict.kind !== 'assign') continue;
    hear(state, i, verdict);
    guardInput.stratum = verdict.stratum ?? '';
    baseline = verdict.baseline === true;
    assigned = verdict;
    if (verdict.trains === false) trains = false;
  }
  const narrowed = narrow(state, moment);
  if (narrowed === 'wait') {
    takeBack(state);
    return 'wait';
  }
  if (narrowed === 'block' || guardInput.allowedCount === 0) return nothing(state, moment, input);
  if (narrowed === 'tainted') trains = false;
  if (assigned !== undefined && !baseline) baseline = !applyVariant(state, assigned);
  if (baseline) return drawBaseline(state, moment, input, trains);
  if (compiled.stickyMs > 0) {
    const stuck = keepArm(state, moment, input, trains);
    if (stuck !== undefined) return stuck;
  }
  return drawPolicy(state, moment, input, asked, trains);
}

/** What is wrong with the input by itself, and what the point's validator has said of the context, where it has one. */
const misfit = (input: DecideInput | undefined): string =>
  input instanceof ConformedInput ? input.wrong : '';

/** At the deadline: the controls are asked afresh, humans first; then the fallback. */
export function decideLate(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
): DecisionRecord {
  startTrail(state);
  state.scratch.live = false;
  // A race decided: how likely this was nobody knows.
  return controls(state, moment, input, 'none') ?? fallback(state, moment, input, 'deadline', Number.NaN);
}

/**
 * Apprentice: somebody else has decided, controls and guards had no say, and none of it is ours. The policy proposes
 * over all arms, so that the record tells what it would have done. A kill stops the learning too.
 */
function observe(
  state: PointState,
  moment: Moment,
  input: DecideInput,
  taken: NonNullable<DecideInput['taken']>,
  fits: boolean,
): DecisionRecord {
  const { scratch, compiled, ruling } = state;
  const arm = state.source.armIds.indexOf(taken.arm);
  prepare(state, moment, input);
  scratch.live = false;
  if (arm < 0) {
    note(state, UNKNOWN_ARM);
    return nothing(state, moment, input);
  }
  let proposed = -1;
  if (fits) {
    scratch.guardInput.allowed.fill(1);
    scratch.guardInput.allowedCount = scratch.guardInput.arms;
    propose(state, compiled.policy, state.view.current, scratch.proposal, moment, state.turns++);
    proposed = heaviestOf(scratch.proposal.p, scratch.guardInput);
  }
  const p = taken.propensity ?? Number.NaN;
  const propensity = p > 0 && p <= 1 ? p : Number.NaN;
  const confidence = fits ? scratch.proposal.confidence : Number.NaN;
  const trains = fits && ruling.kill === undefined && input.exclude === undefined;
  return finish(state, moment, input, '', proposed, arm, propensity, confidence, 'observed', trains);
}

/** Step 1: kill, placement, lease, override. Humans first. */
function controls(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  asked: Asked,
): DecisionRecord | undefined {
  const { ruling, compiled } = state;
  if (ruling.kill !== undefined) {
    note(state, ruling.kill);
    return fallback(state, moment, input, 'killed', 1);
  }
  if (state.misplaced && (asked === undefined ? !(moment.parentMs <= moment.budgetMs) : asked === 'none')) {
    note(state, PLACEMENT);
    // Whether the parent would answer in time was a race: how likely this was nobody knows.
    return fallback(state, moment, input, 'placement', asked === undefined ? 1 : Number.NaN);
  }
  if (moment.leaseAgeMs > compiled.leaseMs && compiled.onExpiry === 'fallback') {
    note(state, LEASE);
    return fallback(state, moment, input, 'lease_expired', 1);
  }
  for (const { override, arm, verdict } of ruling.overrides) {
    // A person pins one arm: it is the first of a slate.
    if (state.slate.position > 0) break;
    if (override.expiresMs !== null && moment.treeMs >= override.expiresMs) continue;
    if (ruling.armsAllowed[arm] === 0 || !inSegment(override.segment, input?.context, input?.unit ?? ''))
      continue;
    prepare(state, moment, input);
    note(state, verdict);
    return finish(state, moment, input, '', -1, arm, 1, Number.NaN, 'override', false);
  }
  return undefined;
}

function prepare(state: PointState, moment: Moment, input: DecideInput | undefined): void {
  const { scratch, ruling } = state;
  const g = scratch.guardInput;
  scratch.live = true;
  g.nowMs = moment.monoMs;
  g.unit = input?.unit ?? input?.episode ?? '';
  g.unitHash = g.unit === '' ? 0 : hash32(g.unit);
  // A loop: `set` costs more than the few arms that there are.
  for (let a = 0; a < g.arms; a++) g.allowed[a] = ruling.armsAllowed[a];
  g.allowedCount = ruling.allowedCount;
  g.inflightPoint = state.inflightTotal;
  g.inflightDomain = state.domainLoad.inflight;
  g.confidence = Number.NaN;
  g.budgetMs = moment.budgetMs;
  g.parentMs = moment.parentMs;
  g.share = moment.share;
  g.stratum = '';
  g.chance = uniform(state.seedHi, state.seedLo, firstOf(state) * 2 + 1);
  if (ruling.artifactKill !== undefined) note(state, ruling.artifactKill);
  if (ruling.memberKill !== undefined) note(state, ruling.memberKill);
}

/** The decision by whose chance guards assign: a list is assigned as one. */
const firstOf = ({ slate, n }: PointState): number => (slate.position > 0 ? slate.first : n);

/** Sticky units keep their arm while it is allowed, one that the learner chose while it has a say; the first draw's propensity stands. */
function keepArm(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  trains: boolean,
): DecisionRecord | undefined {
  const unit = input?.unit;
  const stuck = unit === undefined ? undefined : state.stuck.get(unit);
  if (stuck === undefined || moment.treeMs >= stuck.untilMs) return undefined;
  if (stuck.caused && state.scratch.influence === 0) return undefined;
  const { guardInput } = state.scratch;
  const arm = state.source.armKeys.indexOf(stuck.armKey);
  if (arm < 0 || guardInput.allowed[arm] === 0) return undefined;
  const { stratum } = guardInput;
  const { propensity } = stuck;
  const record = finish(state, moment, input, stratum, -1, arm, propensity, Number.NaN, 'sticky', trains);
  if (stuck.caused) record.state |= SELF;
  return record;
}

/** The stratum gets the baseline over what is allowed, without exploration. */
function drawBaseline(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  trains: boolean,
): Answer {
  const { scratch } = state;
  if (!proposeBaseline(state, moment)) return unsound(state, moment, input, scratch.baseline);
  const arm = draw(scratch.baseline.p, scratch.guardInput.arms, chanceOf(state, state.compiled.baseline));
  return finish(
    state,
    moment,
    input,
    scratch.guardInput.stratum,
    -1,
    arm,
    scratch.baseline.p[arm],
    Number.NaN,
    'baseline',
    trains,
  );
}

/** Steps 4 to 7: propose, judge, mix, draw. */
function drawPolicy(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  asked: Asked,
  trains: boolean,
): Answer {
  const { scratch, compiled } = state;
  const { proposal, guardInput } = scratch;
  const external = asked === 'none' ? undefined : asked;
  if (asked === 'none') note(state, NO_ANSWER);
  if (external !== undefined) project(external, guardInput, proposal);
  else propose(state, compiled.policy, state.view.current, proposal, moment, state.turns++);
  const { p } = proposal;
  const { arms } = guardInput;
  // Before it is judged: what a guard takes away from here on the policy could not know.
  let proposed = heaviestOf(p, guardInput);
  if (proposed < 0) return unsound(state, moment, input, proposal);
  guardInput.confidence = proposal.confidence;
  const offered = guardInput.allowedCount;
  const judged = judge(state, moment);
  if (judged === 'escalate') return judged;
  if (judged === 'block' || guardInput.allowedCount === 0) return nothing(state, moment, input);
  if (judged === 'tainted') trains = false;
  const diversity = state.slate.position > 0 ? compiled.slate?.diversity : undefined;
  if (guardInput.allowedCount !== offered || diversity !== undefined)
    proposed = reshape(state, offered, diversity);
  const { floor, influence } = scratch;
  if (influence < 1) {
    if (!proposeBaseline(state, moment)) return unsound(state, moment, input, scratch.baseline);
    for (let a = 0; a < arms; a++) p[a] = influence * p[a] + (1 - influence) * scratch.baseline.p[a];
  }
  if (floor > 0 && influence > 0) {
    const each = floor / guardInput.allowedCount;
    for (let a = 0; a < arms; a++) p[a] = (1 - floor) * p[a] + (guardInput.allowed[a] === 1 ? each : 0);
  }
  // All mass on one arm: every draw is this one.
  const arm = p[proposed] === 1 ? proposed : draw(p, arms, chanceOf(state, compiled.policy));
  const reason: Reason = external === undefined ? 'policy' : 'escalated';
  const noted = external === undefined ? compiled.policy.note?.(state.view.current, arm) : undefined;
  const record = finish(
    state,
    moment,
    input,
    guardInput.stratum,
    proposed,
    arm,
    p[arm],
    proposal.confidence,
    reason,
    trains,
  );
  if (noted !== undefined) record.noted = noted;
  if (causedByLearner(state, record.n, arm, p[arm])) record.state |= SELF;
  if (compiled.stickyMs > 0 && input?.unit !== undefined) stick(state, record);
  return record;
}

/** What was judged, less what the judging took away, and with the diversity of a list. Answers its heaviest arm. */
function reshape({ slate, scratch }: PointState, offered: number, diversity: Diversity | undefined): number {
  const { proposal, guardInput } = scratch;
  const { allowed, allowedCount, arms } = guardInput;
  if (allowedCount !== offered) project(proposal, guardInput, proposal);
  if (diversity !== undefined) diversify(diversity, slate, proposal.p, allowed, arms);
  return heaviest(proposal.p, arms);
}

/** A policy of somebody's own proposed what cannot be drawn from: the fallback, and why. */
function unsound(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  proposal: Proposal,
): DecisionRecord {
  note(state, faultOf(proposal.p, state.scratch.guardInput));
  return fallback(state, moment, input, 'invalid_proposal', 1);
}

/** Whether what the baseline proposed may be drawn from: where all is allowed, nothing of it can be what is stopped. */
function proposeBaseline(state: PointState, moment: Moment): boolean {
  const { baseline, guardInput } = state.scratch;
  propose(state, state.compiled.baseline, undefined, baseline, moment, state.baselineTurns++);
  return guardInput.allowedCount === guardInput.arms || heaviestOf(baseline.p, guardInput) >= 0;
}

/** What a decision is drawn with: chance, or where its unit falls for a policy that keeps units; positions of a list by chance. */
function chanceOf(state: PointState, { unitSalt }: PointState['compiled']['policy']): number {
  const { unitHash } = state.scratch.guardInput;
  return unitSalt === undefined || unitHash === 0 || state.compiled.slate !== undefined
    ? uniform(state.seedHi, state.seedLo, state.n * 2)
    : fraction(unitHash, unitSalt);
}

function propose(
  state: PointState,
  policy: PointState['compiled']['policy'],
  view: unknown,
  out: Proposal,
  moment: Moment,
  turn: number,
): void {
  const { policyInput, guardInput } = state.scratch;
  policyInput.allowedCount = guardInput.allowedCount;
  policyInput.unitHash = guardInput.unitHash;
  policyInput.turn = turn;
  policyInput.nowMs = moment.monoMs;
  policyInput.stopped = policy === state.compiled.policy ? state.ruling.stopped : undefined;
  out.confidence = Number.NaN;
  policy.propose(view, policyInput, out);
}

/** The learner-free answer. If even that is killed, nothing is chosen. `propensity` is NaN where a race decided. */
export function fallback(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  reason: Reason,
  propensity: number,
): DecisionRecord {
  const { scratch, compiled, ruling } = state;
  const { policyInput, guardInput } = scratch;
  scratch.live = false;
  // A context that does not fit is no context at all, also for a decision table.
  if (reason === 'invalid_context' || readContext(state, input, moment.wallMs, false) !== '') {
    scratch.context.fill(Number.NaN);
    if (state.features !== undefined) showNothing(state.features);
  }
  guardInput.allowed.set(ruling.armsAllowed);
  guardInput.allowedCount = ruling.allowedCount;
  if (Array.isArray(input?.exclude)) excludeArms(state, input.exclude);
  // Nothing of the decision before this one may show in it: it may not have got as far as its own assignment.
  guardInput.stratum = '';
  guardInput.unit = input?.unit ?? input?.episode ?? '';
  guardInput.unitHash = guardInput.unit === '' ? 0 : hash32(guardInput.unit);
  if (guardInput.allowedCount === 0) return nothing(state, moment, input);
  policyInput.unitHash = guardInput.unitHash;
  policyInput.nowMs = moment.monoMs;
  policyInput.allowedCount = guardInput.allowedCount;
  compiled.fallback.propose(undefined, policyInput, scratch.baseline);
  const arm = heaviest(scratch.baseline.p, guardInput.arms);
  // A fallback whose arms are all out answers with any other: that nobody has declared.
  if (compiled.fallbackArms[arm] === 0) return nothing(state, moment, input);
  return finish(state, moment, input, '', -1, arm, propensity, Number.NaN, reason, false);
}

function nothing(state: PointState, moment: Moment, input: DecideInput | undefined): DecisionRecord {
  return finish(
    state,
    moment,
    input,
    state.scratch.guardInput.stratum,
    -1,
    -1,
    Number.NaN,
    Number.NaN,
    'blocked',
    false,
  );
}

/** Step 7: the record. Guards and local signals hear of it; the caller keeps it for its outcome. */
function finish(
  state: PointState,
  moment: Moment,
  input: DecideInput | undefined,
  stratum: string,
  proposed: number,
  arm: number,
  propensity: number,
  confidence: number,
  reason: Reason,
  mayTrain: boolean,
): DecisionRecord {
  const { compiled, scratch, counters } = state;
  const record = new DecisionRecord(
    state.source,
    state.n++,
    stratum,
    proposed,
    arm,
    propensity,
    confidence,
    reason,
    state.view.version,
    trailOf(state),
    moment.wallMs,
    moment.monoMs,
    moment.treeMs,
    input?.unit ?? input?.episode ?? '',
    scratch.guardInput.unitHash,
    compiled.fields.length === 0 ? undefined : scratch.context,
    mayTrain,
  );
  if (state.features !== undefined) freeze(state.features, record);
  counters.decisions++;
  // Those of the policy are the rest: the common case counts once.
  if (reason !== 'policy') counters.reasons[reason]++;
  if (arm < 0) return record;
  if (state.episodes !== undefined) follow(state, state.episodes, compiled.policy.episodes!, record, input);
  counters.decisionsByArm[arm]++;
  if (state.monitor !== undefined && record.trains) record.forecast = forecast(state, arm);
  if (Number.isNaN(propensity)) counters.unknownPropensity++;
  state.inflight[arm]++;
  state.inflightTotal++;
  state.domainLoad.inflight++;
  compiled.policy.sent?.(state.view.current, arm, moment.monoMs);
  if (!scratch.live) return record;
  for (let k = 0; k < compiled.hearing.length; k++) {
    const i = compiled.hearing[k];
    compiled.guards[i].guard.chosen?.(state.guards[i], scratch.guardInput, arm, proposed);
  }
  return record;
}
