import type { DecisionRecord } from '../decision/decision-record.ts';
import { release } from '../decision/outcome.ts';
import type { PointState } from '../decision/point-state.ts';
import { GanglionError } from '../errors.ts';
import type { DecideInput, Slate } from '../node-api.ts';
import { decideSafely } from './deciding.ts';
import type { NodeState } from './state.ts';

/**
 * Ranks: the arm of each position is a decision of its own, drawn among those that are not above it. So every control and
 * guard is asked for each, each has an id and an outcome, and its propensity is the true one given those above.
 * A point that is stopped serves its fallback: a slate of one.
 */
export function rank(
  node: NodeState,
  state: PointState,
  k: number,
  input: DecideInput | undefined,
  keep: (record: DecisionRecord) => void,
): Slate {
  const { compiled, slate } = state;
  if (compiled.slate === undefined)
    throw new GanglionError('invalid_input', `the point ${compiled.name} does not rank`, {
      field: 'k',
      mend: 'Declare slate: { positions } on it, or decide.',
    });
  if (!Number.isInteger(k) || k < 1 || k > compiled.slate.positions)
    throw new GanglionError(
      'invalid_input',
      `k must be a whole number from 1 to ${compiled.slate.positions}`,
      {
        field: 'k',
        value: k,
        mend: `Ask for ${compiled.slate.positions} at most, or declare more positions under slate.`,
      },
    );
  const items: DecisionRecord[] = [];
  slate.first = state.n;
  const cost = diversityCosts(state);
  try {
    for (let j = 0; j < k && j < Math.max(1, state.ruling.allowedCount); j++) {
      slate.position = j;
      const record = decideSafely(node, state, input, undefined) as DecisionRecord;
      // A guard that leaves nothing further down ends the list; at the first position it is the answer.
      if (j > 0 && record.reason !== 'policy' && record.reason !== 'baseline') {
        release(state, record);
        break;
      }
      if (j > 0 && record.reason === 'policy') cost.add(j);
      record.noted = [j, items[0]?.n ?? record.n];
      items.push(record);
      keep(record);
      if (record.armIndex < 0 || !GOES_ON.has(record.reason)) break;
      slate.shown.push(record.armIndex);
    }
  } finally {
    slate.position = 0;
    slate.shown.length = 0;
  }
  slate.slates++;
  const diversityCost = cost.sum();
  if (diversityCost !== null) {
    slate.costed++;
    slate.costSum += diversityCost;
  }
  return { id: items[0].id, items, diversityCost };
}

const GOES_ON: ReadonlySet<string> = new Set(['policy', 'baseline', 'override']);

/** What diversity takes off the expected reward, position by position: κ Σ (before − after) · mean. */
function diversityCosts({ compiled, slate, view }: PointState): {
  add(position: number): void;
  sum(): number | null;
} {
  if (compiled.slate?.diversity === undefined) return { add: () => {}, sum: () => null };
  const { policy } = compiled;
  const means = policy.describe?.(view.current, compiled.arms.length).map(({ mean }) => mean);
  const examination = policy.describePositions?.(view.current);
  let sum: number | null = 0;
  return {
    add: (position) => {
      compiled.arms.forEach((_, a) => {
        const given = slate.before[a] - slate.after[a];
        if (given === 0) return;
        const mean = means?.[a] ?? null;
        sum = sum === null || mean === null ? null : sum + (examination?.[position] ?? 1) * given * mean;
      });
    },
    sum: () => sum,
  };
}
