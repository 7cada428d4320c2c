import type { Comparison } from '../comparison.ts';
import { GanglionError } from '../errors.ts';
import type { Guard } from '../guard.ts';
import type { Kernels } from '../kernels.ts';
import { type Limits, NAME_PATTERN } from '../limits.ts';
import { unknownKeyMend } from '../nearest.ts';
import {
  AMOUNT,
  armId,
  choice,
  duration,
  given,
  number,
  type Options,
  object,
  rejectUnknown,
  text,
} from '../options.ts';
import type { ArmInfo, Policy } from '../policy.ts';
import { type FactoryInput, type Registry, resolveKind } from '../registry.ts';
import {
  compileTraining,
  compileValidation,
  type TrainingPlan,
  type ValidationPlan,
} from '../validation/plan.ts';
import { armsOf, compileArms } from './arms.ts';
import { compileContext, type Field } from './context.ts';
import { compileFeatures, type FeatureSet } from './features.ts';
import { type CompiledObjective, compileObjective, objectiveShape } from './objective.ts';
import { comparisonsOf, type Seat, seatsOf } from './seats.ts';
import { type CompiledSlate, compileSlate } from './slate.ts';
import { sorted } from './sorted.ts';
import type { ArmSpec, KindSpec, PointSpec, RuleSpec, Tier } from './spec.ts';

/** A point ready to run: every option checked, every default filled in, every kind resolved. */
export interface CompiledPoint {
  readonly spec: PointSpec;
  readonly name: string;
  readonly armIds: readonly string[];
  readonly arms: readonly ArmInfo[];
  /** By arm; undefined where none is an artifact. */
  readonly artifacts: readonly (ArmSpec['artifact'] | undefined)[] | undefined;
  readonly fields: readonly Field[];
  /** What it keeps of the entities that its decisions are about. */
  readonly features: readonly FeatureSet[];
  readonly policy: Policy;
  /** Undefined where the point does not rank. */
  readonly slate: CompiledSlate | undefined;
  /** Learner-free; answers with one arm. */
  readonly fallback: Policy;
  /** 1 where the fallback may answer with the arm. */
  readonly fallbackArms: Uint8Array;
  readonly baseline: Policy;
  readonly margin: number;
  readonly guards: readonly { readonly guard: Guard; readonly kind: string }[];
  /** Positions of the guards of each phase, and of those that hear what was chosen: asked for on every decision. */
  readonly assigning: readonly number[];
  readonly narrowing: readonly number[];
  readonly judging: readonly number[];
  readonly hearing: readonly number[];
  /** What its guards compare, in declared order. */
  readonly comparisons: readonly Comparison[];
  /** For each stratum, the variants that its decisions count for. */
  readonly seats: ReadonlyMap<string, readonly Seat[]>;
  readonly objective: CompiledObjective;
  readonly leaseMs: number;
  readonly onExpiry: 'fallback' | 'continue';
  readonly windowMs: number;
  readonly correctionMs: number;
  readonly defaults: Readonly<Record<string, number>> | undefined;
  readonly explicitExposure: boolean;
  readonly stickyMs: number;
  readonly placement: Tier;
  readonly budgetMs: number;
  readonly domain: string;
  readonly pooling: { readonly weight: number; readonly steps: number; readonly everyMs: number };
  /** Undefined where the learner is not watched. */
  readonly validation: ValidationPlan | undefined;
  readonly training: TrainingPlan;
  /** Decisions stay in the queue for so long after they were made: window, correction, and the delay of training. */
  readonly keptMs: number;
  readonly pendingMax: number;
  /** What a learner's key is made of, beside point and epoch: different ones never add. */
  readonly learnerShape: string;
}

const KEYS = [
  'point',
  'description',
  'arms',
  'fallback',
  'baseline',
  'context',
  'features',
  'policy',
  'slate',
  'objective',
  'guards',
  'sticky',
  'oversight',
  'attribution',
  'exposure',
  'placement',
  'budget',
  'domain',
  'pooling',
  'validation',
  'training',
  'pending',
];

/**
 * Checks and compiles a declaration. Nothing is started and nothing changed, so it is also how a spec is validated.
 * @throws GanglionError `invalid_spec` or `unknown_kind`, naming the field, the value and the mend
 */
