import {
  FEEDBACK_LIMITS,
  type FeedbackItem,
  type FeedbackResult,
  type GanglionNode,
  type Problem,
} from '@ganglion/core';
import type { IntakeAnswer, RejectedItem } from '@ganglion/sdk';
import type { Metrics } from '../metrics.ts';
import { tooMany } from './decide.ts';
import type { HttpLimits } from './limits.ts';
import { mendOf, RejectedList } from './problem.ts';

/**
 * Takes feedback, one item or a list. Resolves once everything counted as accepted is durable. The node judges each item
 * by itself, by its own limits: some refused, they are listed in the answer; all refused, it throws with the code of the
 * first.
 * @throws RejectedList; GanglionError `invalid_input` (too many items), `storage_failed`, `overloaded`
 */
export async function takeFeedback(
  node: GanglionNode,
  body: unknown,
  limits: HttpLimits,
): Promise<IntakeAnswer> {
  const results = await node.feedback(itemsOf(body, limits) as readonly FeedbackItem[]);
  return answer(results, Array.isArray(body));
}

/** Exposures, by the same rules: `{id}` or a list of it. */
export async function takeExposures(
  node: GanglionNode,
  body: unknown,
  limits: HttpLimits,
): Promise<IntakeAnswer> {
  const items = itemsOf(body, limits);
  const results: (FeedbackResult | undefined)[] = items.map(refusedExposure);
  const good = [...items.keys()].filter((i) => results[i] === undefined);
  if (good.length > 0) {
    const taken = await node.expose(good.map((i) => (items[i] as { id: string }).id));
    for (const [nth, i] of good.entries()) results[i] = taken[nth];
  }
  return answer(results as readonly FeedbackResult[], Array.isArray(body));
}

/** What is taken, or refused item by item, is counted once it is known. A failure that judged no item is none of the items'. */
export async function counted(intake: Promise<IntakeAnswer>, metrics: Metrics): Promise<IntakeAnswer> {
  try {
    const taken = await intake;
    metrics.fed(taken);
    return taken;
  } catch (error) {
    if (error instanceof RejectedList) metrics.fed(error);
    throw error;
  }
}

function itemsOf(body: unknown, limits: HttpLimits): readonly unknown[] {
  if (!Array.isArray(body)) return [body];
  if (body.length > limits.items) tooMany(body.length, limits.items);
  return body;
}

/** Why an exposure cannot be taken, by its shape alone; undefined where it can. */
function refusedExposure(item: unknown): FeedbackResult | undefined {
  const refused = (id: unknown, field: string, message: string, mend: string): FeedbackResult => ({
    id: typeof id === 'string' ? id.slice(0, FEEDBACK_LIMITS.idLength) : '',
    status: 'rejected',
    problem: { code: 'invalid_input', field, message, mend },
  });
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    return refused('', '', 'an exposure must be an object', 'Send {"id": "…"}.');
  const { id } = item as { readonly id?: unknown };
  for (const key in item)
    if (key !== 'id')
      return refused(id, key.slice(0, 64), `${key.slice(0, 64)} is not known here`, 'Send the id alone.');
  if (typeof id === 'string' && id.length > 0 && id.length <= FEEDBACK_LIMITS.idLength) return undefined;
  return refused(id, 'id', 'id must be the text a decision came with', 'Send the id of a decision.');
}

function answer(results: readonly FeedbackResult[], asList: boolean): IntakeAnswer {
  const counts = { joined: 0, routed: 0, unjoined: 0, duplicate: 0 };
  const rejected: RejectedItem[] = [];
  for (let i = 0; i < results.length; i++) {
    const result = results[i];
    if (result.status === 'rejected') rejected.push(rejection(i, result.id, result.problem, asList));
    else counts[result.status]++;
  }
  const { joined, routed, unjoined, duplicate } = counts;
  const accepted = joined + routed + unjoined + duplicate;
  if (accepted === 0 && rejected.length > 0) throw new RejectedList(rejected);
  return { accepted, joined, routed, unjoined, duplicates: duplicate, rejected };
}

/** A refused item as the answer lists it. */
export function rejection(index: number, id: string, problem: Problem, asList: boolean): RejectedItem {
  const place = asList ? `[${index}]` : '';
  const { code, field, message, mend = mendOf(code) } = problem;
  return {
    index,
    id,
    code,
    field: field === '' ? place || 'body' : place === '' ? field : `${place}.${field}`,
    message,
    ...(mend === undefined ? {} : { mend }),
  };
}
