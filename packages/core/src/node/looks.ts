import type { PointState } from '../decision/point-state.ts';
import { judge } from '../experiment/judge.ts';
import { decodeLooks, encodeLooks, type Look, lookDue, takeLook } from '../experiment/looks.ts';
import { lookKey, tallyOf } from './comparing.ts';
import { durable } from './durability.ts';
import { rangeOf } from './ranges.ts';
import type { NodeState } from './state.ts';

/** The looks that the root took at a comparison. Only those on disk are shown: a crash takes back none that anybody saw. */
export interface TakenLooks {
  all: Look[];
  shown: readonly Look[];
}

const LOOKED_AT_MAX = 8192;

/**
 * Experiments with planned looks are looked at by the root, which hears what the whole tree has counted: once each, the first
 * time that it sees the planned number. What it saw is kept, and is the answer from then on. Called with the rollouts' steps.
 */
export function stepLooks(node: NodeState): void {
  let waits = false;
  for (const state of node.points.values())
    if (state.compiled.comparisons.some(({ analysis }) => analysis.kind !== 'sequential'))
      stepPoint(node, state);
  for (const taken of node.looks.values()) {
    if (taken.shown === taken.all) continue;
    if (node.ports.storage === undefined) taken.shown = taken.all;
    else waits = true;
  }
  if (waits) void showOnceDurable(node);
}

function stepPoint(node: NodeState, state: PointState): void {
  const tally = tallyOf(node, state, 'subtree');
  for (const comparison of state.compiled.comparisons) {
    if (comparison.analysis.kind === 'sequential') continue;
    const key = lookKey(state, comparison);
    const taken = node.looks.get(key)?.all ?? [];
    if (!lookDue(comparison, taken, tally)) continue;
    const ranges = (metric: string) => rangeOf(metric, state.compiled.spec);
    if (judge(comparison, tally, ranges, taken).decision !== 'keep going') continue;
    if (taken.length === 0) makeRoom(node);
    const all = [...taken, takeLook(comparison, taken, tally, node.moment.wallMs)];
    node.looks.set(key, { all, shown: node.looks.get(key)?.shown ?? [] });
    node.writes.push({ kind: 'put', collection: 'looks', key, value: encodeLooks(all) });
  }
}

async function showOnceDurable(node: NodeState): Promise<void> {
  const written = [...node.looks.values()].map((taken) => ({ taken, all: taken.all }));
  try {
    await durable(node);
  } catch {
    return; // It is written again with the next batch, and asked for at the next step.
  }
  for (const { taken, all } of written) taken.shown = all;
}

/** Looks at what no point compares any more make room, the oldest first. */
function makeRoom(node: NodeState): void {
  if (node.looks.size < LOOKED_AT_MAX) return;
  const current = new Set<string>();
  for (const state of node.points.values())
    for (const comparison of state.compiled.comparisons) current.add(lookKey(state, comparison));
  for (const key of node.looks.keys()) {
    if (current.has(key)) continue;
    node.looks.delete(key);
    node.writes.push({ kind: 'delete', collection: 'looks', key });
    if (node.looks.size < LOOKED_AT_MAX) return;
  }
}

export function recoverLooks(node: NodeState, key: string, value: Uint8Array): void {
  const all = decodeLooks(value, node.limits);
  node.looks.set(key, { all, shown: all });
}
