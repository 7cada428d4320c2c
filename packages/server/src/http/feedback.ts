import type { FeedbackItem, FeedbackResult, GanglionNode } from '@ganglion/core';
import type { IntakeAnswer, RejectedItem } from '@ganglion/sdk';
import { isForbiddenKey } from './body.ts';
import { tooMany } from './decide.ts';
import type { HttpLimits } from './limits.ts';
import { RejectedList } from './problem.ts';

/** Longest id that a tree issues, and longest truth or metric name taken, characters. */
const MAX_TEXT = 256;
const MAX_METRICS = 256;
const MAX_REVISION = 2 ** 31 - 1;

interface Refusal {
  readonly code: string;
  readonly field: string;
  readonly message: string;
  readonly mend?: string;
}

/**
 * Takes feedback, one item or a list. Resolves once everything counted as accepted is durable. Items are judged one by
 * one: some refused, they are listed in the answer; all refused, it throws with the code of the first.
 * @throws RejectedList; GanglionError `invalid_input` (not a list of objects), `storage_failed`, `overloaded`
 */
export async function takeFeedback(
  node: GanglionNode,
  body: unknown,
  limits: HttpLimits,
): Promise<IntakeAnswer> {
  const items = itemsOf(body, limits);
  const intake = sorted(items, Array.isArray(body), refusalOf);
  const results =
    intake.good.length === 0 ? [] : await node.feedback(intake.good as unknown as FeedbackItem[]);
  return answer(intake, results);
}

/** Exposures, by the same rules: `{id}` or a list of it. */
export async function takeExposures(
  node: GanglionNode,
  body: unknown,
  limits: HttpLimits,
): Promise<IntakeAnswer> {
  const items = itemsOf(body, limits);
  const intake = sorted(items, Array.isArray(body), (item) => keysOf(item, ['id']) ?? idRefusal(item.id));
  const results =
    intake.good.length === 0 ? [] : await node.expose(intake.good.map((item) => item.id as string));
  return answer(intake, results);
}

type Item = Record<string, unknown>;

interface Intake {
  readonly asList: boolean;
  readonly good: Item[];
  /** Position in the body of each good item; undefined where all are good. */
  readonly places: number[] | undefined;
  readonly rejected: (RejectedItem & { readonly mend?: string | undefined })[];
}

function itemsOf(body: unknown, limits: HttpLimits): readonly unknown[] {
  if (!Array.isArray(body)) return [body];
  if (body.length > limits.items) tooMany(body.length, limits.items);
  return body;
}

function sorted(
  items: readonly unknown[],
  asList: boolean,
  judge: (item: Item) => Refusal | undefined,
): Intake {
  const intake: Intake = { asList, good: [], places: asList ? [] : undefined, rejected: [] };
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    const isObject = typeof item === 'object' && item !== null && !Array.isArray(item);
    const refusal = isObject ? judge(item as Item) : NOT_AN_OBJECT;
    if (refusal === undefined) {
      intake.good.push(item as Item);
      intake.places?.push(i);
    } else reject(intake, i, isObject ? (item as Item).id : undefined, refusal);
  }
  return intake;
}

const NOT_AN_OBJECT: Refusal = {
  code: 'invalid_input',
  field: '',
  message: 'must be an object',
  mend: 'Send {"id": "…", "metrics": {…}}.',
};

function reject(intake: Intake, index: number, id: unknown, refusal: Refusal): void {
  const place = intake.asList ? `[${index}]` : '';
  const field =
    refusal.field === '' ? place || 'body' : place === '' ? refusal.field : `${place}.${refusal.field}`;
  intake.rejected.push({
    index,
    id: typeof id === 'string' ? id.slice(0, MAX_TEXT) : '',
    code: refusal.code,
    field,
    message: refusal.message,
    ...(refusal.mend === undefined ? {} : { mend: refusal.mend }),
  });
}

function answer(intake: Intake, results: readonly FeedbackResult[]): IntakeAnswer {
  const counts = { joined: 0, routed: 0, unjoined: 0, duplicate: 0 };
  for (let i = 0; i < results.length; i++) {
    const result = results[i];
    if (result.status === 'rejected') reject(intake, intake.places?.[i] ?? i, result.id, result.problem);
    else counts[result.status]++;
  }
  const { rejected } = intake;
  const { joined, routed, unjoined, duplicate } = counts;
  const taken = joined + routed + unjoined + duplicate;
  rejected.sort((a, b) => a.index - b.index);
  if (taken === 0 && rejected.length > 0) throw new RejectedList(rejected);
  return { accepted: taken, joined, routed, unjoined, duplicates: duplicate, rejected };
}

const KEYS: readonly string[] = ['id', 'metrics', 'reward', 'truth', 'revision'];

/** Why an item of feedback cannot be taken, by its shape alone; undefined where it can. */
function refusalOf(item: Item): Refusal | undefined {
  const wrong =
    keysOf(item, KEYS) ?? idRefusal(item.id) ?? metricsRefusal(item.metrics) ?? truthRefusal(item.truth);
  if (wrong !== undefined) return wrong;
  const { reward, revision } = item;
  if (reward !== undefined && !isFinite64(reward))
    return bad('reward', 'reward must be a finite number', 'Send the value of the objective as a number.');
  if (
    revision !== undefined &&
    !(Number.isInteger(revision) && (revision as number) >= 0 && (revision as number) <= MAX_REVISION)
  )
    return bad(
      'revision',
      'revision must be a whole number, 0 or more',
      'Count corrections of one outcome from 0.',
    );
  if (item.metrics === undefined && reward === undefined && item.truth === undefined)
    return bad('', 'says nothing', 'Send metrics, reward or truth.');
  return undefined;
}

function keysOf(item: Item, known: readonly string[]): Refusal | undefined {
  for (const key in item)
    if (!known.includes(key))
      return bad(key.slice(0, 64), `${key.slice(0, 64)} is not known here`, `Use ${known.join(', ')}.`);
  return undefined;
}

function idRefusal(id: unknown): Refusal | undefined {
  if (typeof id === 'string' && id.length > 0 && id.length <= MAX_TEXT) return undefined;
  return bad('id', 'id must be the text a decision came with', 'Send the id of a decision.');
}

function metricsRefusal(metrics: unknown): Refusal | undefined {
  if (metrics === undefined) return undefined;
  if (typeof metrics !== 'object' || metrics === null || Array.isArray(metrics))
    return bad('metrics', 'metrics must be an object', 'Send numbers by name: {"latencyMs": 12}.');
  let count = 0;
  for (const key in metrics) {
    if (isForbiddenKey(key) || key.length > MAX_TEXT || ++count > MAX_METRICS)
      return bad(
        `metrics.${key.slice(0, 64)}`,
        'this metric is not allowed',
        'Choose another name, and at most 256 of them.',
      );
    if (!isFinite64((metrics as Record<string, unknown>)[key]))
      return bad(
        `metrics.${key}`,
        `metrics.${key} must be a finite number`,
        'Send a number; true and false are 1 and 0.',
      );
  }
  return undefined;
}

function truthRefusal(truth: unknown): Refusal | undefined {
  if (truth === undefined || typeof truth === 'boolean' || isFinite64(truth)) return undefined;
  if (typeof truth === 'string' && truth.length <= MAX_TEXT) return undefined;
  return bad(
    'truth',
    'truth must be text, a finite number, true or false',
    'Send what turned out to be right.',
  );
}

function isFinite64(value: unknown): boolean {
  return typeof value === 'number' && value - value === 0;
}

function bad(field: string, message: string, mend: string): Refusal {
  return { code: 'invalid_input', field, message, mend };
}
