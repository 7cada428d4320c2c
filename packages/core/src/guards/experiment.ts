import type { ComparedVariant, Comparison } from '../comparison.ts';
import { type Guard, type GuardInput, PASS, type Verdict } from '../guard.ts';
import {
  armId,
  choice,
  flag,
  given,
  list,
  number,
  type Options,
  object,
  onlyKeys,
  refuse,
  rejectUnknown,
  share,
  text,
} from '../options.ts';
import type { Factory, FactoryInput } from '../registry.ts';
import { mix32, saltOf } from '../stats/hash.ts';
import { comparisonKey, readMetrics, readName, readPlan } from './comparing.ts';
import { percent } from './words.ts';

/**
 * Experiments: units are assigned to variants, for good and at known shares, and the variants are compared.
 *
 * One experiment stands in the guard itself, several that exclude each other in `of: [...]`:
 *
 * - `name` (required), `share` (default 100 %): its part of the layer; `from`: where in the layer its range of units
 *   begins, by default where the one before it ends. Ranges must not overlap.
 * - `variants` (required): by name, `{ share, arm | influence | baseline }`. Shares default to equal parts and sum to 1.
 *   `arm` pins an arm; `influence` in [0, 1] is the policy's weight beside the baseline; `baseline: true` is the
 *   baseline alone, without exploration; none of them: the policy as it is. Or `variants: policy`: the arms as the
 *   policy draws them are compared (a bandit experiment); nobody is assigned.
 * - `control`: the variant (or arm) that the others are compared with; default: the first.
 * - `metrics`, `analysis`: what is compared and how (see `comparing.ts`). `covariate`: a number of the context, known
 *   before the assignment, that explains outcomes (CUPED). `count`: `unit` (default: a unit's first decision counts) or
 *   `decision`. `generation`: a new one draws the variants anew and counts anew.
 *
 * `layer` (default: the experiment's name, `experiments` with `of`), `unit`, `salt` (default: the point's name) belong to
 * the layer: layers are independent of each other, and points that name the same salt and layer share it.
 *
 * A unit takes part iff its fraction under the layer's salt, `saltOf(salt, 'layer:' + layer)`, lies in
 * [from, from + share); its variant follows from its fraction under a hash of the experiment's own,
 * `saltOf(salt, 'experiment:' + name, generation)`, so that a range that is used again is mixed anew. Both fractions are
 * the holdout's formula. A unit that another layer has taken (holdout, rollout, an experiment before) is left alone.
 * Test vectors (point `checkout`, layer and experiment `copy`), layer then variant: `user-1` 0.263844 0.965898 · `user-2`
 * 0.264704 0.138513 · `user-3` 0.515144 0.443229 · `ünïcode` 0.739016 0.920902 · `device/7` 0.247380 0.127260.
 */
export const experiment: Factory<Guard<null>> = (options, point) => {
  const { path } = point;
  const several = given(options, 'of');
  rejectUnknown(options, several ? ['of', ...LAYER] : [...LAYER, ...EXPERIMENT], path);
  const salt = text(options, 'salt', point.point, path);
  const unit = text(options, 'unit', 'unit', path);
  const experiments: Range[] = [];
  const pin = pinsOf(point.arms.length);
  let from = 0;
  const each = several
    ? list(options, 'of', path).map((item, i) => object(item, path, `of[${i}]`))
    : [options];
  if (each.length > MOST) refuse(path, 'of', each.length, 'is too long', `Give at most ${MOST}.`);
  each.forEach((spec, i) => {
    const at = several ? `${path}.of[${i}]` : path;
    if (several) onlyKeys(spec, EXPERIMENT, at);
    const made = readExperiment(spec, { ...point, path: at }, { salt, unit, pin }, from);
    if (experiments.some((other) => other.comparison.name === made.comparison.name))
      refuse(at, 'name', made.comparison.name, 'is there twice', 'Give each experiment its own name.');
    from = Math.max(from, made.to);
    experiments.push(made);
  });
  const assigning = experiments.filter(({ verdicts }) => verdicts.length > 0).sort((a, b) => a.from - b.from);
  assigning.forEach((range, i) => {
    if (i > 0 && range.from < assigning[i - 1].to)
      refuse(
        path,
        'of',
        range.comparison.name,
        'overlaps another experiment of its layer',
        'Give it a range of its own.',
      );
  });
  const assignment = sideBySide(assigning);
  const layer = text(options, 'layer', several ? 'experiments' : experiments[0].comparison.name, path);
  const layerSalt = saltOf(salt, `layer:${layer}`);
  return {
    name: 'experiment/1',
    phase: 'assign',
    comparisons: experiments.map(({ comparison }) => comparison),
    initial: () => null,
    check: (_state: null, input: GuardInput): Verdict =>
      input.stratum === '' && assigning.length > 0 ? assign(assignment, layerSalt, input) : PASS,
  };
};

