import type { Decision, TrailEntry } from '@ganglion/core';

/**
 * Decisions as JSON, character for character what `JSON.stringify` gives for the same fields, at less than half its
 * cost: neighbours in a list differ in little, so the stretches between what differs are put together once and kept.
 *
 * Bounded: at most `KEPT` stretches and the texts of the last few trails.
 */
export interface DecisionWriter {
  one(decision: Decision): string;
  /** A list of `count`, each asked for once, in order: none is kept longer than it takes to write it. */
  many(count: number, decision: (index: number) => Decision): Buffer;
}

const KEPT = 4096;
/** Decisions written at once: few enough to be still in the processor's cache when they are copied. */
const CHUNK = 32;

type Kept<T> = Map<string | null, T>;
/** By executed arm, then by proposed arm. */
type Arms = Kept<Kept<string>>;

/** `,"point":…,"stratum":…,"proposed":…,"arm":…,"propensity":` by point, stratum and arms; the last two kept at hand. */
interface Stretches {
  kept: number;
  byPoint: Kept<Kept<Arms>>;
  point: string;
  stratum: string;
  arms: Arms;
}

export function decisionWriter(): DecisionWriter {
  const stretches: Stretches = { kept: 0, byPoint: new Map(), point: '', stratum: '', arms: new Map() };
  turnTo(stretches, '', '');
  const trails: WrittenTrail[] = [];
  let versions = { reason: '', tier: '', spec: NaN, view: NaN, text: '' };
  let time = { atMs: NaN, text: '' };

  const what = (d: Decision): string => {
    const { point, stratum } = d;
    if (point !== stretches.point || stratum !== stretches.stratum) turnTo(stretches, point, stratum);
    return stretches.arms.get(d.arm)?.get(d.proposed) ?? keepWhat(stretches, d);
  };

  /** `,"reason":…,"tier":…,"versions":…,"trail":` */
  const why = (d: Decision): string => {
    const v = versions;
    const { spec, view } = d.versions;
    if (v.reason === d.reason && v.tier === d.tier && v.spec === spec && v.view === view) return v.text;
    const text = `,"reason":"${d.reason}","tier":"${d.tier}","versions":{"spec":${number(spec)},"view":${number(view)}},"trail":`;
    versions = { reason: d.reason, tier: d.tier, spec, view, text };
    return text;
  };

  const when = (atMs: number): string => {
    if (atMs !== time.atMs) time = { atMs, text: `,"atMs":${number(atMs)}}` };
    return time.text;
  };

  const one = (d: Decision): string =>
    `{"id":${quote(d.id)}${what(d)}${number(d.propensity)},"confidence":${number(d.confidence)}${why(d)}${trailText(trails, d.trail)}${when(d.atMs)}`;

  const many = (count: number, decision: (index: number) => Decision): Buffer => {
    let buffer: Buffer = Buffer.allocUnsafe(Math.max(64, count * 384));
    let at = buffer.write('[', 0, 'latin1');
    for (let from = 0; from < count; from += CHUNK) {
      const to = Math.min(count, from + CHUNK);
      let text = from === 0 ? '' : ',';
      for (let i = from; i < to; i++) text += i === from ? one(decision(i)) : `,${one(decision(i))}`;
      // A UTF-16 unit is at most three bytes of UTF-8; one byte is left for the bracket.
      if (buffer.length - at <= text.length * 3) buffer = grown(buffer, at, text.length * 3 + 1);
      at += buffer.write(text, at, 'utf8');
    }
    at += buffer.write(']', at, 'latin1');
    return buffer.subarray(0, at);
  };

  return { one, many };
}

/** A trail as it was written, by the (interned) texts of its verdicts. */
interface WrittenTrail {
  readonly said: readonly TrailEntry[];
  readonly text: string;
}

/** Guards repeat themselves: the last few trails, the latest first, are nearly always all there are. */
const TRAILS = 8;

function trailText(written: WrittenTrail[], said: readonly TrailEntry[]): string {
  if (said.length === 0) return '[]';
  for (let i = 0; i < written.length; i++) if (sameTrail(written[i].said, said)) return written[i].text;
  const text = JSON.stringify(said.map(({ guard, kind, why }) => ({ guard, kind, why })));
  written.unshift({ said, text });
  if (written.length > TRAILS) written.pop();
  return text;
}

function sameTrail(a: readonly TrailEntry[], b: readonly TrailEntry[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++)
    if (a[i].why !== b[i].why || a[i].guard !== b[i].guard || a[i].kind !== b[i].kind) return false;
  return true;
}

function turnTo(stretches: Stretches, point: string, stratum: string): void {
  stretches.point = point;
  stretches.stratum = stratum;
  stretches.arms = child(child(stretches.byPoint, point), stratum);
}

function keepWhat(stretches: Stretches, d: Decision): string {
  if (stretches.kept++ >= KEPT) {
    stretches.byPoint = new Map();
    stretches.kept = 1;
    turnTo(stretches, d.point, d.stratum);
  }
  const { point, stratum, proposed, arm } = d;
  const text = `,${JSON.stringify({ point, stratum, proposed, arm }).slice(1, -1)},"propensity":`;
  child(stretches.arms, arm).set(proposed, text);
  return text;
}

function child<T>(map: Kept<Map<string | null, T>>, key: string | null): Map<string | null, T> {
  let found = map.get(key);
  if (found === undefined) {
    found = new Map();
    map.set(key, found);
  }
  return found;
}

function grown(buffer: Buffer, used: number, more: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, used + more));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

/** Ids are short and never seen twice: not worth keeping. */
function quote(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return JSON.stringify(text);
  }
  return `"${text}"`;
}

/** JSON has neither NaN nor Infinity. */
function number(value: number | null): string {
  return value === null || value - value !== 0 ? 'null' : `${value}`;
}
