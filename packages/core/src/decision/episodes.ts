import type { Problem } from '../limits.ts';
import type { DecideInput } from '../node-api.ts';
import type { EpisodeRules } from '../policy.ts';
import { hash32 } from '../stats/hash.ts';
import type { DecisionRecord } from './decision-record.ts';
import type { PointState } from './point-state.ts';
import type { Earned } from './returns.ts';

/** The episodes of a point that are under way on this node, the one longest without a decision first. */
export interface Episodes {
  readonly open: Map<number, OpenEpisode>;
  /** What those whose first windows have closed have earned, for what compares episodes. */
  readonly sums: Map<number, Earned>;
  /** Given up because there were too many at once. */
  crowded: number;
  /** Decisions that named neither an episode nor a unit: each is one of its own. */
  alone: number;
}

/** What the next decision of an episode notes. */
export interface OpenEpisode {
  /** Decisions so far; −1: nobody knows, for one of them teaches nothing. */
  steps: number;
  /** State and arm of the last ones, newest first. */
  past: number[];
  /** Monotonic time of the last decision. */
  lastMs: number;
  /** Id of the last decision: prefix and counter. */
  prefix: string;
  n: number;
}

export const openEpisodes = (): Episodes => ({ open: new Map(), sums: new Map(), crowded: 0, alone: 0 });

// The key of an episode fits 53 bits, so that it can be noted as a number.
const LOW_BITS = 2 ** 21;
const OTHER_SALT = 0x5bd1e995;

/** The key of an episode's name. */
export function episodeKey(name: string): number {
  return hash32(name) * LOW_BITS + (hash32(name, OTHER_SALT) >>> 11);
}

/**
 * Strings a decision to the one before it in its episode: what came before is noted, and comes back to the learner with the
 * outcome. A decision that teaches nothing (an override, a fallback) breaks the string, for what led to its arm is in
 * no context; so does the declared horizon. A decision that names neither an episode nor a unit is over at once: it notes its key,
 * and no step.
 */
export function follow(
  state: PointState,
  episodes: Episodes,
  rules: EpisodeRules,
  record: DecisionRecord,
  input: DecideInput | undefined,
): void {
  const name = input?.episode ?? input?.unit ?? '';
  if (name === '') {
    episodes.alone++;
    record.noted = [episodeKey(record.id)];
    return;
  }
  const key = episodeKey(name);
  const { open } = episodes;
  let episode = open.get(key);
  if (episode !== undefined) {
    open.delete(key);
    const over = record.monoMs - episode.lastMs > rules.timeoutMs || episode.steps >= rules.horizon;
    if (over) episode = undefined;
  } else if (open.size >= rules.most) {
    open.delete(open.keys().next().value as number);
    episodes.crowded++;
  }
  episode ??= { steps: 0, past: [], lastMs: 0, prefix: '', n: 0 };
  const { past } = episode;
  const noted = [key, episode.steps];
  for (let i = 0; i < past.length; i++) noted.push(past[i]);
  record.noted = noted;
  append(episode, rules, record, past);
  episode.lastMs = record.monoMs;
  episode.prefix = state.source.idPrefix;
  episode.n = record.n;
  open.set(key, episode);
}

function append(
  episode: OpenEpisode,
  rules: EpisodeRules,
  record: DecisionRecord,
  past: readonly number[],
): void {
  if (!record.trains) {
    episode.steps = -1;
    episode.past = [];
    return;
  }
  if (episode.steps >= 0) episode.steps++;
  const next = [rules.stateOf(record.encodedContext), record.armIndex];
  for (let i = 0; i < past.length && next.length < 2 * rules.steps; i++) next.push(past[i]);
  episode.past = next;
}

/** After a restart: what a decision that was made before says of its episode, if others may follow. In the order of the decisions. */
export function recall(state: PointState, record: DecisionRecord, monoMs: number): void {
  const { episodes, compiled } = state;
  const rules = compiled.policy.episodes;
  const { noted } = record;
  if (episodes === undefined || rules === undefined || noted === undefined || noted.length < 2) return;
  const [key, steps] = noted;
  episodes.open.delete(key);
  if (episodes.open.size >= rules.most) return;
  const episode = { steps, past: [], lastMs: monoMs, prefix: record.source.idPrefix, n: record.n };
  append(episode, rules, record, noted.slice(2));
  episodes.open.set(key, episode);
}

/** Whether this decision is the last of its episode, as far as this node knows. */
function lastOf(record: DecisionRecord, episodes: Episodes): OpenEpisode | undefined {
  const episode = episodes.open.get(record.noted?.[0] ?? Number.NaN);
  return episode?.n === record.n && episode.prefix === record.source.idPrefix ? episode : undefined;
}

/** What is wrong with an end that is told of this decision: the episode has gone on since. */
export function endProblem(
  { episodes }: PointState,
  record: DecisionRecord,
  done: boolean,
): Problem | undefined {
  if (!done || episodes === undefined || record.noted === undefined) return undefined;
  if ((record.metrics?.done ?? 0) >= 0.5 || lastOf(record, episodes) !== undefined) return undefined;
  const episode = episodes.open.get(record.noted[0]);
  // Another episode under the same name may have begun; the one that this belongs to has then ended already.
  if (episode === undefined || episode.steps === 1) return undefined;
  return {
    code: 'invalid_input',
    field: 'done',
    message: 'the episode has gone on since this decision: it was not the end',
    mend: 'Send done with the last decision of an episode, or give every episode a name of its own.',
  };
}

/** An end was told: the next decision under this name begins another episode. */
export function end({ episodes }: PointState, record: DecisionRecord): void {
  if (episodes === undefined || !((record.metrics?.done ?? 0) >= 0.5)) return;
  if (lastOf(record, episodes) !== undefined) episodes.open.delete(record.noted?.[0] as number);
}

/** Takes out the episodes that have been silent for too long, and tells their last decisions. */
export function silent(
  { open }: Episodes,
  rules: EpisodeRules,
  monoMs: number,
  limit: number,
  tell: (id: string) => void,
): void {
  for (const [key, episode] of open) {
    if (limit-- <= 0 || monoMs - episode.lastMs <= rules.timeoutMs) return;
    open.delete(key);
    tell(episode.prefix + episode.n);
  }
}
