import { DEFAULT_LIMITS } from '../../limits.ts';
import { decodeMessage, encodeMessage } from '../../sync/codec.ts';
import type { DownMessage, UpMessage } from '../../sync/messages.ts';
import type { Dice } from './dice.ts';
import type { Plan } from './plan.ts';
import type { Timeline } from './timeline.ts';

/** Connections of before the calm are over by then: their last messages would only prolong it. */
const LATE_MS = 1000;

/** Links that drop, delay, duplicate, reorder and are cut. */
export interface SimNetwork {
  /** From a machine to whoever has this name. Each direction is lost by itself. */
  send(
    from: number,
    to: string,
    message: UpMessage | DownMessage,
    deliver: (arrived: UpMessage | DownMessage) => void,
  ): void;
  /** Nothing passes between them until it is healed. */
  cut(machine: number): void;
  isCut(machine: number): boolean;
  heal(): void;
  /** From now on nothing is lost and everything is fast; what is late from before comes within a second, or never. */
  calm(): void;
  /** Whether messages pass through their wire form. */
  codec: boolean;
  sent: number;
}

export function network(line: Timeline, dice: Dice, plan: Plan['network']): SimNetwork {
  const cuts = new Set<number>();
  let { loss, duplicates, jitterMs, stragglers } = plan;
  let lateUntilMs = Number.POSITIVE_INFINITY;
  const delay = (): number =>
    plan.minDelayMs + dice.next() * jitterMs * (stragglers > 0 && dice.chance(stragglers) ? 100 : 1);
  const self: SimNetwork = {
    codec: false,
    sent: 0,
    send(from, _to, message, deliver) {
      self.sent++;
      if (cuts.has(from) || dice.chance(loss)) return;
      const wire = self.codec ? encodeMessage(message) : undefined;
      const isCalm = Number.isFinite(lateUntilMs);
      const arrive = (): void => {
        if (cuts.has(from) || (!isCalm && line.nowMs > lateUntilMs)) return;
        deliver(wire === undefined ? message : decodeMessage(wire, DEFAULT_LIMITS).message);
      };
      line.after(delay(), arrive);
      if (duplicates > 0 && dice.chance(duplicates)) line.after(delay(), arrive);
    },
    cut: (machine) => void cuts.add(machine),
    isCut: (machine) => cuts.has(machine),
    heal: () => cuts.clear(),
    calm() {
      cuts.clear();
      if (!Number.isFinite(lateUntilMs)) lateUntilMs = line.nowMs + LATE_MS;
      loss = 0;
      duplicates = 0;
      stragglers = 0;
      jitterMs = Math.min(jitterMs, 20);
    },
  };
  return self;
}
