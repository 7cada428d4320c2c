import { GanglionError } from '../errors.ts';
import { ARTIFACT_PATTERN, METRIC_PATTERN, NAME_PATTERN } from '../limits.ts';
import type { VersionInput } from '../node-api.ts';
import type { ModelVersion } from '../status.ts';
import { DIGEST_PATTERN, MODEL_LIMITS, type ModelEntry } from './model-state.ts';

type Changed = Pick<ModelEntry, 'versions' | 'before'>;

/**
 * With one version more: the first of a model is its champion, every other a challenger. The same version with the same
 * digest again changes nothing.
 * @throws GanglionError `invalid_input`; `version_conflict` for a version that is there with another digest
 */
export function registered(
  entry: ModelEntry | undefined,
  input: VersionInput,
  said: { readonly atMs: number; readonly by: string },
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
  const gone = new Set(versions.filter(({ stage }) => stage === 'retired').slice(0, extra));
  if (gone.size < extra)
    throw new GanglionError('overloaded', `a model has at most ${MODEL_LIMITS.versions} versions`, {
      mend: 'Retire some: the longest retired are forgotten.',
    });
  const left = versions.filter((version) => !gone.has(version));
  return { versions: left, before: before.filter((name) => left.some(({ version }) => version === name)) };
}

/** Another champion: the one before retires, and stays known for a rollback. @throws GanglionError `unknown_version` */
export function promoted(entry: ModelEntry, name: string, reason: string): Changed | undefined {
  const made = versionOf(entry, name);
  if (made.stage === 'champion') return undefined;
  const old = entry.versions.find(({ stage }) => stage === 'champion') as ModelVersion;
  const versions = entry.versions.map((each) => {
    if (each === made) return { ...each, stage: 'champion' as const, traffic: 0, reason };
    return each === old ? retire(each, `${name} was promoted`) : each;
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
    each === made ? { ...each, stage: 'challenger' as const, traffic, reason } : each,
  );
  withinTraffic(versions);
  return { versions, before: entry.before };
}

/** Serves nobody from now on. @throws GanglionError `invalid_input` for the champion */
export function retired(entry: ModelEntry, name: string, reason: string): Changed | undefined {
  const made = versionOf(entry, name);
  if (made.stage === 'retired') return undefined;
  if (made.stage === 'champion')
    throw new GanglionError('invalid_input', `${name} is the champion`, {
      field: 'version',
      value: name,
      mend: 'Promote another version, or roll back.',
    });
  return {
    versions: entry.versions.map((each) => (each === made ? retire(each, reason) : each)),
    before: entry.before,
  };
}

/**
 * The champion before this one again, and which. @param stopped - whether a kill stands for a version: it is passed over
 * @throws GanglionError `invalid_input` where there is none to go back to
 */
export function rolledBack(
  entry: ModelEntry,
  reason: string,
  stopped: (version: ModelVersion) => boolean,
): Changed & { readonly from: ModelVersion; readonly to: ModelVersion } {
  const from = entry.versions.find(({ stage }) => stage === 'champion') as ModelVersion;
  for (let i = entry.before.length - 1; i >= 0; i--) {
    const to = entry.versions.find(({ version }) => version === entry.before[i]);
    if (to === undefined || to === from || stopped(to)) continue;
    const back = { ...to, stage: 'champion' as const, traffic: 0, reason: `rolled back to: ${reason}` };
    const versions = entry.versions.map((each) => {
      if (each === to) return back;
      return each === from ? retire(each, `rolled back: ${reason}`) : each;
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

const retire = (version: ModelVersion, reason: string): ModelVersion => ({
  ...version,
  stage: 'retired',
  traffic: 0,
  reason: reason.slice(0, MODEL_LIMITS.reason),
});

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
