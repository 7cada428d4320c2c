import { GanglionError } from '../errors.ts';
import { ARTIFACT_PATTERN, METRIC_PATTERN, NAME_PATTERN } from '../limits.ts';
import type { VersionInput } from '../node-api.ts';
import type { ModelVersion, Stage } from '../status.ts';
import { DIGEST_PATTERN, MODEL_LIMITS, type ModelEntry } from './model-state.ts';

type Changed = Pick<ModelEntry, 'versions' | 'before'>;

/** Whether a kill stands for a version of a model. */
type Stopped = (version: ModelVersion) => boolean;

/**
 * With one version more: the first of a model is its champion, every other a challenger. The same version with the same
 * digest again changes nothing. Beyond the bound of a model the longest retired is forgotten.
 * @throws GanglionError `invalid_input`; `version_conflict` for a version that is there with another digest
 */
export function registered(
  entry: ModelEntry | undefined,
  input: VersionInput,
  said: { readonly atMs: number; readonly by: string },
  stopped: Stopped,
): Changed | undefined {
  const made = checked(input, said, entry === undefined);
  const there = entry?.versions.find(({ version }) => version === made.version);
  if (there !== undefined) {
    if (there.digest === made.digest) return undefined;
    throw new GanglionError('version_conflict', `version ${made.version} is there, with another digest`, {
      field: 'digest',
      value: made.digest,
      mend: 'A version never changes: register this under another name.',
    });
  }
  const versions = [...(entry?.versions ?? []), made];
  withinTraffic(versions);
  const before = entry?.before ?? [];
  const extra = versions.length - MODEL_LIMITS.versions;
  if (extra <= 0) return { versions, before };
  const gone = longestRetired([{ versions, before }], extra, stopped);
  if (gone.size < extra)
    throw new GanglionError('overloaded', `a model has at most ${MODEL_LIMITS.versions} versions`, {
      mend: 'Retire some: the longest retired are forgotten.',
    });
  return { versions: versions.filter((version) => !gone.has(version)), before };
}

/**
 * The models that are others once all of them fit the bound on versions in all: the longest retired of any are forgotten.
 * @throws GanglionError `overloaded` where too few may be
 */
export function withinTotal(
  models: ReadonlyMap<string, ModelEntry>,
  stopped: (model: string, version: ModelVersion) => boolean,
): ReadonlyMap<string, Changed> {
  const out = new Map<string, Changed>();
  let extra = -MODEL_LIMITS.total;
  for (const { versions } of models.values()) extra += versions.length;
  if (extra <= 0) return out;
  const owner = new Map<ModelVersion, string>();
  for (const [model, { versions }] of models) for (const each of versions) owner.set(each, model);
  const gone = longestRetired([...models.values()], extra, (each) =>
    stopped(owner.get(each) as string, each),
  );
  if (gone.size < extra)
    throw new GanglionError('overloaded', `the registry has at most ${MODEL_LIMITS.total} versions in all`, {
      mend: 'Retire some, of any model: the longest retired are forgotten.',
    });
  for (const [model, { versions, before }] of models)
    if (versions.some((each) => gone.has(each)))
      out.set(model, { versions: versions.filter((each) => !gone.has(each)), before });
  return out;
}

/**
 * So many that nobody misses: retired, and not to be rolled back to. Those that a kill stops come last, for with them
 * goes the knowledge of which bytes it meant; when nobody wrote down since when, it is long.
 */
function longestRetired(
  entries: readonly Changed[],
  most: number,
  stopped: Stopped,
): ReadonlySet<ModelVersion> {
  const found = entries
    .flatMap(({ versions, before }) =>
      versions.filter(({ stage, version }) => stage === 'retired' && !before.includes(version)),
    )
    .map((version) => ({ version, stopped: stopped(version) ? 1 : 0, sinceMs: version.retiredMs ?? 0 }))
    .sort((a, b) => a.stopped - b.stopped || a.sinceMs - b.sinceMs);
  return new Set(found.slice(0, most).map(({ version }) => version));
}

/** Another champion: the one before retires, and stays known for a rollback. @throws GanglionError `unknown_version` */
export function promoted(entry: ModelEntry, name: string, reason: string, atMs: number): Changed | undefined {
  const made = versionOf(entry, name);
  if (made.stage === 'champion') return undefined;
  const old = entry.versions.find(({ stage }) => stage === 'champion') as ModelVersion;
  const versions = entry.versions.map((each) => {
    if (each === made) return serving(each, 'champion', 0, reason);
    return each === old ? retire(each, `${name} was promoted`, atMs) : each;
  });
  const before = [...entry.before.filter((each) => each !== old.version && each !== name), old.version];
  return { versions, before: before.slice(-MODEL_LIMITS.before) };
}

/** A challenger with this share of the traffic; 0: registered, and serving nobody. @throws GanglionError */
export function challenging(
  entry: ModelEntry,
  name: string,
  traffic: number,
  reason: string,
): Changed | undefined {
  const made = versionOf(entry, name);
  if (made.stage === 'champion')
    throw new GanglionError('invalid_input', `${name} is the champion, and has what the challengers leave`, {
      field: 'traffic',
      value: traffic,
      mend: 'Promote another version first.',
    });
  share(traffic);
  if (made.stage === 'challenger' && made.traffic === traffic) return undefined;
  const versions = entry.versions.map((each) =>
    each === made ? serving(each, 'challenger', traffic, reason) : each,
  );
  withinTraffic(versions);
  return { versions, before: entry.before };
}

