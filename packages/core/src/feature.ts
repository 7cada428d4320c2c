/**
 * A feature is one number (or one text) that events keep up for an entity: a count, a decayed rate, the last amount paid.
 * Its state is a few numbers, and at most one text or byte array, in room that is given to it; the feature itself
 * remembers nothing.
 *
 * Laws (checked by `featureLaws`): the order in which events arrive does not matter (they carry their time); reading
 * changes nothing; the state is written down and read back without a difference; whatever the events, a value is finite
 * or NaN, which is "not known".
 */
export interface Feature {
  /** Name and version of the family member, such as `rate/1`. */
  readonly name: string;
  readonly gives: 'number' | 'category';
  /** The type of the events that move it; undefined where it is made of other features. */
  readonly on: string | undefined;
  /** Numbers of state. All start at 0. */
  readonly numbers: number;
  /** Texts or byte arrays of state: none or one. It starts undefined. */
  readonly others: 0 | 1;
  /** Takes one event of the type `on`. Whether anything changed. */
  fold(cell: Cell, event: FeatureEvent): boolean;
  /** The value at a time, in the feature's own unit; NaN while it is not known. Allocates nothing. */
  read(cell: Cell, nowMs: number): number;
  /** The value of a category; undefined while it is not known. */
  text?(cell: Cell): string | undefined;
  /** Names of the two features of the same entity that it is made of; `combine` then stands for `read`. */
  readonly of?: readonly [string, string] | undefined;
  combine?(first: number, second: number): number;
  /** Relative standard error of the value, for features that estimate; 0 while it is exact. */
  error?(cell: Cell): number;
}

/** Where the state of one feature of one entity lies. */
export interface Cell {
  numbers: Float64Array;
  /** Its first number. */
  at: number;
  others: (string | Uint8Array | undefined)[];
  other: number;
}

/** What happened to an entity, as its features see it. */
export interface FeatureEvent {
  readonly type: string;
  /** When it happened, ms since the epoch; never after it was heard of. */
  readonly atMs: number;
  readonly data: Readonly<Record<string, EventValue>>;
}

export type EventValue = string | number | boolean;

/** A declared feature and where in the spec it stands, for messages. Bad options throw `invalid_spec`. */
export type FeatureFactory = (options: Readonly<Record<string, unknown>>, path: string) => Feature;
