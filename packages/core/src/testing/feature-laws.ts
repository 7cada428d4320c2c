import type { Cell, EventValue, Feature, FeatureEvent } from '../feature.ts';
import type { Stream } from '../stats/random.ts';
import { demand, difference, type Law } from './law.ts';

/** A feature under test, with what it reads. */
export interface FeatureSubject {
  make(): Feature;
  /** Data of an ordinary event. */
  data(random: Stream): Readonly<Record<string, EventValue>>;
}

const EPOCH = 1_700_000_000_000;
const SPAN_MS = 7_200_000;
/** Around the feature's own room; it must stay as it is. */
const FENCE = 3;
const FILLED = 7.25;

/** What every `Feature` of events must do (see the contract). */
export function featureLaws(subject: FeatureSubject): readonly Law[] {
  return [
    {
      law: 'the order in which events arrive does not matter',
      run(random) {
        const feature = subject.make();
        const events = some(subject, random, 1 + random.integer(200));
        const first = values(feature, folded(feature, events));
        const other = values(feature, folded(feature, shuffled(events, random)));
        const found = difference(first, other, 1e-9);
        demand(found === '', `in another order ${found}`);
      },
    },
    {
      law: 'reading changes nothing, and the feature itself remembers nothing',
      run(random) {
        const feature = subject.make();
        const events = some(subject, random, 60);
        const quiet = folded(feature, events);
        const read = room(feature);
        for (const event of events) {
          values(feature, read);
          folded(feature, some(subject, random, 2));
          feature.fold(read, event);
        }
        const found = difference(contents(read), contents(quiet));
        demand(found === '', `the state differs at ${found}`);
      },
    },
    {
      law: 'where folding says that nothing changed, nothing did; what has no such property changes nothing',
      run(random) {
        const feature = subject.make();
        const cell = folded(feature, some(subject, random, random.integer(100)));
        for (const event of [
          ...some(subject, random, 30),
          { type: 'x', atMs: EPOCH, data: { unread: 'x' } },
        ]) {
          const before = contents(cell);
          if (feature.fold(cell, event)) continue;
          const found = difference(contents(cell), before);
          demand(found === '', `the state changed at ${found}`);
        }
      },
    },
    {
      law: 'a value is finite or not known, whatever the numbers; and no room is touched but its own',
      run(random) {
        const feature = subject.make();
        const cell = room(feature);
        for (const event of some(subject, random, 100)) {
          feature.fold(cell, extreme(event, random));
          for (const value of values(feature, cell))
            demand(
              typeof value !== 'number' || Number.isFinite(value) || Number.isNaN(value),
              `its value is ${value}`,
            );
        }
        const { numbers, others } = cell;
        const fences = [...numbers.subarray(0, FENCE), ...numbers.subarray(FENCE + feature.numbers)];
        demand(
          fences.every((x) => x === FILLED) && others[0] === 'before' && others.at(-1) === 'after',
          'room of others was touched',
        );
      },
    },
  ];
}

function some(subject: FeatureSubject, random: Stream, n: number): FeatureEvent[] {
  return Array.from({ length: n }, () => ({
    type: 'x',
    atMs: EPOCH + random.integer(SPAN_MS / 1000) * 1000,
    data: subject.data(random),
  }));
}

const EXTREMES = [1e308, -1e308, 5e-324, 0, -0, 1, 2 ** 53];

/** The event with other numbers: as far out as numbers go. */
function extreme(event: FeatureEvent, random: Stream): FeatureEvent {
  const data = Object.entries(event.data).map(([name, value]) => [
    name,
    typeof value === 'number' ? EXTREMES[random.integer(EXTREMES.length)] : value,
  ]);
  return { ...event, data: Object.fromEntries(data) };
}

function folded(feature: Feature, events: readonly FeatureEvent[]): Cell {
  const cell = room(feature);
  for (const event of events) feature.fold(cell, event);
  return cell;
}

/** What it reads at some times after the events. */
function values(feature: Feature, cell: Cell): unknown[] {
  return [0, 1, 500_000, SPAN_MS, 9 * SPAN_MS].map((laterMs) => {
    const nowMs = EPOCH + SPAN_MS + laterMs;
    return feature.text === undefined ? feature.read(cell, nowMs) : feature.text(cell);
  });
}

function room(feature: Feature): Cell {
  const numbers = new Float64Array(feature.numbers + 2 * FENCE).fill(FILLED);
  numbers.fill(0, FENCE, FENCE + feature.numbers);
  const others = ['before', ...new Array<undefined>(feature.others).fill(undefined), 'after'];
  return { numbers, at: FENCE, others, other: 1 };
}

/** As it is now: byte arrays may go on changing in place. */
const contents = ({ numbers, others }: Cell): unknown[] => [
  numbers.slice(),
  others.map((other) => (other instanceof Uint8Array ? other.slice() : other)),
];

function shuffled<T>(items: readonly T[], random: Stream): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
