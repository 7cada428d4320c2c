import type { ControlState, Kill, Override, Quarantine } from '../controls/control-state.ts';
import { type Removed, sayerOf } from '../controls/removed.ts';
import { NAME_PATTERN } from '../limits.ts';
import { record } from './audit.ts';
import { type NodeState, refuse } from './state.ts';

/** Entries an hour about what one neighbour says: no child fills the audit and the disk of those above it. */
const HEARD_MAX = 100;
const HEARD_FOR_MS = 3_600_000;

/** How many entries about each neighbour's words were made within the hour that began at `sinceMs`, monotonic. */
export interface HeardLately {
  sinceMs: number;
  readonly counts: Map<string, number>;
}

type Word = Kill | Override | Quarantine;

/** What is said under tags, by kind, and how the audit calls it and its taking back. */
const KINDS: readonly {
  readonly of: (controls: ControlState) => ReadonlyMap<string, Word>;
  readonly said: string;
  readonly takenBack: string;
}[] = [
  { of: ({ kills }) => kills, said: 'kill', takenBack: 'revive' },
  { of: ({ overrides }) => overrides, said: 'override', takenBack: 'override.remove' },
  { of: ({ quarantines }) => quarantines, said: 'quarantine', takenBack: 'quarantine.lift' },
];

const targetOf = (word: Word): string =>
  'scope' in word ? word.scope : 'point' in word ? word.point : word.node;

/**
 * Puts into the audit what a child has said or taken back that was not known here before. It is written in one batch with
 * the controls, and the controls know it from then on: it is said once. Before `node.controls` become `after`.
 */
export function recordFromBelow(node: NodeState, child: string, after: ControlState): void {
  const before = node.controls;
  for (const { of, said } of KINDS) {
    const mine = of(before);
    if (of(after) === mine) continue;
    for (const [tag, word] of of(after))
      if (!mine.has(tag))
        tell(node, child, nameIn(tag) ?? child, isTime(word.atMs) ? word.atMs : null, {
          by: word.by,
          action: said,
          target: targetOf(word),
          reason: 'arm' in word ? `${word.arm}: ${word.reason}` : word.reason,
        });
  }
  recordRestored(node, child, after);
  const where = `at ${child} or below`;
  const known = recordTakenBack(node, child, after, where, () => true);
  if (after.removed === before.removed) return;
  const unheard = countOf(after.removed) - countOf(before.removed) - known;
  if (unheard > 0)
    tell(node, child, child, null, {
      by: UNKNOWN,
      action: 'controls.unheard',
      target: child,
      reason: `${unheard} said and taken back ${where} before this node heard of them: who and why is in the audit there`,
    });
}

/** Names of points that an entry lists; of more their number is told. */
const NAMED_MAX = 10;

/** Declarations come up only to a node that had forgotten them, or to a root that knows nothing (ADR 10): one entry for all. */
function recordRestored(node: NodeState, child: string, after: ControlState): void {
  if (after.specs === node.controls.specs) return;
  const taken: string[] = [];
  let count = 0;
  for (const [point, { version, spec }] of after.specs) {
    if (version === node.controls.specs.get(point)?.version) continue;
    if (++count <= NAMED_MAX) taken.push(`${point} ${spec === null ? 'deleted' : `version ${version}`}`);
  }
  if (count === 0) return;
  const more = count > NAMED_MAX ? ` and ${count - NAMED_MAX} more` : '';
  tell(node, child, child, null, {
    by: UNKNOWN,
    action: 'points.restored',
    target: child,
    reason: `handed up, for they were not known here any more: ${taken.join(', ')}${more}`,
  });
}

/** Puts into the audit what those above have taken back of what was said here or below. Before it is in force, too. */
export function recordFromAbove(node: NodeState, parent: string, after: ControlState): void {
  const concerns = (sayer: string): boolean =>
    sayer === node.name || node.routes.has(sayer) || node.knownChildren.has(sayer);
  recordTakenBack(node, parent, after, `at ${parent} or above`, concerns);
}

/** Returns how many of those that stood here were taken back. */
function recordTakenBack(
  node: NodeState,
  neighbour: string,
  after: ControlState,
  where: string,
  concerns: (sayer: string) => boolean,
): number {
  let count = 0;
  for (const { of, takenBack } of KINDS) {
    const theirs = of(after);
    if (of(node.controls) === theirs) continue;
    for (const [tag, word] of of(node.controls)) {
      if (theirs.has(tag)) continue;
      count++;
      if (concerns(sayerOf(tag)))
        tell(node, neighbour, neighbour, null, {
          by: UNKNOWN,
          action: takenBack,
          target: targetOf(word),
          reason: `taken back ${where}: who and why is in the audit there`,
        });
    }
  }
  return count;
}

/** Only tags go round of what is taken back: who did is known where it was done. */
const UNKNOWN = 'unknown';

interface Told {
  readonly by: string;
  readonly action: string;
  readonly target: string;
  readonly reason: string;
}

function tell(
  node: NodeState,
  neighbour: string,
  from: string,
  saidMs: number | null,
  { by, action, target, reason }: Told,
): void {
  const { heardLately, moment } = node;
  if (moment.monoMs - heardLately.sinceMs >= HEARD_FOR_MS) {
    heardLately.sinceMs = moment.monoMs;
    heardLately.counts.clear();
  }
  const count = heardLately.counts.get(neighbour) ?? 0;
  if (count >= HEARD_MAX) {
    refuse(node, 'audit_of_others_full');
    return;
  }
  heardLately.counts.set(neighbour, count + 1);
  record(node, { name: by }, action, target, reason, { from, saidMs });
}

/** Who said it. A root that knows nothing takes any tags that its children have, and people read this in a terminal. */
const nameIn = (tag: string): string | undefined =>
  NAME_PATTERN.test(sayerOf(tag)) ? sayerOf(tag) : undefined;

/** Whether it is a time at all, as ECMAScript has them: what a child says is any number. */
const isTime = (ms: number): boolean => Math.abs(ms) <= 8.64e15;

/** How many tags are taken back. */
function countOf({ ranges, odd }: Removed): number {
  let count = odd.size;
  for (const list of ranges.values()) for (const [first, last] of list) count += last - first + 1;
  return count;
}
