/**
 * Round values inside [low, high], about `count` of them: steps of 1, 2 or 5 times a power of ten. Empty for an empty range.
 */
export function ticksOf(low: number, high: number, count: number): readonly number[] {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [];
  const power = 10 ** Math.floor(Math.log10(span / Math.max(1, count)));
  const off = (step: number) => Math.abs(Math.log(span / step / count));
  const step = [1, 2, 5, 10]
    .map((k) => k * power)
    .reduce((best, each) => (off(each) < off(best) ? each : best));
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++)
    ticks.push(k === 0 ? 0 : k * step);
  return ticks;
}

/** Where a value stands between the ends of a scale, in per cent; cut at the ends. */
export function placeOn(value: number, [from, to]: readonly [number, number]): number {
  return Math.min(100, Math.max(0, ((value - from) / (to - from)) * 100));
}
