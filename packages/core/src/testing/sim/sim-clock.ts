import type { Clock } from '../../ports.ts';
import type { Dice } from './dice.ts';

/** A machine's two clocks over true time: both drift; one may stop in sleep, the other may be set. */
export interface SimClock extends Clock {
  /** An operator or a time server sets the wall clock. */
  stepWall(byMs: number): void;
  sleep(): void;
  wake(): void;
  /** Another process: its monotonic clock starts anywhere. */
  reboot(): void;
  readonly kind: ClockKind;
}

/**
 * `steady`: drift only. `wall-steps`: the wall clock is set, either way; the monotonic one counts sleep.
 * `sleepless`: the monotonic clock stands still in sleep; the wall clock counts it and is never set. A machine with
 * both faults at once could not know its lease had run out (DESIGN §4): it is not planted.
 */
export type ClockKind = 'steady' | 'wall-steps' | 'sleepless';

/** Largest rate error planted: within the 1 % that the bound of a kill allows for. */
const DRIFT = 0.009;
const EPOCH_MS = 1_700_000_000_000;

export function simClock(trueMs: () => number, dice: Dice, kind: ClockKind): SimClock {
  const monoRate = 1 + dice.between(-DRIFT, DRIFT);
  const wallRate = 1 + dice.between(-DRIFT, DRIFT);
  let wallOffset = dice.between(-2000, 2000);
  let monoOffset = dice.between(0, 100_000);
  let bootMs = 0;
  let sleptMs = 0;
  let asleepMs = Number.NaN;
  const counted = (): number => {
    const asleep = Number.isNaN(asleepMs) ? 0 : trueMs() - asleepMs;
    return kind === 'sleepless' ? sleptMs + asleep : 0;
  };
  return {
    kind,
    monotonicMs: () => monoOffset + (trueMs() - bootMs - counted()) * monoRate,
    wallMs: () => EPOCH_MS + wallOffset + trueMs() * wallRate,
    stepWall(byMs) {
      if (kind === 'wall-steps') wallOffset += byMs;
    },
    sleep() {
      asleepMs = trueMs();
    },
    wake() {
      if (!Number.isNaN(asleepMs)) sleptMs += trueMs() - asleepMs;
      asleepMs = Number.NaN;
    },
    reboot() {
      bootMs = trueMs();
      sleptMs = 0;
      asleepMs = Number.NaN;
      monoOffset = dice.between(0, 100_000);
    },
  };
}
