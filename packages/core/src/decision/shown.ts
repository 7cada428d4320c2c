import type { Verdict } from '../guard.ts';
import { NUMBER_LIMITS } from '../limits.ts';
import type { DecideInput } from '../node-api.ts';
import { categoryIndex, encodeContext, type Field } from './context.ts';
import type { DecisionRecord } from './decision-record.ts';
import { type Column, cellOf, type EntityStore, findRow, timeAt, valueAt } from './entities.ts';
import type { FeatureSet } from './features.ts';
import type { PointState } from './point-state.ts';

/** The fields of a point that show features, bound to where their values are. */
export interface ShownFeatures {
  readonly sets: readonly ShownSet[];
  /**
   * Of the last decision, two for each field that shows a feature, in the order of fields: when the newest event behind
   * the value happened, and when it became known. `GIVEN` where the caller gave the value, `MISSING` where it is the
   * default or absent, 0 where the entity is known and no such event has come.
   */
  readonly times: Float64Array;
  /** Of the last decision, by set: the entity that its context named; '' where that is the unit, or nobody. */
  readonly keys: string[];
  /** Whether any set is by the context. */
  readonly keyed: boolean;
}

interface ShownSet {
  readonly key: FeatureSet['key'];
  readonly store: EntityStore;
  readonly fields: readonly ShownField[];
  /** The whole entity is not known. */
  readonly unknown: Verdict;
}

export interface ShownField {
  readonly field: Field;
  /** Its place in the context, and of its times. */
  readonly index: number;
  readonly times: number;
  readonly name: string;
  readonly column: Column;
  /** What is shown while it is not known; NaN: nothing. */
  readonly otherwise: number;
  readonly missing: Verdict;
  readonly stopped: Verdict;
  /** A control has stopped it. */
  isStopped: boolean;
}

export const GIVEN = Number.NaN;
export const MISSING = -1;

/** Binds the fields of a point to the stores of its domain. Undefined where none of them shows a feature. */
export function bindFeatures(
  fields: readonly Field[],
  sets: readonly FeatureSet[],
  storeOf: (entity: string) => EntityStore,
): ShownFeatures | undefined {
  const showing = fields.flatMap((field, index) =>
    field.feature === undefined ? [] : [{ field, index, feature: field.feature }],
  );
  if (showing.length === 0) return undefined;
  return {
    times: new Float64Array(2 * showing.length),
    keys: sets.map(() => ''),
    keyed: sets.some(({ key }) => key !== 'unit'),
    sets: sets.map(({ entity, key, features }, set) => {
      const store = storeOf(entity);
      return {
        key,
        store,
        unknown: verdict(`${entity}: nothing is known of this one here; defaults are shown`),
        fields: showing.flatMap(({ field, index, feature }, place): ShownField[] => {
          if (feature.set !== set) return [];
          const { id } = features[feature.feature];
          const { name } = feature;
          return [
            {
              field,
              index,
              times: 2 * place,
              name,
              column: store.plan.columns.find((column) => column.id === id) as Column,
              otherwise:
                typeof feature.default === 'string'
                  ? categoryIndex(field, feature.default)
                  : (feature.default ?? Number.NaN),
              missing: verdict(`${name} is not known; its default is shown`),
              stopped: verdict(`${name} is stopped by a control; its default is shown`),
              isStopped: false,
            },
          ];
        }),
      };
    }),
  };
}

const verdict = (why: string): Verdict => Object.freeze({ guard: 'features', kind: 'pass', why } as const);

/**
 * Fills in what the caller gave no value for: `context` has NaN there. What is not known gets its default, and is told of.
 * Allocates nothing.
 */
