import type { FeatureEvent } from '../feature.ts';
import { given, type Options, text } from '../options.ts';

/** What an event adds: 1, or the number under the property that `sum` names. NaN where it has none: it adds nothing. */
export function amountOf(options: Options, path: string): (event: FeatureEvent) => number {
  if (!given(options, 'sum')) return () => 1;
  const property = text(options, 'sum', undefined, path);
  return ({ data }) => numberOf(data, property);
}

/** A number under a property of an event; NaN where there is none. */
export function numberOf(data: FeatureEvent['data'], property: string): number {
  const value = Object.hasOwn(data, property) ? data[property] : undefined;
  return typeof value === 'number' ? value : Number.NaN;
}

/** What cannot be represented is not known. */
export const finite = (value: number): number => (Number.isFinite(value) ? value : Number.NaN);