export function compilePoint(
  spec: unknown,
  registry: Registry,
  limits: Limits,
  generations: Readonly<Record<string, number>> = {},
  kernels?: Kernels,
): CompiledPoint {
  const raw = object(spec, 'point spec');
  onlyKeysOfPoints(raw);
  const name = pointName(raw);
  const arms = compileArms(raw, limits);
  const features = compileFeatures(raw, registry);
  const fields = compileContext(
    raw.context === undefined ? undefined : (object(raw.context, 'context') as PointSpec['context']),
    features,
  );
  const objective = compileObjective(raw);
  const input: FactoryInput = {
    point: name,
    arms,
    fields,
    range: objective.range,
    path: '',
    policies: registry.policies,
    kernels,
  };
  const policySpec = kindSpec(raw.policy, 'policy');
  const slate = compileSlate(raw, arms);
  const policy = compilePolicy(raw, policySpec, objective, registry, input);
  const attribution = compileAttribution(raw, objective);
  const fallback = compileFallback(raw, arms);
  const guards = compileGuards(raw, registry, input);
  const comparisons = comparisonsOf(
    guards.map(({ guard }) => guard),
    [policySpec, raw.baseline ?? raw.fallback],
  );
  checkEpisodes(policy, slate, attribution.windowMs, comparisons);
  const training = compileTraining(raw, policy);
  const learned = { fields, features, policy, slate, objective };
  return {
    spec: raw as unknown as PointSpec,
    name,
    ...armsOf(arms, generations),
    ...learned,
    fallback: make(registry.policies, fallback, { ...input, path: 'fallback' }),
    fallbackArms: armsOfFallback(fallback, arms),
    baseline: make(registry.policies, baselineOf(raw, fallback), { ...input, path: 'baseline' }),
    margin: marginOf(raw),
    guards,
    ...phasesOf(guards),
    comparisons,
    seats: seatsOf(comparisons),
    ...compileOversight(raw),
    ...attribution,
    explicitExposure: choice(raw, 'exposure', ['decision', 'explicit'], 'decision', '') === 'explicit',
    stickyMs: compileSticky(raw),
    placement: choice(raw, 'placement', ['device', 'region', 'cloud'], 'device', ''),
    budgetMs: duration(raw, 'budget', { min: 0, max: 3_600_000, default: 50 }, ''),
    domain: domainName(raw),
    pooling: compilePooling(raw),
    validation: compileValidation(raw, policy, attribution.defaults !== undefined),
    training,
    keptMs: Math.max(attribution.windowMs + attribution.correctionMs, training.delayMs),
    pendingMax: number(raw, 'pending', { min: 16, max: 4_194_304, integer: true, default: 65_536 }, ''),
    learnerShape: shapeOf(raw, policySpec, arms, learned),
  };
}

function onlyKeysOfPoints(raw: Options): void {
  for (const key of Object.keys(raw))
    if (!KEYS.includes(key))
      throw new GanglionError('invalid_spec', `${key} is not a key of a point`, {
        field: key,
        value: raw[key],
        mend: unknownKeyMend(key, KEYS),
      });
}

/** What decides whether evidence adds up: declarations that differ in nothing of this share their learner. */
function shapeOf(
  raw: Options,
  policySpec: KindSpec,
  arms: readonly ArmSpec[],
  learned: Pick<CompiledPoint, 'fields' | 'features' | 'policy' | 'slate' | 'objective'>,
): string {
  const { fields, features, policy, slate, objective } = learned;
  return JSON.stringify([
    policy.name,
    sorted(policyShape(policySpec, arms)),
    sorted(raw.context ?? {}),
    sorted(objectiveShape(raw, objective, policy.keepsMetrics === true)),
    ...(slate === undefined ? [] : [slate.shape]),
    ...featureIds(fields, features),
  ]);
}

/** A value computed in another way is another value to learn from. */
function featureIds(fields: readonly Field[], sets: readonly FeatureSet[]): string[] {
  return fields.flatMap(({ feature }) =>
    feature === undefined ? [] : [sets[feature.set].features[feature.feature].id],
  );
}

/** Shares of versions that come and go change nothing of what is learned. */
const policyShape = (policy: KindSpec, arms: readonly ArmSpec[]): KindSpec =>
  (policy.kind === 'split' || policy.kind === 'fixed') && arms.some((arm) => arm.artifact !== undefined)
    ? { kind: policy.kind }
    : policy;

function make<T>(
  family: Readonly<Record<string, (options: Options, input: FactoryInput) => T>>,
  spec: KindSpec,
  input: FactoryInput,
): T {
  return resolveKind(family, spec.kind, input.path)(spec, input);
}

