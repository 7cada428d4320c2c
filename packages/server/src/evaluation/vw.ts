import { closeSync, createReadStream, existsSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Column } from '@ganglion/adapters/parquet';
import { GanglionError } from '@ganglion/core';
import { type DecisionLog, isReward, rangeSeen } from './decision-log.ts';

/**
 * Vowpal Wabbit's text: `--cb` (`action:cost:probability | features`, a line a decision) and `--cb_adf` (a block of lines
 * a decision, apart by an empty line: perhaps `shared | features`, then a line an action, the chosen one with its label).
 * Reward is −cost. Arms are the actions' numbers, from 1; in blocks, their places. Features shared by all actions become
 * the context; those of single actions are left out, and so are blocks and lines without a label. Which of both a file is,
 * its first 64 KiB show.
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
  const rows = collector();
  const inBlocks = hasBlocks(file);
  const lines = createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let block: Block | undefined;
  let at = 0;
  const flush = (): void => {
    if (block !== undefined) rows.block(block);
    block = undefined;
  };
  for await (const line of lines) {
    at++;
    if (at % 10_000 === 0) onRows?.(rows.count);
    if (line.trim() === '') {
      flush();
      continue;
    }
    const parsed = parseLine(line, at);
    if (!inBlocks) rows.line(parsed, at);
    else block = addTo(block ?? { shared: {}, actions: 0, chosen: undefined }, parsed, at);
  }
  flush();
  return rows.log(path.basename(file));
}

/** Blocks show themselves early: by a shared line, action 0, or an empty line between others. */
function hasBlocks(file: string): boolean {
  const handle = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(1 << 16);
    const head = bytes.toString('utf8', 0, readSync(handle, bytes, 0, bytes.length, 0));
    return /^(shared\b|0:)|\n\s*\n\s*\S/m.test(head);
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
  const label = line.slice(0, bar).trim().split(/\s+/)[0];
  const features = parseFeatures(line.slice(bar), at);
  if (label === 'shared') return { shared: true, action: undefined, cost: 0, probability: 0, features };
  if (label === '' || !label.includes(':'))
    return { shared: false, action: undefined, cost: 0, probability: 0, features };
  const parts = label.split(':').map(Number);
  const [action, cost, probability] = parts;
  if (parts.length !== 3 || !Number.isInteger(action) || action < 0 || !isReward(cost))
    throw badLine(at, `${JSON.stringify(label)} is no label`, 'Write action:cost:probability.');
  if (!(probability > 0 && probability <= 1))
    throw badLine(
      at,
      `a probability of ${parts[2]}`,
      'What was executed had a probability above 0 and at most 1.',
    );
  return { shared: false, action, cost, probability, features };
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

function collector() {
  const rows: { action: number; cost: number; probability: number; actions: number }[] = [];
  const fields = new Map<string, Float64Array>();
  const skipped: Record<string, number> = {};
  const skip = (why: string): void => {
    skipped[why] = (skipped[why] ?? 0) + 1;
  };
  let capacity = 1024;
  const add = (
    label: Parsed,
    action: number,
    actions: number,
    features: Readonly<Record<string, number>>,
  ): void => {
    const row = rows.length;
    rows.push({ action, cost: label.cost, probability: label.probability, actions });
    if (row === capacity) {
      capacity *= 2;
      for (const [name, column] of fields) fields.set(name, grown(column, capacity));
    }
    for (const name of Object.keys(features)) {
      let column = fields.get(name);
      if (column === undefined) {
        if (fields.size === MAX_FIELDS) {
          skip(`features beyond ${MAX_FIELDS}`);
          continue;
        }
        // A feature that a line does not name is 0: VW's vectors are sparse.
        fields.set(name, (column = new Float64Array(capacity)));
      }
      column[row] = features[name];
    }
  };
  return {
    get count() {
      return rows.length;
    },
    line(parsed: Parsed, at: number) {
      if (parsed.action === undefined) return skip('no label');
      if (parsed.action === 0) throw badLine(at, 'action 0', 'Actions are numbered from 1.');
      add(parsed, parsed.action, 0, parsed.features);
    },
    block({ shared, actions, chosen }: Block) {
      if (chosen === undefined) return skip('no label');
      add(chosen.label, chosen.place, actions, shared);
    },
    log(name: string): DecisionLog {
      const most = rows.reduce((max, { action, actions }) => Math.max(max, action, actions), 0);
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
        available: rows.some(({ actions }) => actions > 0 && actions < most)
          ? Int32Array.from(rows, ({ actions }) => actions || most)
          : undefined,
        skipped,
      };
    },
  };
}

function grown(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(capacity);
  out.set(column);
  return out;
}
