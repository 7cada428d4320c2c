import { type DecideInput, type Decision, GanglionError, type GanglionNode } from '@ganglion/core';
import { forbidden, inspect, isForbiddenKey } from './body.ts';
import type { DecisionWriter } from './decision-json.ts';
import type { HttpLimits } from './limits.ts';
import { HttpProblem } from './problem.ts';

/** What a decide call needs, wherever it comes from: Fastify's route and the fast path share it. */
export interface DecideCall {
  readonly node: GanglionNode;
  readonly point: string;
  /** As parsed, not yet looked at. */
  readonly body: unknown;
  readonly limits: HttpLimits;
  readonly writer: DecisionWriter;
  /** Hears every decision made: the metrics count them. */
  readonly made: (decision: Decision) => void;
}

const MAX_DEADLINE_MS = 60_000;
/** Longest unit or episode, characters: an id of anything sensible, and a bound on what assignment hashes. */
const MAX_UNIT = 1024;

/**
 * The answer's body: a decision, or a list of them where a list was asked for. Synchronous unless a deadline was given.
 * A list is refused whole before anything is decided.
 * @throws GanglionError `invalid_input`, `unknown_point`
 */
export function decideBody(call: DecideCall): string | Buffer | Promise<string | Buffer> {
  const { node, point, body, limits, writer, made } = call;
  if (!Array.isArray(body)) {
    const deadlineMs = checkInput(body, '', limits.depth);
    if (deadlineMs !== undefined) return decideLate(call, [body as DecideInput], [deadlineMs], false);
    const decision = node.decide(point, body as DecideInput);
    made(decision);
    return writer.one(decision);
  }
  if (body.length > limits.items) tooMany(body.length, limits.items);
  let late: (number | undefined)[] | undefined;
  for (let i = 0; i < body.length; i++) {
    const deadlineMs = checkInput(body[i], i, limits.depth);
    if (deadlineMs !== undefined) {
      late ??= [];
      late[i] = deadlineMs;
    }
  }
  if (late !== undefined) return decideLate(call, body, late, true);
  if (body.length === 0) checkPoint(node, point);
  return writer.many(body.length, (i) => {
    const decision = node.decide(point, body[i] as DecideInput);
    made(decision);
    return decision;
  });
}

/** Those with a deadline await their parent side by side; the others are decided at once. */
async function decideLate(
  call: DecideCall,
  inputs: readonly DecideInput[],
  late: readonly (number | undefined)[],
  asList: boolean,
): Promise<string | Buffer> {
  const { node, point, writer, made } = call;
  const decisions = await Promise.all(
    inputs.map((input, i) => {
      const deadlineMs = late[i];
      return deadlineMs === undefined
        ? node.decide(point, input)
        : node.decideAsync(point, input, { deadlineMs });
    }),
  );
  for (const decision of decisions) made(decision);
  return asList ? writer.many(decisions.length, (i) => decisions[i]) : writer.one(decisions[0]);
}

function checkPoint(node: GanglionNode, point: string): void {
  if (node.point(point) === undefined)
    throw new GanglionError('unknown_point', 'There is no such point', { field: 'point', value: point });
}

export function tooMany(length: number, most: number): never {
  throw new HttpProblem('too_large', `The list has ${length} items, more than ${most}`, {
    field: 'body',
    value: length,
    mend: `Send at most ${most} at once.`,
  });
}

/**
 * Whether this is `{context?, unit?, episode?, taken?, deadlineMs?}`; answers the deadline. The context's fields are the business of the
 * point's compiled schema; here it is only made sure that nothing in it is absurd.
 * @param at - '' for the body itself, or the position in the list
 */
function checkInput(input: unknown, at: '' | number, depth: number): number | undefined {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    refuse(
      at,
      '',
      input,
      'must be an object',
      'Send {"context": {…}, "unit": "…"}; all of it may be left out.',
    );
  let deadlineMs: number | undefined;
  for (const key in input) {
    const value = (input as Record<string, unknown>)[key];
    if (key === 'context') checkContext(value, at, depth);
    else if (key === 'unit' || key === 'episode') checkName(value, key, at);
    else if (key === 'taken') checkTaken(value, at);
    else if (key === 'deadlineMs') deadlineMs = checkDeadline(value, at);
    else if (isForbiddenKey(key)) forbidden(path(at, ''), key);
    else refuse(at, key, value, 'is not known here', 'Use context, unit, episode, taken or deadlineMs.');
  }
  return deadlineMs;
}

function checkContext(context: unknown, at: '' | number, depth: number): void {
  if (context === undefined) return;
  if (typeof context !== 'object' || context === null || Array.isArray(context))
    refuse(at, 'context', context, 'must be an object', 'Send the features by name: {"region": "eu"}.');
  for (const key in context) {
    if (isForbiddenKey(key)) forbidden(path(at, 'context'), key);
    const value = (context as Record<string, unknown>)[key];
    // Numbers and text are the rule, and need no walk; NaN and Infinity are the only numbers that differ from themselves less themselves.
    if (typeof value === 'object' ? value !== null : typeof value === 'number' && value - value !== 0)
      inspect(value, depth - 2, `${path(at, 'context')}.${key}`);
  }
}

/** What another system took. An arm that the point does not have is for the decision to say, as `blocked`. */
function checkTaken(taken: unknown, at: '' | number): void {
  if (taken === undefined) return;
  if (typeof taken !== 'object' || taken === null || Array.isArray(taken))
    refuse(
      at,
      'taken',
      taken,
      'must be an object',
      'Send {"arm": "…", "propensity": 0.5}; the latter where it is known.',
    );
  for (const key in taken) {
    const value = (taken as Record<string, unknown>)[key];
    if (key === 'arm' && typeof value === 'string') continue;
    if (key === 'propensity' && typeof value === 'number' && value > 0 && value <= 1) continue;
    if (isForbiddenKey(key)) forbidden(path(at, 'taken'), key);
    refuse(at, `taken.${key}`, value, 'is not what was taken', 'Send the arm, and a propensity in (0, 1].');
  }
  if (!('arm' in taken)) refuse(at, 'taken.arm', undefined, 'is required', 'Send the arm that was taken.');
}

function checkName(name: unknown, key: 'unit' | 'episode', at: '' | number): void {
  if (name === undefined) return;
  if (typeof name !== 'string')
    refuse(at, key, name, 'must be text', 'Send the id of the user, device, request or episode as text.');
  if (name.length > MAX_UNIT)
    refuse(at, key, name, `is longer than ${MAX_UNIT} characters`, 'Send an id, or its hash.');
}

function checkDeadline(value: unknown, at: '' | number): number {
  if (typeof value !== 'number' || !(value >= 1 && value <= MAX_DEADLINE_MS))
    refuse(
      at,
      'deadlineMs',
      value,
      `must be a number from 1 to ${MAX_DEADLINE_MS}`,
      'Send milliseconds, or leave it out to be answered at once.',
    );
  return value;
}

function path(at: '' | number, field: string): string {
  if (at === '') return field;
  return field === '' ? `[${at}]` : `[${at}].${field}`;
}

function refuse(at: '' | number, key: string, value: unknown, message: string, mend: string): never {
  const field = path(at, key) || 'body';
  throw new GanglionError('invalid_input', `${field} ${message}`, { field, value, mend });
}