function pointName(raw: Options): string {
  const name = raw.point;
  if (typeof name !== 'string' || !NAME_PATTERN.test(name))
    throw new GanglionError('invalid_spec', 'point is not a name', {
      field: 'point',
      value: name,
      mend: 'Use 1 to 128 letters, digits, dots, dashes and underscores, starting with a letter or digit.',
    });
  if (given(raw, 'description')) text(raw, 'description', undefined, '', 2000);
  return name;
}

function domainName(raw: Options): string {
  const domain = text(raw, 'domain', 'default', '');
  if (!NAME_PATTERN.test(domain))
    throw new GanglionError('invalid_spec', 'domain is not a name', {
      field: 'domain',
      value: domain,
      mend: 'Use letters, digits, dots, dashes and underscores.',
    });
  return domain;
}

function kindSpec(value: unknown, path: string): KindSpec {
  if (value === undefined)
    throw new GanglionError('invalid_spec', `${path} is required`, {
      field: path,
      mend: 'Give { kind: … }.',
    });
  return object(value, path) as KindSpec;
}

function compileFallback(raw: Options, arms: readonly ArmSpec[]): KindSpec {
  if (typeof raw.fallback === 'object' && raw.fallback !== null) {
    const fallback = object(raw.fallback, 'fallback');
    rejectUnknown(fallback, ['rules'], 'fallback');
    return { kind: 'rules', rules: fallback.rules };
  }
  return { kind: 'fixed', arm: armId(raw, 'fallback', arms, '') };
}

function compileGuards(raw: Options, registry: Registry, input: FactoryInput): CompiledPoint['guards'] {
  const specs = raw.guards === undefined ? [] : raw.guards;
  if (!Array.isArray(specs) || specs.length > 32)
    throw new GanglionError('invalid_spec', 'guards must be a list of at most 32', {
      field: 'guards',
      value: specs,
    });
  return specs.map((each, i) => {
    const path = `guards[${i}]`;
    const spec = kindSpec(each, path);
    return { kind: spec.kind, guard: make(registry.guards, spec, { ...input, path }) };
  });
}

function phasesOf(
  guards: CompiledPoint['guards'],
): Pick<CompiledPoint, 'assigning' | 'narrowing' | 'judging' | 'hearing'> {
  const positions = (holds: (guard: Guard) => boolean): number[] =>
    guards.flatMap(({ guard }, i) => (holds(guard) ? [i] : []));
  return {
    assigning: positions(({ phase }) => phase === 'assign'),
    narrowing: positions(({ phase }) => phase === 'narrow'),
    judging: positions(({ phase }) => phase === 'judge'),
    hearing: positions(({ chosen }) => chosen !== undefined),
  };
}

/** How much less than the baseline a proposal may be worth: as the guard that judges confidence says. */
function marginOf({ guards = [] }: Options): number {
  const judge = (guards as readonly KindSpec[]).find(({ kind }) => kind === 'confidence');
  return typeof judge?.margin === 'number' ? judge.margin : 0;
}

const baselineOf = (raw: Options, fallback: KindSpec): KindSpec =>
  raw.baseline === undefined ? fallback : kindSpec(raw.baseline, 'baseline');

/** The arms that the declaration names: one, or those of its table. */
function armsOfFallback(fallback: KindSpec, arms: readonly ArmSpec[]): Uint8Array {
  const named = new Set<unknown>(
    fallback.kind === 'fixed'
      ? [fallback.arm]
      : (fallback.rules as readonly RuleSpec[]).map((rule) => rule.arm),
  );
  return Uint8Array.from(arms, (arm) => (named.has(arm.id) ? 1 : 0));
}

/** Episodes end within the window of their last decision, or nobody would hear of it. */
function checkEpisodes(
  { episodes }: Policy,
  slate: CompiledSlate | undefined,
  windowMs: number,
  comparisons: readonly Comparison[],
): void {
  const counts = comparisons.some(({ perEpisode }) => perEpisode === true);
  if (episodes === undefined) {
    if (!counts) return;
    throw new GanglionError(
      'invalid_spec',
      'what episodes earn is to be compared, and the policy knows none',
      {
        field: 'policy.kind',
        mend: 'Use a policy that learns sequences, or compare the reward.',
      },
    );
  }
  if (slate !== undefined)
    throw new GanglionError('invalid_spec', 'a policy that learns sequences cannot rank', {
      field: 'slate',
      mend: 'Rank without a sequence, or decide one arm at a time.',
    });
  if ((counts || episodes.onSilence === 'ends') && episodes.timeoutMs > windowMs)
    throw new GanglionError('invalid_spec', 'policy.episode.timeout is longer than attribution.window', {
      field: 'policy.episode.timeout',
      value: episodes.timeoutMs,
      mend: 'Give a longer attribution.window: the end is told of the last decision.',
    });
}

