import type { FeedbackResult } from '../../node-api.ts';
import { askers } from './askers.ts';
import { type DrawTest, decideOn } from './deciding.ts';
import type { Dice } from './dice.ts';
import { fail } from './failure.ts';
import { expect, type Ledger, type Made } from './ledger.ts';
import { LEARNED, OPEN, TAGGED } from './plan.ts';
import { recalls, type Safety } from './safety.ts';
import type { Machine, World } from './world.ts';

/** The applications: they ask for decisions, and report outcomes until somebody has acknowledged them. */
export interface Clients {
  decide(): void;
  decideAt(machine: Machine): void;
  /** Reports that nobody has acknowledged yet. */
  waiting: number;
}

const RETRY_MS = 250;

export function clients(world: World, book: Ledger, rules: Safety, test: DrawTest, dice: Dice): Clients {
  const self: Clients = { decide, decideAt, waiting: 0 };
  const asker = askers(world, book, rules, dice.fork(6), (made) => {
    self.waiting++;
    report(made, 0, dice.below(2));
  });
  const up = (): Machine[] => world.machines.filter((m) => m.process !== undefined && !m.asleep);

  function decide(): void {
    const able = up();
    if (able.length > 0) decideAt(dice.pick(able));
    asker.ask();
  }

  function decideAt(machine: Machine): void {
    const draw = dice.next();
    const point = draw < 0.6 ? TAGGED : draw < 0.93 ? LEARNED : OPEN;
    const unit = point === TAGGED ? machine.name : `u${dice.below(40)}`;
    const made = decideOn(world, book, rules, test, machine, unit, point);
    if (made === undefined || point === OPEN || dice.chance(0.1)) return;
    self.waiting++;
    // Some outcomes are known at once, before the decision itself is on disk.
    const delayMs = dice.chance(0.2) ? dice.between(0, 4) : dice.wait(120);
    world.line.after(delayMs, () => report(made, 0, dice.below(2)));
    if (!dice.chance(0.15)) return;
    self.waiting++;
    world.line.after(dice.wait(400), () => report(made, 1, dice.below(2)));
  }

  function report(made: Made, revision: number, reward: number): void {
    expect(book, made, revision, reward);
    attempt(made, revision, reward, 0);
    // Some say everything twice.
    if (dice.chance(0.1)) {
      self.waiting++;
      world.line.after(dice.wait(200), () => attempt(made, revision, reward, 0));
    }
  }

  function attempt(made: Made, revision: number, reward: number, tries: number): void {
    const able = up();
    // Mostly to the node that decided; else to anybody, who passes it on.
    const target = dice.chance(tries > 2 ? 0.9 : 0.6)
      ? able.find((machine) => machine === made.machine)
      : able.length > 0
        ? dice.pick(able)
        : undefined;
    const again = (): void =>
      world.line.after(dice.between(0.5, 1) * RETRY_MS, () => attempt(made, revision, reward, tries + 1));
    if (target === undefined) return again();
    const process = target.process!;
    let settled = false;
    const once = (then: () => void) => () => {
      if (settled) return;
      settled = true;
      then();
    };
    const node = process.node;
    world.pendingPromises = true;
    node
      .feedback([{ id: made.id, reward, revision }])
      .then(
        (results) => once(() => heard(made, revision, target, results[0], again))(),
        () => once(again)(),
      )
      .catch((error: unknown) => {
        world.failure ??= error;
      });
    world.onTouch(target);
    world.line.after(RETRY_MS * 4, once(again));
  }

  function heard(
    made: Made,
    revision: number,
    target: Machine,
    result: FeedbackResult,
    again: () => void,
  ): void {
    world.trace.note(
      world.line.nowMs,
      target.name,
      () =>
        `feedback ${made.id} r${revision}=${made.sent.get(revision)}: ${result.status}${result.status === 'rejected' ? ` ${result.problem.code}` : ''}`,
    );
    const own = target === made.machine;
    if (result.status === 'joined' || result.status === 'duplicate' || result.status === 'routed') {
      self.waiting--;
      made.acked = Math.max(made.acked, revision);
      if (own) made.joined = Math.max(made.joined, revision);
      return;
    }
    if (own) {
      const state = target.process?.node.state;
      if (!made.lost && !made.machine.named && state !== undefined && recalls(state, made.id))
        fail(
          'feedback-lost',
          `${target.name} says ${JSON.stringify(result)} of ${made.id}, which it remembers`,
        );
      if (!made.lost && !made.machine.named)
        fail(
          'feedback-lost',
          `${target.name} says ${JSON.stringify(result)} of ${made.id}, which it made and did not lose`,
        );
      self.waiting--;
      return;
    }
    again();
  }
  return self;
}
