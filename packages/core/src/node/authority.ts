import { STANDING_MAX } from '../controls/control-codec.ts';
import { without } from '../controls/control-state.ts';
import { GanglionError } from '../errors.ts';
import type { Actor } from '../node-api.ts';
import { changeControls } from './controls.ts';
import { isSilent } from './silence.ts';
import { type NodeState, readClocks } from './state.ts';

/** An actor may control its own node's subtree: this node must lie in it. */
export function authorise(node: NodeState, by: Actor): void {
  if (node.closed) throw new GanglionError('closed', 'this node has been stopped');
  readClocks(node);
  if (typeof by?.name !== 'string' || typeof by.authority !== 'string')
    throw new GanglionError('invalid_input', 'by must say who acts', {
      field: 'by',
      value: by,
      mend: 'Give {"name": "…", "authority": "…"}: who it is for the audit, and the node whose subtree is theirs, or *.',
    });
  if (by.authority !== '*' && !node.path.includes(by.authority))
    throw new GanglionError('forbidden', `${by.name} has no authority over ${node.name}`, {
      field: 'authority',
      value: by.authority,
    });
}

/**
 * What is said of the whole tree is said in one place: said in two at once, it would be lost at one of them, or a node would go by
 * other declarations, and leases, than those above know of.
 *
 * @param what - is done there alone: `models are registered`
 * @throws GanglionError `forbidden`
 */
export function atRoot(node: NodeState, what: string): void {
  if (node.isRoot) return;
  throw new GanglionError('forbidden', `${what} at the root of the tree, and ${node.name} is not`, {
    field: 'node',
    value: node.name,
    mend: 'Say it there: GET /v1/nodes lists the tree, and a node without a parent is its root.',
  });
}

/** What cannot be sent or read again is refused when it is said. */
export function room(standing: ReadonlyMap<string, unknown>, what: string): void {
  if (standing.size >= STANDING_MAX)
    throw new GanglionError('overloaded', `${STANDING_MAX} ${what} stand already`, {
      mend: 'Take some back first: GET /v1/controls lists them.',
    });
}

export function newTag(node: NodeState): string {
  return `${node.name}~${node.incarnation}~${++node.tagCounter}`;
}

export function reasonOf(reason: unknown): string {
  if (typeof reason !== 'string' || reason.trim() === '' || reason.length > 1000)
    throw new GanglionError('invalid_input', 'a reason is required', {
      field: 'reason',
      value: reason,
      mend: 'Say in a few words why, for the audit; at most 1000 characters.',
    });
  return reason;
}

/** What is said at a node of all below it: the head of a kill, an override or a quarantine. */
interface Word {
  readonly tag: string;
  readonly subtree: string;
  readonly reason: string;
  readonly by: string;
  readonly atMs: number;
}

/** @throws GanglionError `invalid_input` without a reason */
export const newWord = (node: NodeState, by: Actor, reason: string): Word => ({
  tag: newTag(node),
  subtree: node.name,
  reason: reasonOf(reason),
  by: by.name,
  atMs: readClocks(node).wallMs,
});

interface TakingBack {
  readonly what: string;
  readonly how: string;
  readonly field: string;
  readonly value: string;
}

/**
 * Takes out of the controls what stands, and says under which tags it stood.
 * @throws GanglionError `forbidden`
 */
export function takeBack(
  node: NodeState,
  standing: readonly Pick<Word, 'tag' | 'subtree'>[],
  what: TakingBack,
): readonly string[] {
  mayTakeBack(node, standing, what);
  const tags = standing.map((each) => each.tag);
  changeControls(node, without(node.controls, tags));
  return tags;
}

/**
 * Taking back needs the issuer's authority or more: what was said above this node is for those above. What was said at a
 * node below that has gone silent is for the root: it may hang below another by now, and those above would not follow.
 */
function mayTakeBack(
  node: NodeState,
  standing: readonly Pick<Word, 'subtree'>[],
  { what, how, field, value }: TakingBack,
): void {
  const other = standing.find(({ subtree }) => subtree !== node.name && !isWithin(node, subtree));
  if (other === undefined) return;
  const silent = node.routes.has(other.subtree);
  throw new GanglionError(
    'forbidden',
    `the ${what} was said at ${other.subtree}${silent ? ', which is silent and may have moved' : ''}`,
    { field, value, mend: `${how} it at ${other.subtree} or ${silent ? 'at the root' : 'above'}.` },
  );
}

function isWithin(node: NodeState, name: string): boolean {
  const link = node.children.get(node.routes.get(name) ?? '');
  return link !== undefined && (node.isRoot || !isSilent(node, link));
}