export function showFeatures(
  shown: ShownFeatures,
  context: Float64Array,
  input: DecideInput | undefined,
  nowMs: number,
  tell: (verdict: Verdict) => void,
): void {
  const { sets, times } = shown;
  for (let s = 0; s < sets.length; s++) {
    const { key, store, fields, unknown } = sets[s];
    const entity = entityOf(key, input);
    const row = entity === undefined ? -1 : findRow(store, entity, nowMs);
    if (key !== 'unit') shown.keys[s] = entity ?? '';
    let told = false;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      if (!Number.isNaN(context[field.index])) {
        times[field.times] = GIVEN;
        times[field.times + 1] = GIVEN;
        continue;
      }
      const value = row < 0 || field.isStopped ? Number.NaN : encoded(store, row, field, nowMs);
      if (Number.isNaN(value)) {
        context[field.index] = field.otherwise;
        times[field.times] = MISSING;
        times[field.times + 1] = MISSING;
        if (row >= 0 || field.isStopped) tell(field.isStopped ? field.stopped : field.missing);
        else if (!told) tell(unknown);
        told ||= row < 0 && !field.isStopped;
        continue;
      }
      context[field.index] = value;
      times[field.times] = timeAt(store, row, field.column, 0);
      times[field.times + 1] = timeAt(store, row, field.column, 1);
    }
  }
}

/** What the caller gave, and features for what it did not; '' or what is wrong with it. `tells`: of what is not known. */
export function readContext(
  state: PointState,
  input: DecideInput | undefined,
  nowMs: number,
  tells: boolean,
): string {
  const { compiled, features, scratch } = state;
  const wrong = encodeContext(compiled.fields, input?.context, scratch.context);
  if (features !== undefined && wrong === '')
    showFeatures(features, scratch.context, input, nowMs, tells ? state.tell : SILENT);
  return wrong;
}

const SILENT = (): void => {};

/** Nothing is shown: the context was refused as a whole. */
export function showNothing(shown: ShownFeatures): void {
  shown.times.fill(MISSING);
  if (shown.keyed) shown.keys.fill('');
}

/** Keeps with a decision when what it was shown became known, and of whom. */
export function freeze({ times, keys, keyed }: ShownFeatures, record: DecisionRecord): void {
  const copy = new Array<number>(times.length);
  for (let i = 0; i < times.length; i++) copy[i] = times[i];
  record.shown = copy;
  if (keyed) record.about = keys.slice();
}

function entityOf(key: FeatureSet['key'], input: DecideInput | undefined): string | undefined {
  if (key === 'unit') return input?.unit;
  const context = input?.context;
  if (context === undefined || context === null || !Object.hasOwn(context, key.context)) return undefined;
  const value = context[key.context];
  return typeof value === 'string' && value.length <= KEY_MAX ? value : undefined;
}

/** Longest key of an entity that events may have. */
const KEY_MAX = 256;

/** As the compiled context has it; beyond the field's bounds it counts as those. */
function encoded(store: EntityStore, row: number, { field, column }: ShownField, nowMs: number): number {
  const { feature } = column;
  if (feature.text === undefined) {
    const value = valueAt(store, row, column, nowMs);
    // Sums of what is admitted may be more than is.
    const { largest } = NUMBER_LIMITS;
    return Math.max(field.min, -largest, Math.min(field.max, largest, value));
  }
  const text = feature.text(cellOf(store, row, column));
  return text === undefined ? Number.NaN : categoryIndex(field, text);
}

/** The context with what it shows written into it, for a node that has not heard the events: its parent. */
export function withShown(
  shown: ShownFeatures,
  input: DecideInput | undefined,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const out: Record<string, unknown> = { ...input?.context };
  for (const { key, store, fields } of shown.sets) {
    const entity = entityOf(key, input);
    const row = entity === undefined ? -1 : findRow(store, entity, nowMs);
    for (const each of fields) {
      const { name, feature } = each.field;
      if (Object.hasOwn(out, name) && out[name] !== undefined && out[name] !== null) continue;
      const known = row >= 0 && !each.isStopped;
      const value = !known
        ? undefined
        : each.column.feature.text === undefined
          ? encoded(store, row, each, nowMs)
          : each.column.feature.text(cellOf(store, row, each.column));
      const said = value === undefined || Number.isNaN(value) ? feature?.default : value;
      if (said !== undefined) out[name] = said;
    }
  }
  return out;
}
