import type { Decision, TrailEntry } from '@ganglion/core';

/**
 * Decisions as JSON, character for character what `JSON.stringify` gives for the same fields, at less than half its
 * cost: decisions of the same arms mostly differ in id and time alone, so the stretch between these is kept.
 *
 * Bounded: at most `KEPT` stretches.
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

/** What stood between id and time the last time these arms were chosen and proposed: mostly it does again. */
interface Stretch {
  /** `,"point":…,"stratum":…,"proposed":…,"arm":…,"propensity":` */
  readonly head: string;
  propensity: number | null;
  confidence: number | null;
  reason: string;
  tier: string;
  spec: number;
  view: number;
  artifact: string | undefined;
  trail: readonly TrailEntry[];
  /** The trail's text. */
  said: string;
  /** From `head` to `,"atMs":`. */
  text: string;
}

/** By executed arm, then by proposed arm. */
type Arms = Kept<Kept<Stretch>>;

/** All that is kept: by point, stratum and arms; the last point and stratum at hand. */
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
  let time = { atMs: NaN, text: '' };

  const when = (atMs: number): string => {
    if (atMs !== time.atMs) time = { atMs, text: `${number(atMs)}}` };
    return time.text;
  };

  const one = (d: Decision): string => {
    const { point, stratum } = d;
    if (point !== stretches.point || stratum !== stretches.stratum) turnTo(stretches, point, stratum);
    const stretch = stretches.arms.get(d.arm)?.get(d.proposed) ?? newStretch(stretches, d);
    if (!isAsBefore(stretch, d)) rewrite(stretch, d);
    return `{"id":${quote(d.id)}${stretch.text}${when(d.atMs)}`;
  };

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

function turnTo(stretches: Stretches, point: string, stratum: string): void {
  stretches.point = point;
  stretches.stratum = stratum;
  stretches.arms = child(child(stretches.byPoint, point), stratum);
}

function newStretch(stretches: Stretches, d: Decision): Stretch {
  if (stretches.kept++ >= KEPT) {
    stretches.byPoint = new Map();
    stretches.kept = 1;
    turnTo(stretches, d.point, d.stratum);
  }
  const { point, stratum, proposed, arm } = d;
  const head = `,${JSON.stringify({ point, stratum, proposed, arm }).slice(1, -1)},"propensity":`;
  const stretch: Stretch = {
    head,
    propensity: NaN,
    confidence: NaN,
    reason: '',
    tier: '',
    spec: 0,
    view: 0,
    artifact: undefined,
    trail: [],
    said: '[]',
    text: '',
  };
  child(stretches.arms, arm).set(proposed, stretch);
  return stretch;
}

function isAsBefore(stretch: Stretch, d: Decision): boolean {
  const { spec, view, artifact } = d.versions;
  return (
    stretch.propensity === d.propensity &&
    stretch.confidence === d.confidence &&
    stretch.reason === d.reason &&
    stretch.view === view &&
    stretch.spec === spec &&
    stretch.artifact === artifact &&
    stretch.tier === d.tier &&
    sameTrail(stretch.trail, d.trail)
  );
}

/** Verdicts are interned (core's guard contract): their texts are nearly always the same objects. */
function sameTrail(a: readonly TrailEntry[], b: readonly TrailEntry[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++)
    if (a[i].why !== b[i].why || a[i].guard !== b[i].guard || a[i].kind !== b[i].kind) return false;
  return true;
}

function rewrite(stretch: Stretch, d: Decision): void {
  const { propensity, confidence, reason, tier, trail } = d;
  const { spec, view, artifact } = d.versions;
  if (!sameTrail(stretch.trail, trail)) {
    stretch.trail = trail;
    stretch.said = JSON.stringify(trail.map(({ guard, kind, why }) => ({ guard, kind, why })));
  }
  stretch.propensity = propensity;
  stretch.confidence = confidence;
  stretch.reason = reason;
  stretch.tier = tier;
  stretch.spec = spec;
  stretch.view = view;
  stretch.artifact = artifact;
  const digest = artifact === undefined ? '' : `,"artifact":${JSON.stringify(artifact)}`;
  const versions = `{"spec":${number(spec)},"view":${number(view)}${digest}}`;
  stretch.text = `${stretch.head}${number(propensity)},"confidence":${number(confidence)},"reason":"${reason}","tier":"${tier}","versions":${versions},"trail":${stretch.said},"atMs":`;
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
