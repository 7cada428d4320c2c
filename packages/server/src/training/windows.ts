import { createHash } from 'node:crypto';
import { GanglionError } from '@ganglion/core';

/** How often a model is trained anew. A month is four weeks and a quarter twelve, so that every cadence divides the longer ones. */
export const CADENCES = { daily: 1, weekly: 7, monthly: 28, quarterly: 84 } as const;

export type Cadence = keyof typeof CADENCES;

/** What the schedule needs to know of a model. */
export interface Trained {
  readonly model: string;
  readonly cadence: Cadence;
  /** Data and features that it is made of: two models that share one are never trained in one window. */
  readonly shares: readonly string[];
}

/** A model's place: it is trained in every window whose number is `offset` modulo `period`. */
export interface Place {
  readonly period: number;
  readonly offset: number;
}

const DAY_MS = 86_400_000;

/**
 * Gives each model its windows, so that no two which share data or features ever have one in common: a proper colouring of
 * the graph of who shares with whom, where two places collide iff their offsets agree modulo the shorter period (all
 * periods divide one another). A function of the set of models alone, in whatever order they are given.
 *
 * Models take their places the shortest cadence first, then in the order of a hash of their names, each the first free place
 * in an order of its own. So a model that shares nothing with another, directly or over others, never moves it; and of
 * those that it does, only later ones may move.
 *
 * @param windowMs - a whole part of a day
 * @throws GanglionError `invalid_spec` where more models share than there are windows
 */
export function placesOf(models: readonly Trained[], windowMs: number): ReadonlyMap<string, Place> {
  const perDay = DAY_MS / windowMs;
  const ordered = [...models].sort(
    (a, b) =>
      CADENCES[a.cadence] - CADENCES[b.cadence] ||
      fractionOf(a.model, 'training order') - fractionOf(b.model, 'training order') ||
      (a.model < b.model ? -1 : 1),
  );
  const places = new Map<string, Place>();
  const placed: (Trained & Place)[] = [];
  for (const model of ordered) {
    const period = CADENCES[model.cadence] * perDay;
    const neighbours = placed.filter((other) => conflict(model, other));
    const offset = firstFree(model, period, neighbours);
    places.set(model.model, { period, offset });
    placed.push({ ...model, period, offset });
  }
  return places;
}

/** Whether two models share data or features. */
export const conflict = (a: Pick<Trained, 'shares'>, b: Pick<Trained, 'shares'>): boolean =>
  a.shares.some((each) => b.shares.includes(each));

/** Whether two places ever fall into one window. */
export const collide = (a: Place, b: Place): boolean =>
  (a.offset - b.offset) % Math.min(a.period, b.period) === 0;

/** From a start of its own onward, so that models which share nothing are spread too. */
function firstFree(model: Trained, period: number, neighbours: readonly Place[]): number {
  const start = Math.floor(fractionOf(model.model, 'training window') * period);
  for (let i = 0; i < period; i++) {
    const offset = (start + i) % period;
    if (!neighbours.some((other) => collide(other, { period, offset }))) return offset;
  }
  throw new GanglionError('invalid_spec', `${model.model} shares with more models than there are windows`, {
    field: `models.${model.model}.shares`,
    value: model.shares,
    mend: 'Make the windows shorter, or train some of these models less often.',
  });
}

/** A model's next window at or after a time. */
export function nextWindow(place: Place, windowMs: number, fromMs: number): number {
  const first = Math.ceil(fromMs / windowMs);
  const ahead = (((place.offset - first) % place.period) + place.period) % place.period;
  return first + ahead;
}

/**
 * When in a window a run begins: at a time of the model and the window alone, early enough that it ends in the same window
 * though it take all of its time.
 */
export function startIn(window: number, model: string, windowMs: number, timeoutMs: number): number {
  const room = Math.max(0, windowMs - timeoutMs);
  return window * windowMs + Math.floor(fractionOf(`${model} ${window}`, 'training jitter') * room);
}

/** The first window from one on in which no model that shares with this one has its own. */
export function freeWindow(
  model: Trained,
  from: number,
  others: readonly (Trained & Place)[],
  taken: (window: number, other: Trained) => boolean,
): number {
  const neighbours = others.filter((other) => other.model !== model.model && conflict(model, other));
  for (let window = from; ; window++)
    if (!neighbours.some((each) => (window - each.offset) % each.period === 0 || taken(window, each)))
      return window;
}

/** A fraction in [0, 1) that is a text's alone, under a salt. */
function fractionOf(text: string, salt: string): number {
  return createHash('sha256').update(`${salt}\n${text}`).digest().readUInt32BE(0) / 2 ** 32;
}
