import { DEFAULT_LIMITS, type Evidence } from '@ganglion/core';
import { stream } from '@ganglion/core/testing';
import type { Goal, Table } from '../lib/report.ts';
import { type Estimate, estimate, interval } from '../regret/estimates.ts';
import { episode, type Ours, ours } from './drive.ts';
import { riverSwim, worth } from './problems.ts';

const DEVICES = 6;
const REGIONS = 2;
const ROUNDS = 60;

/** Six devices under two regions and a cloud, an episode each in turn; what others have seen arrives so many rounds late. */
export function merged(seeds: number): { table: Table; goals: Goal[] } {
  const best = worth(riverSwim);
  const all = [1, 5, Number.POSITIVE_INFINITY].map((lag) => ({
    lag,
    ...estimate(
      nameOf(lag),
      Array.from({ length: seeds }, (_, i) => run(lag, i + 1)),
    ),
  }));
  const central = estimate(
    'one node that decides for all six',
    Array.from({ length: seeds }, (_, i) => alone(i + 1)),
  );
  const share = (row: Estimate) => `${((100 * row.mean) / central.mean).toFixed(1)} %`;
  const [late] = all;
  return {
    table: {
      title: `Over three tiers: river swim, posterior, ${DEVICES} devices, ${DEVICES * ROUNDS} episodes in all, ${seeds} seeds`,
      head: ['', 'earned an episode while learning', 'of one node'],
      rows: [
        [central.name, interval(central), '100 %'],
        ...all.map((row) => [row.name, interval(row), share(row)]),
        [
          'limit: the best policy, exactly',
          String(Number(best.toFixed(3))),
          share({ ...central, mean: best }),
        ],
      ],
    },
    goals: [
      {
        goal: 'merged, one round late: within 5 % of one node',
        figure: share(late),
        met: late.mean + late.half >= 0.95 * (central.mean - central.half),
      },
    ],
  };
}

const nameOf = (lag: number): string =>
  lag === 0
    ? 'merged at once'
    : lag === Number.POSITIVE_INFINITY
      ? 'nobody hears of others'
      : `merged, ${lag} round${lag === 1 ? '' : 's'} late`;

const OPTIONS = { gamma: 0.95, explore: 'posterior' };

function alone(seed: number): number {
  const agent = ours(riverSwim, OPTIONS, seed);
  const random = stream(seed, 7);
  let sum = 0;
  for (let e = 0; e < DEVICES * ROUNDS; e++) sum += episode(riverSwim, agent, random).earned;
  return sum / (DEVICES * ROUNDS);
}

/** Slots go up as bytes and are summed by region and then by the cloud; a device hears the total less its own slot. */
function run(lag: number, seed: number): number {
  const devices = Array.from({ length: DEVICES }, (_, d) => ours(riverSwim, OPTIONS, seed * 100 + d));
  const streams = devices.map((_, d) => stream(seed, 100 + d));
  const history: Uint8Array[][] = [];
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [d, device] of devices.entries()) {
      sum += episode(riverSwim, device, streams[d]).earned;
    }
    history.push(devices.map((device) => device.policy.evidence.encode(device.own())));
    const known = history[round - lag];
    if (known !== undefined) spread(devices, known);
  }
  return sum / (DEVICES * ROUNDS);
}

function spread(devices: readonly Ours[], slots: readonly Uint8Array[]): void {
  const evidence = devices[0].policy.evidence as Evidence<unknown>;
  devices.forEach((device, self) => {
    const regions = Array.from({ length: REGIONS }, (_, r) =>
      slots.reduce<unknown>(
        (total, bytes, d) =>
          d % REGIONS === r && d !== self
            ? evidence.add(total, evidence.decode(bytes, DEFAULT_LIMITS))
            : total,
        evidence.zero(),
      ),
    );
    device.hear(regions.reduce((total, region) => evidence.add(total, region), evidence.zero()));
  });
}