const LAYER = ['layer', 'unit', 'salt'];
const EXPERIMENT = [
  'name',
  'from',
  'share',
  'variants',
  'control',
  'metrics',
  'covariate',
  'count',
  'analysis',
  'generation',
];
const MOST = 4096;
const WHOLE = 4294967296;

/** An experiment with its range of the layer, in hash space. */
interface Range {
  readonly comparison: Comparison;
  readonly from: number;
  readonly to: number;
  readonly salt: number;
  /** Where each variant's range ends; the last is 2³². Empty: nobody is assigned. */
  readonly ends: readonly number[];
  readonly verdicts: readonly Verdict[];
}

/**
 * The ranges of a layer in order, side by side. A decision reads the few numbers of its own range: in a layer of a
 * thousand, what costs is not the search but every further object that is no longer in the processor's cache.
 */
interface Assignment {
  readonly count: number;
  readonly index: Uint16Array | undefined;
  /** By range: from, to, salt, and where its variants begin. */
  readonly ranges: Float64Array;
  /** By variant: where it ends under the experiment's own hash. */
  readonly ends: Float64Array;
  readonly verdicts: readonly Verdict[];
}

const STRIDE = 4;
const FROM = 0;
const TO = 1;
const SALT = 2;
const FIRST = 3;

function sideBySide(assigning: readonly Range[]): Assignment {
  const ranges = new Float64Array(STRIDE * assigning.length);
  let first = 0;
  assigning.forEach(({ from, to, salt, verdicts }, i) => {
    ranges.set([from, to, salt, first], STRIDE * i);
    first += verdicts.length;
  });
  return {
    count: assigning.length,
    index: indexOf(assigning),
    ranges,
    ends: Float64Array.from(assigning.flatMap(({ ends }) => ends)),
    verdicts: assigning.flatMap(({ verdicts }) => verdicts),
  };
}

/** The range that the unit falls in, and its variant under the experiment's own hash. */
function assign(
  { count, index, ranges, ends, verdicts }: Assignment,
  layerSalt: number,
  input: GuardInput,
): Verdict {
  const hash = input.unit === '' ? Math.floor(input.chance * WHOLE) : input.unitHash;
  const place = mix32(hash, layerSalt);
  let at = index === undefined ? 0 : index[place >>> INDEX_SHIFT];
  while (at < count && place >= ranges[STRIDE * at + TO]) at++;
  const range = STRIDE * at;
  if (at === count || place < ranges[range + FROM]) return PASS;
  const within = mix32(hash, ranges[range + SALT]);
  let variant = ranges[range + FIRST];
  // The last of its variants ends at 2³².
  while (within >= ends[variant]) variant++;
  return verdicts[variant];
}

const INDEX_SHIFT = 20;
// Fewer are looked through; an index of a few would only be more memory to miss.
const INDEXED = 8;

/** For every 4096th of the layer, the first range that ends beyond its beginning. */
function indexOf(ranges: readonly Range[]): Uint16Array | undefined {
  if (ranges.length <= INDEXED) return undefined;
  let at = 0;
  return Uint16Array.from({ length: 1 << (32 - INDEX_SHIFT) }, (_, slot) => {
    while (at < ranges.length && ranges[at].to <= slot * (1 << INDEX_SHIFT)) at++;
    return at;
  });
}

/** What the experiments of a layer have in common. */
interface LayerWords {
  readonly salt: string;
  readonly unit: string;
  /** All arms but one, as a verdict excludes them: the same object for every variant that pins this arm. */
  readonly pin: (arm: number) => Uint8Array;
}

function pinsOf(arms: number): (arm: number) => Uint8Array {
  const known = new Map<number, Uint8Array>();
  return (arm) => {
    const exclude = known.get(arm) ?? new Uint8Array(arms).fill(1).fill(0, arm, arm + 1);
    known.set(arm, exclude);
    return exclude;
  };
}

