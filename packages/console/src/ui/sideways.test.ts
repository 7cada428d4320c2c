import { expect, it } from 'vitest';
import { moreBeside } from './sideways.ts';

it.each([
  [0, 390, ''],
  [0, 390.6, ''],
  [0, 675, 'end'],
  [100, 675, 'start end'],
  [285, 675, 'start'],
  [284.5, 675, 'start'],
])('what is out of sight is told: scrolled by %d of %d', (scrollLeft, scrollWidth, more) => {
  expect(moreBeside({ scrollLeft, clientWidth: 390, scrollWidth })).toBe(more);
});
