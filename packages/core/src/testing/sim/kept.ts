import type { Evidence } from '../../evidence.ts';
import type { Moments, MomentsEvidence } from '../../learners/moments.ts';
import type { Product } from '../../learners/product.ts';

/** Evidence by arm says whose outcomes it holds; that of several policies only how many. */
export type Kept = Evidence<unknown> & Pick<MomentsEvidence, 'halfLifeMs' | 'decayTo'>;
export const byArm = (kept: Kept): boolean => !kept.name.startsWith('ensemble/');

/** Rows as they weigh at one time, so that they compare whatever their landmark is. */
export function decayed(kept: Kept, sum: unknown, treeMs: number): Map<string, Float64Array> {
  const decay = byArm(kept) ? kept.decayTo(sum as Moments, treeMs) : 1;
  const out = rowsOf(sum);
  for (const row of out.values())
    for (let i = 1; i < row.length; i++) row[i] *= i === 2 ? decay * decay : decay;
  return out;
}

/** All numbers of some evidence, those of its parts among them. */
function rowsOf(evidence: unknown, of = ''): Map<string, Float64Array> {
  const { arms, parts } = evidence as Partial<Moments & Product>;
  const out = new Map<string, Float64Array>();
  for (const [arm, row] of arms ?? []) out.set(of + arm, row.slice());
  for (const [i, part] of (parts ?? []).entries())
    for (const [name, row] of rowsOf(part, `${of}${i}.`)) out.set(name, row);
  return out;
}

/** Half-lives make sums of other rounding, and so do the weights of several policies. */
export function compare(
  a: Map<string, Float64Array>,
  b: Map<string, Float64Array>,
  kept: Kept,
): string | undefined {
  const exact = byArm(kept) && kept.halfLifeMs === undefined;
  for (const arm of new Set([...a.keys(), ...b.keys()])) {
    const x = a.get(arm);
    const y = b.get(arm);
    for (let i = 0; i < (x ?? y)!.length; i++) {
      const u = x?.[i] ?? 0;
      const v = y?.[i] ?? 0;
      const same =
        i === 0 || exact ? u === v : Math.abs(u - v) <= 1e-6 * Math.max(Math.abs(u), Math.abs(x?.[1] ?? 0));
      if (!same) return `${arm}[${i}] is ${v}, at the root ${u}`;
    }
  }
  return undefined;
}