/** Serves nobody from now on. @throws GanglionError `invalid_input` for the champion */
export function retired(entry: ModelEntry, name: string, reason: string, atMs: number): Changed | undefined {
  const made = versionOf(entry, name);
  if (made.stage === 'retired') return undefined;
  if (made.stage === 'champion')
    throw new GanglionError('invalid_input', `${name} is the champion`, {
      field: 'version',
      value: name,
      mend: 'Promote another version, or roll back.',
    });
  return {
    versions: entry.versions.map((each) => (each === made ? retire(each, reason, atMs) : each)),
    before: entry.before,
  };
}

/**
 * The champion before this one again, and which. Whatever has the bytes of this one retires with it, and is passed over, as is
 * what a kill stands for.
 * @throws GanglionError `invalid_input` where there is none to go back to
 */
export function rolledBack(
  entry: ModelEntry,
  reason: string,
  atMs: number,
  stopped: Stopped,
): Changed & { readonly from: ModelVersion; readonly to: ModelVersion } {
  const from = entry.versions.find(({ stage }) => stage === 'champion') as ModelVersion;
  for (let i = entry.before.length - 1; i >= 0; i--) {
    const to = entry.versions.find(({ version }) => version === entry.before[i]);
    if (to === undefined || to.digest === from.digest || stopped(to)) continue;
    const back = serving(to, 'champion', 0, `rolled back to: ${reason}`);
    const versions = entry.versions.map((each) => {
      if (each === to) return back;
      const bad = each.digest === from.digest && each.stage !== 'retired';
      return bad ? retire(each, `rolled back: ${reason}`, atMs) : each;
    });
    return { versions, before: entry.before.slice(0, i), from, to: back };
  }
  throw new GanglionError('invalid_input', 'there is no earlier champion to go back to', {
    field: 'model',
    mend: `Promote another version, or stop this one with a kill of artifact:MODEL@${from.version}.`,
  });
}

/** @throws GanglionError `unknown_version` */
export function versionOf(entry: ModelEntry, name: string): ModelVersion {
  const found = entry.versions.find(({ version }) => version === name);
  if (found === undefined)
    throw new GanglionError('unknown_version', `the model has no version ${name}`, {
      field: 'version',
      value: name,
      mend: 'Use one of those that GET /v1/models/{model} lists, or register it.',
    });
  return found;
}

const retire = (version: ModelVersion, reason: string, atMs: number): ModelVersion => ({
  ...version,
  stage: 'retired',
  traffic: 0,
  reason: reason.slice(0, MODEL_LIMITS.reason),
  retiredMs: atMs,
});

function serving(version: ModelVersion, stage: Stage, traffic: number, reason: string): ModelVersion {
  const { retiredMs: _since, ...made } = version;
  return { ...made, stage, traffic, reason };
}

function checked(
  input: VersionInput,
  said: { readonly atMs: number; readonly by: string },
  first: boolean,
): ModelVersion {
  const { version, digest, parents = [], window, metrics = {}, traffic = 0, reason = '' } = input;
  if (typeof version !== 'string' || !NAME_PATTERN.test(version) || version === 'champion')
    bad(
      'version',
      version,
      'Use letters, digits, dots, dashes and underscores, and another word than champion.',
    );
  if (typeof digest !== 'string' || !DIGEST_PATTERN.test(digest))
    bad('digest', digest, 'Give the SHA-256 of the artifact: 64 hexadecimal digits, in lower case.');
  if (
    parents.length > MODEL_LIMITS.parents ||
    !parents.every((name) => typeof name === 'string' && ARTIFACT_PATTERN.test(name))
  )
    bad('parents', parents, `Give at most ${MODEL_LIMITS.parents} names: VERSION, or MODEL@VERSION.`);
  if (window !== undefined && !(window.fromMs >= 0 && window.toMs > window.fromMs && window.toMs < 1e15))
    bad('window', window, 'Give { fromMs, toMs } in ms since the epoch, the end after the start.');
  const names = Object.keys(metrics);
  if (
    names.length > MODEL_LIMITS.metrics ||
    !names.every((name) => METRIC_PATTERN.test(name) && Number.isFinite(metrics[name]))
  )
    bad('metrics', metrics, `Give at most ${MODEL_LIMITS.metrics} names with finite numbers.`);
  share(traffic);
  if (typeof reason !== 'string' || reason.length > MODEL_LIMITS.reason)
    bad('reason', reason, `Give at most ${MODEL_LIMITS.reason} characters.`);
  if (first && traffic > 0)
    bad('traffic', traffic, 'The first version of a model is its champion: leave traffic out.');
  return {
    version,
    digest,
    parents: [...parents],
    window: window === undefined ? null : { fromMs: window.fromMs, toMs: window.toMs },
    metrics: { ...metrics },
    ...said,
    stage: first ? 'champion' : 'challenger',
    traffic,
    reason: first && reason === '' ? 'the first version' : reason,
  };
}

function share(traffic: number): void {
  if (!(traffic >= 0 && traffic <= 1)) bad('traffic', traffic, 'Give a share from 0 to 1.');
}

function withinTraffic(versions: readonly ModelVersion[]): void {
  const sum = versions.reduce((total, { traffic }) => total + traffic, 0);
  if (sum > 1 + 1e-9)
    bad('traffic', sum, 'The shares of all challengers add up to more than 1: lower one of them first.');
}

function bad(field: string, value: unknown, mend: string): never {
  throw new GanglionError('invalid_input', `${field} cannot be taken`, { field, value, mend });
}
