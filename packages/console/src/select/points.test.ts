import { expect, it } from 'vitest';
import { INITIAL, type PointReports } from '../state/model.ts';
import { report, spec, validation } from '../testing.ts';
import type { PointMode } from '../wire.ts';
import { gravestMode, modeCounts, modeOf, pointsByAttention } from './points.ts';

function reports(
  point: string,
  mode: PointMode,
  decisions: number,
  devices: Readonly<Record<string, PointMode>> = {},
): PointReports {
  const heard = (node: string, of: PointMode) => ({ value: report(node, { point, mode: of }), heardMs: 0 });
  return {
    answering: 'cloud',
    given: false,
    merged: {
      value: { ...report('cloud', { point, mode, decisions }), bounds: false },
      heardMs: 0,
    },
    nodes: Object.fromEntries(
      Object.entries({ cloud: mode, ...devices }).map(([node, of]) => [node, heard(node, of)]),
    ),
  };
}

it('a kill of one node does not hide behind a tree that learns', () => {
  const partly = reports('checkout', 'learning', 1, { d1: 'killed', d2: 'learning' });
  expect(modeOf(partly)).toMatchObject({ mode: 'learning', elsewhere: [{ node: 'd1', mode: 'killed' }] });
  expect(gravestMode(partly)).toBe('killed');
  expect(modeCounts({ checkout: partly })).toMatchObject({ learning: 0, killed: 1 });
});

it('points that call for attention come first, then the busiest, and those not heard of last', () => {
  const state = {
    ...INITIAL,
    points: ['quiet', 'busy', 'killed', 'unheard'].map((point) => ({ spec: spec({ point }), version: 1 })),
    reports: {
      quiet: reports('quiet', 'learning', 5),
      busy: reports('busy', 'learning', 1000),
      killed: reports('killed', 'killed', 0),
    },
  };
  expect(pointsByAttention(state).map((one) => one.point)).toEqual(['killed', 'busy', 'quiet', 'unheard']);
});

it('a frozen learner calls for attention, and does not count as learning', () => {
  const frozen = [{ node: 'd1', action: 'freeze', sinceMs: 0, untilMs: null, why: 'it errs' }] as const;
  const known = reports('frozen', 'learning', 1);
  const merged = { ...known.merged.value, validation: validation({ frozen }) };
  const held: PointReports = { ...known, given: true, merged: { value: merged, heardMs: 0 } };
  expect(modeCounts({ held })).toMatchObject({ frozen: 1, learning: 0 });
  const state = {
    points: ['busy', 'frozen'].map((point) => ({ spec: spec({ point }), version: 1 })),
    reports: { busy: reports('busy', 'learning', 1000), frozen: held },
  };
  expect(pointsByAttention(state).map((one) => one.point)).toEqual(['frozen', 'busy']);
});
