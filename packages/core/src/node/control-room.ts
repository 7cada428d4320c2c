import type { ControlState } from '../controls/control-state.ts';
import { GanglionError } from '../errors.ts';
import { jsonBytes } from './json-bytes.ts';
import type { NodeState } from './state.ts';

/**
 * Of the longest message that a link takes, what all controls together may come to: they are sent whole, and a child that
 * cannot be sent them hears of no kill any more. Kills and what else stops or calms a learner find room where declarations
 * find none; the words of children have what is left, but for an eighth, in which the rest of a message finds its place.
 */
const SHARES = { declarations: 12 / 16, stops: 13 / 16, children: 14 / 16 } as const;

/**
 * Refuses what would take the controls beyond their room; what makes them smaller never is.
 * @throws GanglionError `overloaded`, naming field and value
 */
export function checkRoom(
  node: NodeState,
  next: ControlState,
  share: 'declarations' | 'stops',
  { field, value }: { readonly field: string; readonly value: unknown },
): void {
  if (fits(node, next, share)) return;
  throw new GanglionError(
    'overloaded',
    `the controls would be of ${mib(controlBytes(node, next))}, and there is room for ${mib(SHARES[share] * node.limits.messageBytes)}: what is larger cannot be sent to children`,
    {
      field,
      value,
      mend: 'Say it with fewer bytes, or make room: delete points, take back overrides, give points fewer arms and shorter descriptions.',
    },
  );
}

/** Whether these controls can be sent, or are at least no larger than those that there are. */
export function fits(node: NodeState, next: ControlState, share: keyof typeof SHARES): boolean {
  const bytes = controlBytes(node, next);
  return bytes <= SHARES[share] * node.limits.messageBytes || bytes <= controlBytes(node, node.controls);
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

/** A name, a number, and what JSON puts between them. */
const PAIR_BYTES = 32;

/** How long controls are as JSON, at most. Each part is measured once: states share what did not change between them. */
export function controlBytes(node: NodeState, state: ControlState): number {
  const { kills, overrides, quarantines, removed, specs, resets, thaws, models } = state;
  let bytes = 256 + sizeOf(node, removed, () => [[...removed.odd], [...removed.ranges]]);
  for (const said of [kills, overrides, quarantines])
    for (const each of said.values()) bytes += sizeOf(node, each);
  for (const named of [specs, models])
    for (const [name, each] of named) bytes += PAIR_BYTES + name.length + sizeOf(node, each);
  for (const counts of [resets, thaws]) for (const name of counts.keys()) bytes += PAIR_BYTES + name.length;
  return bytes;
}

function sizeOf<T extends object>(
  node: NodeState,
  part: T,
  json: (part: T) => unknown = (all) => all,
): number {
  let bytes = node.controlSizes.get(part);
  if (bytes === undefined) {
    bytes = 1 + jsonBytes(json(part)).length;
    node.controlSizes.set(part, bytes);
  }
  return bytes;
}
