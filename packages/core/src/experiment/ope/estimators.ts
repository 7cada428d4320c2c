import {
  directMethod,
  doublyRobust,
  selfNormalisedDoublyRobust,
  shrunk,
  shrunkDoublyRobust,
  switchDoublyRobust,
  switched,
} from './modelled.ts';
import type { Sample } from './sample.ts';
import type { Terms } from './terms.ts';
import { chooseLambda, chooseTau } from './tuning.ts';
import { ips, snips } from './weighting.ts';

/** An estimator as a candidate's evaluation runs it. */
export interface Estimator {
  readonly needsModel: boolean;
  /** Chooses its parameter by the log, where it has one. */
  choose?(sample: Sample): number;
  terms(sample: Sample, parameter: number): Terms;
  /** What it uses of a weight: bounds how far one row can move it. */
  used(weight: number, parameter: number): number;
}

const whole = (w: number): number => w;

/** Every estimator by its name: a new one is a function beside the others, and a row here. */
export const ESTIMATORS = {
  ips: { needsModel: false, terms: ips, used: whole },
  snips: { needsModel: false, terms: snips, used: whole },
  dm: { needsModel: true, terms: directMethod, used: () => 0 },
  dr: { needsModel: true, terms: doublyRobust, used: whole },
  sndr: { needsModel: true, terms: selfNormalisedDoublyRobust, used: whole },
  'switch-dr': { needsModel: true, choose: chooseTau, terms: switchDoublyRobust, used: switched },
  dros: { needsModel: true, choose: chooseLambda, terms: shrunkDoublyRobust, used: shrunk },
} as const satisfies Readonly<Record<string, Estimator>>;

export type EstimatorName = keyof typeof ESTIMATORS;
