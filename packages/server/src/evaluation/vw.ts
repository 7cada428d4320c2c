import { closeSync, createReadStream, existsSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Column } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';
import { type DecisionLog, isReward, MAX_ARMS, rangeSeen } from './decision-log.ts';

/**
 * Vowpal Wabbit's text: `--cb` (`action:cost:probability | features`, a line a decision, perhaps with the numbers of the other
 * actions that there were) and `--cb_adf` (a block of lines a decision, apart by an empty line: perhaps `shared | features`,
 * then a line an action, the chosen one with its label). Reward is −cost. Arms are the actions' numbers, from 1; in blocks,
 * their places. Features shared by all actions become the context; those of single actions are left out, and so are blocks
 * and lines without a label. Which of both a file is, its first 64 KiB show.
 *
 * @throws GanglionError `invalid_input` naming the line
 */
export async function readVw(file: string, onRows?: (rows: number) => void): Promise<DecisionLog> {
  if (!existsSync(file))
    throw new GanglionError('invalid_input', `${file} is not there`, {
      field: 'path',
      value: file,
      mend: 'Give the path of a file in VW’s text format.',
    });
  const taken = nothingTaken();
  const layout = layoutOf(file);
  const lines = createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let block: Block | undefined;
  let at = 0;
  let apart = true;
  const flush = (): void => {
    if (block !== undefined) takeBlock(taken, block);
    block = undefined;
  };
  for await (const line of lines) {
    at++;
    if (at % 10_000 === 0) onRows?.(taken.rows.length);
    if (line.trim() === '') {
      flush();
      apart = true;
      continue;
    }
    const parsed = parseLine(line, at);
    if (layout === 'apart' && !apart)
      throw badLine(
        at,
        'this line and the one before are a block, and all before are lines by themselves',
        'Leave out the empty lines of a --cb file; begin blocks of one action with a shared line.',
      );
    apart = false;
    if (layout !== 'blocks') takeLine(taken, parsed, at);
    else block = addTo(block ?? { shared: {}, actions: 0, chosen: undefined }, parsed, at);
  }
  flush();
  return logOf(taken, path.basename(file));
}

/**
 * Blocks show themselves early: by a shared line, action 0, or an empty line before or after several. With an empty line after
 * each, lines are no blocks: of one action there is nothing to choose.
 */
function layoutOf(file: string): 'lines' | 'apart' | 'blocks' {
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(1 << 16);
    const head = bytes.toString('utf8', 0, readSync(handle, bytes, 0, bytes.length, 0));
    if (/^(shared\b|0:)/m.test(head)) return 'blocks';
    const groups = head.trim().split(/\r?\n(?:[^\S\n]*\n)+/);
    if (groups.length === 1) return 'lines';
    return groups.some((group) => group.includes('\n')) ? 'blocks' : 'apart';
  } finally {
    closeSync(handle);
  }
}

interface Parsed {
  readonly shared: boolean;
  /** Undefined: no label. 0: a block's own way to say "this one". */
  readonly action: number | undefined;
  readonly cost: number;
  readonly probability: number;
  /** Actions that were there, this one among them; fewer than two: the line does not say. */
  readonly listed: readonly number[];
  readonly features: Readonly<Record<string, number>>;
}

interface Block {
  readonly shared: Readonly<Record<string, number>>;
  readonly actions: number;
  readonly chosen: { readonly place: number; readonly label: Parsed } | undefined;
}

function addTo(block: Block, line: Parsed, at: number): Block {
  if (line.shared) return { ...block, shared: line.features };
  const place = block.actions + 1;
  if (place > MAX_ARMS) throw badLine(at, `a block of ${place} actions`, `There are at most ${MAX_ARMS}.`);
  if (line.action !== undefined && block.chosen !== undefined)
    throw badLine(at, 'a second action has a label', 'One action of a block was executed.');
  return {
    ...block,
    actions: place,
    chosen: line.action === undefined ? block.chosen : { place, label: line },
  };
}

function parseLine(line: string, at: number): Parsed {
  const bar = line.indexOf('|');
  if (bar < 0) throw badLine(at, 'there is no |', 'Write label | features.');
  const features = parseFeatures(line.slice(bar), at);
  const words = labelWords(line.slice(0, bar));
  const none = { action: undefined, cost: 0, probability: 0, listed: [], features };
  if (words[0] === 'shared') return { ...none, shared: true };
  let parsed: Parsed = { ...none, shared: false };
  const listed = words.map((word) => {
    const [action, cost, probability] = parseLabel(word, at);
    if (cost === undefined) return action;
    if (parsed.action !== undefined)
      throw badLine(at, 'a second action has a cost', 'One action of a line was executed.');
    parsed = { ...parsed, action, cost, probability };
    return action;
  });
  return { ...parsed, listed: [...new Set(listed)] };
}

/** What stands before the bar, without a tag: that touches the bar, or begins with an apostrophe. */
function labelWords(text: string): string[] {
  const words = text.trim().split(/\s+/).filter(Boolean);
  const touching = words.length > 0 && !/\s$/.test(text) && !/^\d/.test(words[words.length - 1]);
  if (touching && words[words.length - 1] !== 'shared') words.pop();
  return words.filter((word) => !word.startsWith("'"));
}

/** `action`, or `action:cost:probability`. */
function parseLabel(word: string, at: number): [number, number, number] | [number, undefined, undefined] {
  const parts = word.split(':').map(Number);
  const [action, cost, probability] = parts;
  const whole = parts.length === 1 || (parts.length === 3 && isReward(cost));
  if (!whole || !/^\d+$/.test(word.split(':')[0]))
    throw badLine(
      at,
      `${JSON.stringify(word)} is no label`,
      'Write action:cost:probability, and other actions by their numbers alone.',
    );
  if (parts.length === 1) return [action, undefined, undefined];
  if (!(probability > 0 && probability <= 1))
    throw badLine(
      at,
      `a probability of ${parts[2]}`,
      'What was executed had a probability above 0 and at most 1.',
    );
  return [action, cost, probability];
}

