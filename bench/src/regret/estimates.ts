import { figure } from '../lib/report.ts';

/** A mean over seeds, and half the width of its 95 % interval. */
export interface Estimate {
  readonly name: string;
  readonly mean: number;
  readonly half: number;
}

/** Student’s 97.5 % points, by number of seeds. */
const STUDENT: Readonly<Record<number, number>> = {
  2: 12.71,
  5: 2.78,
  8: 2.36,
  24: 2.07,
  40: 2.02,
  50: 2.01,
  100: 1.98,
};

/** Mean and Student’s interval. */
export function estimate(name: string, values: readonly number[]): Estimate {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance =
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  const t = STUDENT[values.length] ?? 1.96;
  return { name, mean, half: t * Math.sqrt(variance / values.length) };
}

/** `mean ± half`. */
export function interval({ mean, half }: Estimate): string {
  return `${figure(mean)} ± ${figure(half)}`;
}
