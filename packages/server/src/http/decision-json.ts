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
  /** Takes back what `many` gave, once it has been sent: another list will be written there. Nobody need call it. */
  reuse(list: Buffer): void;
}

const KEPT = 4096;
/** A decision of a few guards, and room to spare: a first size, not a bound. */
const DECISION_BYTES = 384;
/** Opens a list and every further decision of it. */
const OPEN = '{"id":"';
const BETWEEN = `,${OPEN}`;

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
  /** The same behind the closing quote of the id, in UTF-8; made when a list has it for the second time. */
  bytes: Buffer | undefined;
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

  const stretchOf = (d: Decision): Stretch => {
    const { point, stratum } = d;
    if (point !== stretches.point || stratum !== stretches.stratum) turnTo(stretches, point, stratum);
    return stretches.arms.get(d.arm)?.get(d.proposed) ?? newStretch(stretches, d);
  };

  const one = (d: Decision): string => {
    const stretch = stretchOf(d);
    if (!isAsBefore(stretch, d)) rewrite(stretch, d);
    return `{"id":${quote(d.id)}${stretch.text}${when(d.atMs)}`;
  };

  const spares = spareMemory();
  let thenMs = Number.NaN;
  let then: Buffer = Buffer.alloc(0);

  const many = (count: number, decision: (index: number) => Decision): Buffer => {
    if (count === 0) return Buffer.from('[]');
    const list: Written = { buffer: spares.take(count * DECISION_BYTES), at: 0 };
    write(list, `[${OPEN}`);
    for (let i = 0; i < count; i++) {
      const d = decision(i);
      writeId(list, d.id);
      const stretch = stretchOf(d);
      if (isAsBefore(stretch, d)) {
        stretch.bytes ??= Buffer.from(`"${stretch.text}`);
        put(list, stretch.bytes);
      } else {
        rewrite(stretch, d);
        write(list, `"${stretch.text}`);
      }
      if (d.atMs !== thenMs) {
        thenMs = d.atMs;
        then = Buffer.from(`${number(thenMs)}}${BETWEEN}`);
      }
      put(list, then);
    }
    // What would have opened the next one makes room for the bracket.
    list.at -= BETWEEN.length;
    write(list, ']');
    return spares.lend(list.buffer.subarray(0, list.at));
  };

  return { one, many, reuse: spares.giveBack };
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
    bytes: undefined,
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
  if (a === b) return true;
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
  stretch.bytes = undefined;
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

/** Most lists whose memory waits for another, and the largest of them, bytes: this much stays when nobody asks any more. */
const SPARES = 4;
const SPARE_BYTES = 1 << 20;

/** Memory for lists, used again once they are sent: fresh pages cost many times what it costs to write on them. */
interface Spares {
  take(bytes: number): Buffer;
  lend(list: Buffer): Buffer;
  /** Only what was lent, and once: whatever else comes is left alone. */
  giveBack(list: Buffer): void;
}

function spareMemory(): Spares {
  const spares: Buffer[] = [];
  const lent = new WeakSet<ArrayBufferLike>();
  return {
    take(bytes) {
      const spare = spares.pop();
      return spare !== undefined && spare.length >= bytes ? spare : ownBuffer(bytes);
    },
    lend(list) {
      lent.add(list.buffer);
      return list;
    },
    giveBack({ buffer }) {
      if (lent.delete(buffer) && spares.length < SPARES && buffer.byteLength <= SPARE_BYTES)
        spares.push(Buffer.from(buffer));
    },
  };
}

/** Not of the pool that small buffers share: what is written there later must be nobody else's. */
const ownBuffer = (bytes: number): Buffer => Buffer.allocUnsafeSlow(bytes);

/** A buffer, and how much of it is written. */
interface Written {
  buffer: Buffer;
  at: number;
}

function reserve(list: Written, more: number): void {
  if (list.buffer.length - list.at >= more) return;
  const larger = ownBuffer(Math.max(list.buffer.length * 2, list.at + more));
  list.buffer.copy(larger, 0, 0, list.at);
  list.buffer = larger;
}

function put(list: Written, bytes: Buffer): void {
  reserve(list, bytes.length);
  list.buffer.set(bytes, list.at);
  list.at += bytes.length;
}

function write(list: Written, text: string): void {
  // A UTF-16 unit is at most three bytes of UTF-8.
  reserve(list, text.length * 3);
  list.at += list.buffer.write(text, list.at, 'utf8');
}

/** What stands between the quotes. Ids are short and never seen twice: byte by byte, without a string made for it. */
function writeId(list: Written, id: string): void {
  reserve(list, id.length);
  const { buffer, at } = list;
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i);
    if (!isPlain(code)) {
      write(list, JSON.stringify(id).slice(1, -1));
      return;
    }
    buffer[at + i] = code;
  }
  list.at = at + id.length;
}

/** Whether JSON and UTF-8 write it as it is. */
const isPlain = (code: number): boolean => code >= 0x20 && code <= 0x7e && code !== 0x22 && code !== 0x5c;

/** Ids are short and never seen twice: not worth keeping. */
function quote(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (!isPlain(text.charCodeAt(i))) return JSON.stringify(text);
  }
  return `"${text}"`;
}

/** JSON has neither NaN nor Infinity. */
function number(value: number | null): string {
  return value === null || value - value !== 0 ? 'null' : `${value}`;
}
