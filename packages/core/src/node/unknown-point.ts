import { GanglionError } from '../errors.ts';
import type { NodeState } from './state.ts';

/** There is no such point here: nobody has declared it, or it is declared and this node cannot run it. */
export function unknownPoint(node: NodeState, point: string): GanglionError {
  const why = node.leftOut.get(point);
  if (why !== undefined)
    return new GanglionError('unknown_point', `${point} is declared, but this node cannot run it: ${why}`, {
      field: 'point',
      value: point,
      mend: 'Run a version with those kinds and limits at this node, declare it in a way that all nodes know, or ask another node.',
    });
  return new GanglionError('unknown_point', `there is no point ${point}`, {
    field: 'point',
    value: point,
    mend: 'Declare it with PUT /v1/points/{point}, or list them with GET /v1/points.',
  });
}