/** `|namespace:weight name:value name …`: a feature without a value is 1; its namespace is part of its name. */
function parseFeatures(text: string, at: number): Record<string, number> {
  const out: Record<string, number> = Object.create(null);
  for (const space of text.split('|').slice(1)) {
    const words = space.trim().split(/\s+/).filter(Boolean);
    const named = !/^\s/.test(space);
    const [namespace, weight] = named ? split(words.shift() ?? '') : ['', 1];
    for (const word of words) {
      const [name, value] = split(word);
      if (!Number.isFinite(value * weight))
        throw badLine(at, `${JSON.stringify(word)} is no feature`, 'Write name or name:number.');
      out[namespace === '' ? name : `${namespace}.${name}`] = value * weight;
    }
  }
  return out;
}

function split(word: string): [string, number] {
  const colon = word.lastIndexOf(':');
  return colon < 0 ? [word, 1] : [word.slice(0, colon), Number(word.slice(colon + 1))];
}

function badLine(line: number, what: string, mend: string): GanglionError {
  return new GanglionError('invalid_input', `line ${line}: ${what}`, { field: `line ${line}`, mend });
}

/** Most features that become fields of the context; the rest is left out, and counted. */
const MAX_FIELDS = 256;

/** What has been read so far. */
interface Taken {
  readonly rows: { action: number; cost: number; probability: number; arms: Int32Array | number }[];
  /** The sets of arms that lines listed, each once. */
  readonly sets: Map<string, Int32Array>;
  /** The highest action. */
  most: number;
  /** Features that became fields: a column each, with room for `capacity` rows. */
  readonly fields: Map<string, Float64Array<ArrayBuffer>>;
  capacity: number;
  /** What was left out, by why. */
  readonly skipped: Record<string, number>;
}

const nothingTaken = (): Taken => ({
  rows: [],
  sets: new Map(),
  most: 0,
  fields: new Map(),
  capacity: 1024,
  skipped: {},
});

function takeLine(taken: Taken, parsed: Parsed, at: number): void {
  if (parsed.action === undefined) return skip(taken, 'no label');
  for (const action of parsed.listed) {
    if (action < 1 || action > MAX_ARMS)
      throw badLine(at, `action ${action}`, `Actions are numbered from 1 to ${MAX_ARMS}.`);
    taken.most = Math.max(taken.most, action);
  }
  takeRow(taken, parsed, parsed.action, listedArms(taken.sets, parsed.listed), parsed.features);
}

function takeBlock(taken: Taken, { shared, actions, chosen }: Block): void {
  if (chosen === undefined) return skip(taken, 'no label');
  taken.most = Math.max(taken.most, actions);
  takeRow(taken, chosen.label, chosen.place, actions, shared);
}

function takeRow(
  taken: Taken,
  { cost, probability }: Parsed,
  action: number,
  arms: Int32Array | number,
  features: Readonly<Record<string, number>>,
): void {
  const { rows, fields } = taken;
  const row = rows.length;
  rows.push({ action, cost, probability, arms });
  if (row === taken.capacity) {
    taken.capacity *= 2;
    for (const [name, column] of fields) fields.set(name, grown(column, taken.capacity));
  }
  for (const name of Object.keys(features)) {
    let column = fields.get(name);
    if (column === undefined) {
      if (fields.size === MAX_FIELDS) {
        skip(taken, `features beyond ${MAX_FIELDS}`);
        continue;
      }
      // A feature that a line does not name is 0: VW's vectors are sparse.
      fields.set(name, (column = new Float64Array(taken.capacity)));
    }
    column[row] = features[name];
  }
}

function skip({ skipped }: Taken, why: string): void {
  skipped[why] = (skipped[why] ?? 0) + 1;
}

function logOf({ rows, most, fields, skipped }: Taken, name: string): DecisionLog {
  const all = Int32Array.from({ length: most }, (_, k) => k);
  // A number is that of the first ones; 0 and all of them are no limit.
  const available = rows.map(({ arms }) =>
    typeof arms !== 'number' ? arms : arms === 0 || arms === most ? undefined : all.subarray(0, arms),
  );
  const reward = Float64Array.from(rows, ({ cost }) => -cost || 0);
  const context = [...fields].map(([field, column]): [string, Column] => [
    field,
    column.slice(0, rows.length),
  ]);
  return {
    name,
    rows: rows.length,
    arms: Array.from({ length: most }, (_, k) => String(k + 1)),
    arm: Int32Array.from(rows, ({ action }) => action - 1),
    propensity: Float64Array.from(rows, ({ probability }) => probability),
    reward,
    range: rangeSeen(reward),
    rangeSeen: true,
    atMs: undefined,
    context: new Map(context),
    available: available.some((arms) => arms !== undefined) ? available : undefined,
    skipped,
  };
}

/** Actions that a line lists, as arms; 0 where it names the chosen one alone. The same set is one object. */
function listedArms(sets: Map<string, Int32Array>, listed: readonly number[]): Int32Array | 0 {
  if (listed.length < 2) return 0;
  const sorted = listed.map((action) => action - 1).sort((a, b) => a - b);
  const key = sorted.join();
  const known = sets.get(key) ?? Int32Array.from(sorted);
  sets.set(key, known);
  return known;
}

function grown(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(capacity);
  out.set(column);
  return out;
}
