import { given, list, number, type Options, object, onlyKeys, refuse } from '../options.ts';
import type { FactoryInput } from '../registry.ts';

/**
 * From a compiled context to one of few states: the same on every node, because it depends on the declaration alone. The
 * last state is for all that the others do not cover: an absent field, a category that is not declared.
 */
export interface StateSpace {
  /** How many, the last one included. */
  readonly count: number;
  /** What each stands for, for people. */
  readonly names: readonly string[];
  /** Allocates nothing. */
  of(context: ArrayLike<number>): number;
}

/** Most states: a learner keeps what leads from each to each, twice. */
export const MOST_STATES = 512;

interface Axis {
  readonly name: string;
  /** Position in the compiled context. */
  readonly at: number;
  /** Ascending inner edges of a number; undefined: the value is an index itself. */
  readonly edges: readonly number[] | undefined;
  readonly count: number;
  readonly labels: readonly string[];
}

/**
 * Reads `state`: names of fields of the context, or `{ field, edges }` or `{ field, bins }` for numbers. A number needs either
 * rising `edges`, which part it into one bucket more, or a number of `bins` of equal width between its `min` and `max`; one
 * with whole `min` and `max` not too far apart needs nothing: each whole number is a state. @throws GanglionError `invalid_spec`
 */
export function stateSpace(options: Options, { fields, path }: FactoryInput): StateSpace {
  const axes = list(options, 'state', path, 0).map((item, i): Axis => {
    const at = `${path}.state[${i}]`;
    const spec: Options = typeof item === 'string' ? { field: item } : object(item, at);
    onlyKeys(spec, ['field', 'edges', 'bins'], at);
    const index = fields.findIndex(({ name }) => name === spec.field);
    if (index < 0)
      refuse(
        at,
        'field',
        spec.field,
        'names what is no field of the context',
        `Use ${fields.map(({ name }) => name).join(', ') || 'a field that the context declares'}.`,
      );
    return axisOf(spec, fields[index], index, at);
  });
  axes.forEach(({ at, name }, i) => {
    if (axes.findIndex((other) => other.at === at) !== i)
      refuse(`${path}.state[${i}]`, 'field', name, 'is there twice', 'Name every field once.');
  });
  const inner = axes.reduce((product, { count }) => product * count, 1);
  if (inner + 1 > MOST_STATES)
    refuse(
      path,
      'state',
      inner + 1,
      `makes ${inner + 1} states, more than ${MOST_STATES}`,
      'Use fewer fields, bins or edges.',
    );
  return {
    count: inner + 1,
    names: [...namesOf(axes), 'other'],
    of: (context) => {
      let state = 0;
      for (let i = 0; i < axes.length; i++) {
        const bucket = bucketOf(axes[i], context[axes[i].at]);
        if (bucket < 0) return inner;
        state = state * axes[i].count + bucket;
      }
      return state;
    },
  };
}

function axisOf(spec: Options, field: FactoryInput['fields'][number], at: number, path: string): Axis {
  const { name, type, min = -Infinity, max = Infinity, values } = field;
  if (type !== 'number' && (given(spec, 'edges') || given(spec, 'bins')))
    refuse(path, '', spec, `parts ${name}, which is no number`, 'Leave out edges and bins.');
  if (type === 'boolean') return { name, at, edges: undefined, count: 2, labels: [`not ${name}`, name] };
  if (type === 'category') {
    if (values === undefined || values.length === 0)
      refuse(path, 'field', name, 'declares no values', 'Declare values in the context.');
    return { name, at, edges: undefined, count: values.length, labels: values.map((v) => `${name}=${v}`) };
  }
  const edges = edgesOf(spec, name, min, max, path);
  const labels = Array.from({ length: edges.length + 1 }, (_, i) => {
    const [from, to] = [i === 0 ? min : edges[i - 1], i === edges.length ? max : edges[i]];
    return `${name} ${Number(from.toPrecision(6))}…${Number(to.toPrecision(6))}`;
  });
  return { name, at, edges, count: edges.length + 1, labels };
}

function edgesOf(spec: Options, name: string, min: number, max: number, path: string): readonly number[] {
  if (given(spec, 'edges')) {
    if (given(spec, 'bins')) refuse(path, 'bins', spec.bins, 'stands beside edges', 'Give one of them.');
    const edges = list(spec, 'edges', path);
    edges.forEach((edge, i) => {
      if (typeof edge !== 'number' || !Number.isFinite(edge) || (i > 0 && edge <= (edges[i - 1] as number)))
        refuse(path, `edges[${i}]`, edge, 'is not above the edge before it', 'Give rising numbers.');
    });
    return edges as readonly number[];
  }
  const width = max - min;
  if (!(width > 0 && width < Infinity))
    refuse(
      path,
      'field',
      name,
      'is a number without bounds',
      'Give it edges here, or min and max in the context.',
    );
  const whole = Number.isInteger(min) && Number.isInteger(max);
  if (!given(spec, 'bins') && whole)
    return Array.from({ length: Math.min(width, MOST_STATES) }, (_, i) => min + i + 0.5);
  const bins = number(spec, 'bins', { min: 1, max: MOST_STATES, integer: true }, path);
  return Array.from({ length: bins - 1 }, (_, i) => min + ((i + 1) * width) / bins);
}

/** −1: none of the buckets. */
function bucketOf({ edges, count }: Axis, value: number): number {
  if (!(value > -Infinity)) return -1;
  if (edges === undefined) return value >= 0 && value < count ? Math.floor(value) : -1;
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value >= edges[middle]) low = middle + 1;
    else high = middle;
  }
  return low;
}

function namesOf(axes: readonly Axis[]): string[] {
  return axes.reduce<string[]>(
    (names, { labels }) =>
      names.flatMap((name) => labels.map((label) => (name === '' ? label : `${name}, ${label}`))),
    [''],
  );
}
