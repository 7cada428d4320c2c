import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { GanglionError } from '@ganglion/core';
import { stream } from '@ganglion/core/ope';
import { parse } from 'yaml';
import type { Candidate } from './candidate.ts';
import type { DecisionLog } from './decision-log.ts';

/** Every arm alike: the Open Bandit Dataset's `random`. */
export function uniformCandidate(log: DecisionLog): Candidate {
  return {
    name: 'uniform',
    how: 'every arm alike',
    fill(row, out) {
      const arms = log.available?.[row];
      out.fill(arms === undefined ? 1 / out.length : 0);
      for (const arm of arms ?? []) out[arm] = 1 / (arms as Int32Array).length;
    },
  };
}

/** Beta priors of each item, as the dataset's authors published them for their Bernoulli Thompson sampling. */
export interface PublishedPrior {
  readonly file: string;
  readonly alpha: readonly number[];
  readonly beta: readonly number[];
}

const PRIOR_FILE = 'prior_bts.yaml';
const FOLDERS_ABOVE = 3;
const SLOTS = 3;

/** The prior of a campaign, where `prior_bts.yaml` stands in the log's folder or up to three above it. */
export function publishedPrior(at: string, campaign: string, arms: number): PublishedPrior | undefined {
  let folder = path.resolve(at);
  for (let up = 0; up <= FOLDERS_ABOVE; up++, folder = path.dirname(folder)) {
    const file = path.join(folder, PRIOR_FILE);
    if (!existsSync(file)) continue;
    const prior = (parse(readFileSync(file, 'utf8')) as Record<string, Omit<PublishedPrior, 'file'>>)[
      campaign
    ];
    if (prior === undefined) return undefined;
    const sound = (values: unknown): boolean =>
      Array.isArray(values) && values.length >= arms && values.every((value) => value > 0);
    if (!sound(prior.alpha) || !sound(prior.beta))
      throw new GanglionError('invalid_input', `${file} has no usable prior of ${campaign}`, {
        field: campaign,
        mend: `Give alpha and beta, ${arms} positive numbers each.`,
      });
    return { file, ...prior };
  }
  return undefined;
}

/**
 * The dataset's `bts` as its prior makes it: three positions filled by the three largest of one posterior draw an item.
 * Its probabilities have no closed form; they are counted over seeded draws, as the authors' pipeline does.
 */
export function thompsonCandidate(
  log: DecisionLog,
  prior: PublishedPrior,
  seed: number,
  draws = 20_000,
): Candidate {
  const arms = log.arms.length;
  const chance = stream(seed, 0x627473);
  const table = Array.from({ length: SLOTS }, () => new Float64Array(arms));
  const drawn = new Float64Array(arms);
  for (let d = 0; d < draws; d++) {
    for (let a = 0; a < arms; a++) drawn[a] = chance.beta(prior.alpha[a], prior.beta[a]);
    for (let slot = 0; slot < SLOTS; slot++) {
      let best = 0;
      for (let a = 1; a < arms; a++) if (drawn[a] > drawn[best]) best = a;
      table[slot][best] += 1 / draws;
      drawn[best] = -1;
    }
  }
  const positions = log.context.get('position');
  return {
    name: 'bts',
    how: `Thompson sampling from the published prior, ${draws} draws`,
    fill: (row, out) => out.set(table[Number(positions?.[row] ?? 1) - 1]),
  };
}
