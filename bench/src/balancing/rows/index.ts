import type { Row } from '../balancer.ts';
import { epsilonGreedy, thompson, thompsonInFlight } from './bandits.ts';
import { c3 } from './c3.ts';
import { ganglion, ganglionHerd, ganglionLeast, ganglionTotals } from './ours.ts';
import { peakEwma } from './peak-ewma.ts';
import { prequal } from './prequal.ts';
import { oracle, p2cInFlight, roundRobin } from './simple.ts';

/** The rows of the table, in its order. */
export const rows: readonly Row[] = [
  roundRobin,
  p2cInFlight,
  peakEwma,
  c3,
  prequal,
  epsilonGreedy,
  thompson,
  thompsonInFlight,
  ganglion,
  ganglionLeast,
  ganglionTotals,
  oracle,
];

/** Rows that show a trap; run by name only. */
export const traps: readonly Row[] = [ganglionHerd];
