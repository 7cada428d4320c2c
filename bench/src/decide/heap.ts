import type { HostedNode } from '@ganglion/core';
import { INPUTS, inputs, POINT } from '../lib/point.ts';
import { figure, type Goal, type Table } from '../lib/report.ts';

/**
 * Heap after a full collection, before and after many decisions, once the bounded set of kept records is full; and what
 * a decision allocates in between, from the heap's own growth with the collector held off.
 */
export async function heapGrowth(node: HostedNode, count: number): Promise<{ table: Table; goal: Goal }> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('run with --expose-gc, as npm run bench -- decide does');
  const decide = async (many: number): Promise<void> => {
    for (let i = 0; i < many; i++) {
      node.decide(POINT.point, inputs[i & (INPUTS - 1)]);
      // The node's host has its turn, as in any server.
      if (i % 50_000 === 49_999) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const used = (): number => {
    collect();
    collect();
    return process.memoryUsage().heapUsed;
  };
  await decide(200_000);
  const before = used();
  const perDecision = allocation(node);
  await decide(count);
  const after = used();
  const growth = (after - before) / count;
  return {
    table: {
      title: `Heap over ${count.toLocaleString('en-US')} decisions, kept records bounded at 65,536`,
      head: ['', 'bytes'],
      rows: [
        ['heap before, collected', figure(before)],
        ['heap after, collected', figure(after)],
        ['growth a decision', figure(growth)],
        ['allocated a decision, the record above all', figure(perDecision)],
        ['limit: the fields of a record, 8 bytes each', figure(FIELDS * 8)],
      ],
    },
    goal: {
      goal: 'no steady-state allocation beyond the record',
      figure: `${figure(growth)} bytes of growth a decision`,
      // What is kept differs by up to half of the bound from one moment to another; less than before is no growth.
      met: after - before < 65_536 * 400,
    },
  };
}

/** Fields of a record with a context of two, less what is set by its outcome only. */
const FIELDS = 22;

/** Bytes a decision allocates: the smallest of several stretches too short for a collection to fall into all of them. */
function allocation(node: HostedNode): number {
  const stretches: number[] = [];
  for (let r = 0; r < 50; r++) {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) node.decide(POINT.point, inputs[i]);
    const bytes = process.memoryUsage().heapUsed - before;
    if (bytes > 0) stretches.push(bytes / 500);
  }
  return Math.min(...stretches);
}
