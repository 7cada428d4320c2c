import type { PointReport } from '@ganglion/sdk';
import { expect, test } from 'vitest';
import { misspeltText } from './report-parts.ts';

const reportOf = (...came: string[]): PointReport =>
  ({
    spec: { objective: { bought: 1, returned: -1, range: [-1, 1] } },
    lift: came.map((metric) => ({ metric })),
  }) as unknown as PointReport;

test('a metric that is spelt nearly as one that the objective still waits for is named: it teaches nothing', () => {
  expect(misspeltText(reportOf('reward', 'bougth', 'returned'))).toEqual([
    'bougth is kept, and teaches nothing: the objective waits for bought\n',
  ]);
});

test('metrics of one’s own are no mistakes, nor is one like another that has come', () => {
  expect(misspeltText(reportOf('reward', 'latencyMs'))).toEqual([]);
  expect(misspeltText(reportOf('bought', 'bougth', 'returned'))).toEqual([]);
  expect(misspeltText({ spec: {}, lift: [] } as unknown as PointReport)).toEqual([]);
});