function compilePolicy(
  raw: Options,
  spec: KindSpec,
  objective: CompiledObjective,
  registry: Registry,
  input: FactoryInput,
): Policy {
  const alone = make(registry.policies, spec, { ...input, path: 'policy' });
  return underObjective(bySlate(alone, raw, registry, input), raw, objective, registry, input);
}

function bySlate(policy: Policy, raw: Options, { slate }: Registry, input: FactoryInput): Policy {
  if (raw.slate === undefined) return policy;
  if (slate === undefined)
    throw new GanglionError('unsupported', 'this registry knows no slates', {
      field: 'slate',
      mend: 'Give the node a registry with `slate`, such as the standard one.',
    });
  return slate(policy, object(raw.slate, 'slate'), { ...input, path: 'slate' });
}

/** Constraints, and metrics with ranges of their own, are more than a reward: the registry knows how to pursue them. */
function underObjective(
  policy: Policy,
  raw: Options,
  { ranges }: CompiledObjective,
  { objective: around }: Registry,
  input: FactoryInput,
): Policy {
  const objective = object(raw.objective ?? {}, 'objective');
  if (ranges === undefined && objective.constraints === undefined) return policy;
  if (around === undefined)
    throw new GanglionError('unsupported', 'this registry knows no constraints and no ranges of metrics', {
      field: 'objective',
      mend: 'Give the node a registry with `objective`, such as the standard one.',
    });
  return around(policy, objective, { ...input, path: 'objective' });
}

function compileOversight(raw: Options): Pick<CompiledPoint, 'leaseMs' | 'onExpiry'> {
  const oversight = object(raw.oversight ?? {}, 'oversight');
  rejectUnknown(oversight, ['lease', 'onExpiry'], 'oversight');
  const leaseMs =
    oversight.lease === 'none'
      ? Number.POSITIVE_INFINITY
      : duration(oversight, 'lease', { min: 100, max: 30 * 86_400_000, default: 30_000 }, 'oversight');
  return {
    leaseMs,
    onExpiry: choice(oversight, 'onExpiry', ['fallback', 'continue'], 'fallback', 'oversight'),
  };
}

function compileAttribution(
  raw: Options,
  objective: CompiledObjective,
): Pick<CompiledPoint, 'windowMs' | 'correctionMs' | 'defaults'> {
  const attribution = object(raw.attribution ?? {}, 'attribution');
  rejectUnknown(attribution, ['window', 'correction', 'default'], 'attribution');
  const most = 400 * 86_400_000;
  let defaults: Record<string, number> | undefined;
  if (attribution.default !== undefined) {
    const given = object(attribution.default, 'attribution.default');
    defaults = Object.create(null) as Record<string, number>;
    for (const metric of Object.keys(given))
      defaults[metric] = number(given, metric, AMOUNT, 'attribution.default');
    const missing = (objective.metrics.length === 0 ? ['reward'] : objective.metrics)
      .concat(objective.constrained)
      .filter((m) => defaults![m] === undefined);
    if (missing.length > 0)
      throw new GanglionError('invalid_spec', `attribution.default lacks ${missing.join(', ')}`, {
        field: 'attribution.default',
        value: given,
        mend: 'Give every metric of the objective a default, or none.',
      });
  }
  return {
    windowMs: duration(attribution, 'window', { min: 1, max: most, default: 300_000 }, 'attribution'),
    correctionMs: duration(attribution, 'correction', { min: 0, max: most, default: 0 }, 'attribution'),
    defaults,
  };
}

function compileSticky(raw: Options): number {
  if (raw.sticky === undefined || raw.sticky === 'none') return 0;
  const sticky = object(raw.sticky, 'sticky');
  rejectUnknown(sticky, ['for'], 'sticky');
  return duration(sticky, 'for', { min: 1, max: 400 * 86_400_000 }, 'sticky');
}

function compilePooling(raw: Options): CompiledPoint['pooling'] {
  const pooling = object(raw.pooling ?? {}, 'pooling');
  rejectUnknown(pooling, ['weight', 'steps', 'every'], 'pooling');
  return {
    weight: number(pooling, 'weight', { min: 0, max: 1, default: 1 }, 'pooling'),
    steps: number(pooling, 'steps', { min: 1, max: 64, integer: true, default: 4 }, 'pooling'),
    everyMs: duration(pooling, 'every', { min: 1, max: 86_400_000, default: 250 }, 'pooling'),
  };
}