function readExperiment(spec: Options, point: FactoryInput, layer: LayerWords, after: number): Range {
  const { path } = point;
  const { salt } = layer;
  const name = readName(spec, 'name', path);
  const generation = number(spec, 'generation', { min: 0, max: 1e9, integer: true, default: 0 }, path);
  const bandit = spec.variants === 'policy';
  const [variants, verdicts] = bandit ? armVariants(point) : readVariants(spec, name, layer, point);
  const whole = share(spec, 'share', { default: 1 }, path);
  const from = given(spec, 'from') ? share(spec, 'from', {}, path) * WHOLE : bandit ? 0 : after;
  const to = from + whole * WHOLE;
  // Shares such as thirds may end a hair beyond the whole.
  if (to > WHOLE * (1 + 1e-9))
    refuse(path, 'share', spec.share, 'reaches beyond its layer', 'Ranges of a layer end at 100 %.');
  const analysis = readPlan(spec, path);
  if (bandit && analysis.kind !== 'sequential')
    refuse(
      path,
      'analysis',
      spec.analysis,
      'has planned looks at arms whose shares change',
      'A bandit experiment is always judged by intervals that may be looked at always: leave out the kind.',
    );
  const control = given(spec, 'control') ? text(spec, 'control', undefined, path) : variants[0].name;
  const index = variants.findIndex((variant) => variant.name === control);
  if (index < 0) refuse(path, 'control', control, 'is not a variant', 'Name one of the variants.');
  let end = 0;
  const ends = variants.map((variant) => (end += variant.share * WHOLE));
  ends[ends.length - 1] = WHOLE;
  return {
    from,
    to: Math.min(to, WHOLE),
    salt: saltOf(salt, `experiment:${name}`, generation),
    ends,
    verdicts,
    comparison: {
      name,
      key: comparisonKey(name, variants, [generation, salt, whole, spec.variants]),
      kind: bandit ? 'arms' : 'variants',
      variants,
      control: index,
      metrics: readMetrics(spec, 'metrics', path),
      covariate: readCovariate(spec, point),
      perUnit: choice(spec, 'count', ['unit', 'decision'], bandit ? 'decision' : 'unit', path) === 'unit',
      phase: 0,
      analysis,
    },
  };
}

function readCovariate(spec: Options, { fields, path }: FactoryInput): number {
  if (!given(spec, 'covariate')) return -1;
  const name = text(spec, 'covariate', undefined, path);
  const index = fields.findIndex((field) => field.name === name && field.type === 'number');
  if (index < 0)
    refuse(path, 'covariate', name, 'is not a number of the context', 'Declare it under context.');
  return index;
}

function armVariants({ arms }: FactoryInput): [ComparedVariant[], Verdict[]] {
  return [arms.map(({ id }) => ({ name: id, stratum: '', share: Number.NaN })), []];
}

function readVariants(
  spec: Options,
  name: string,
  { unit, pin }: LayerWords,
  { arms, path }: FactoryInput,
): [ComparedVariant[], Verdict[]] {
  const declared = object(spec.variants, path, 'variants');
  const names = Object.keys(declared);
  if (names.length < 2 || names.length > 64)
    refuse(
      path,
      'variants',
      names,
      'must be 2 to 64 variants by name',
      'Give { control: {…}, treatment: {…} }.',
    );
  const verdicts: Verdict[] = [];
  const variants = names.map((variant) => {
    const at = `${path}.variants.${variant}`;
    readName({ variant }, 'variant', `${path}.variants`);
    const own = object(declared[variant] ?? {}, at);
    onlyKeys(own, ['share', 'arm', 'influence', 'baseline'], at);
    if (['arm', 'influence', 'baseline'].filter((key) => given(own, key)).length > 1)
      refuse(at, '', own, 'says more than one thing', 'Give arm, influence or baseline.');
    const part = share(own, 'share', { min: 1e-6, default: 1 / names.length }, at);
    const stratum = `experiment:${name}:${variant}`;
    const pinned = given(own, 'arm') ? arms.findIndex(({ id }) => id === armId(own, 'arm', arms, at)) : -1;
    verdicts.push(
      Object.freeze({
        kind: 'assign',
        guard: 'experiment',
        why: `${name}: ${variant}, ${percent(part)} % by ${unit}`,
        stratum,
        ...(pinned >= 0 ? { exclude: pin(pinned) } : {}),
        ...(given(own, 'influence') ? { influence: share(own, 'influence', {}, at) } : {}),
        ...(flag(own, 'baseline', false, at) ? { baseline: true } : {}),
      }),
    );
    return { name: variant, stratum, share: part };
  });
  const total = variants.reduce((sum, variant) => sum + variant.share, 0);
  if (Math.abs(total - 1) > 1e-6)
    refuse(path, 'variants', declared, `have shares that sum to ${percent(total)} %`, 'Make them 100 %.');
  return [variants, verdicts];
}
