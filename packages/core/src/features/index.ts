import type { FeatureFactory } from '../feature.ts';
import { count } from './count.ts';
import { distinct } from './distinct.ts';
import { last } from './last.ts';
import { latest } from './latest.ts';
import { rate } from './rate.ts';
import { ratio } from './ratio.ts';
import { window } from './window.ts';

/** By the word that a definition begins with. */
export const features: Readonly<Record<string, FeatureFactory>> = {
  count,
  rate,
  window,
  last,
  latest,
  distinct,
  ratio,
};
