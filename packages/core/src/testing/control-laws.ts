/**
 * What every `Control` must do, so that it may reach a node twice, late, in any order and over any path. A new control
 * runs all laws by being listed with a source of random states.
 */
import type { Control } from '../control.ts';
import { isGanglionError } from '../errors.ts';
import type { Stream } from '../stats/random.ts';
import { demand, type Law } from './law.ts';

/** A control under test. */
export interface ControlSubject<S, Q, R> {
  readonly control: Control<S, Q, R>;
  /** States that have to do with one another: some say the same things, some take back what others say. */
  state(random: Stream): S;
  question(random: Stream): Q;
  /** Whether a ruling forbids what was asked. */
  forbids(ruling: R): boolean;
  /** Tags of the additions in a state that forbid this, and the tags that a state takes back. */
  forbidders(state: S, question: Q): readonly string[];
  /** Tags under which the two sides say different things: a forger's work; which of them stands is no law. */
  disputed?(a: S, b: S): readonly string[];
  removed(state: S): readonly string[];
}

/** The laws of the family, for one control. */
export function controlLaws<S, Q, R>(subject: ControlSubject<S, Q, R>): readonly Law[] {
  return [...semilattice(subject), ...codec(subject), neverLaxer(subject)];
}

function semilattice<S, Q, R>(subject: ControlSubject<S, Q, R>): Law[] {
  const { control } = subject;
  const { join } = control;
  return [
    {
      law: 'join is commutative',
      run(random) {
        const [a, b] = [subject.state(random), subject.state(random)];
        same(control, join(a, b), join(b, a), 'a ∨ b = b ∨ a');
      },
    },
    {
      law: 'join is associative',
      run(random) {
        const [a, b, c] = [subject.state(random), subject.state(random), subject.state(random)];
        same(control, join(join(a, b), c), join(a, join(b, c)), '(a ∨ b) ∨ c = a ∨ (b ∨ c)');
      },
    },
    {
      law: 'join is idempotent, and nothing is its neutral element',
      run(random) {
        const [a, b] = [subject.state(random), subject.state(random)];
        same(control, join(a, a), join(a, control.empty()), 'a ∨ a = a ∨ 0');
        const both = join(a, b);
        same(control, join(both, a), both, '(a ∨ b) ∨ a = a ∨ b');
        same(control, join(both, b), both, '(a ∨ b) ∨ b = a ∨ b');
      },
    },
    {
      law: 'join changes neither of its arguments',
      run(random) {
        const [a, b] = [subject.state(random), subject.state(random)];
        const before = [textOf(control, a), textOf(control, b)];
        join(a, b);
        demand(
          textOf(control, a) === before[0] && textOf(control, b) === before[1],
          'an argument was changed',
        );
      },
    },
  ];
}

function codec<S, Q, R>(subject: ControlSubject<S, Q, R>): Law[] {
  const { control } = subject;
  return [
    {
      law: 'what is encoded is decoded as it was, through JSON',
      run(random) {
        const a = subject.state(random);
        same(control, control.decode(JSON.parse(textOf(control, a))), a, 'decode(encode(a)) = a');
      },
    },
    {
      law: 'what is damaged is refused as undecodable, or read as some state',
      run(random) {
        const whole = textOf(control, control.join(subject.state(random), subject.state(random)));
        const at = random.integer(whole.length);
        const damaged = whole.slice(0, at) + '0[]{}",x:'.charAt(random.integer(9)) + whole.slice(at + 1);
        let json: unknown;
        try {
          json = JSON.parse(damaged);
        } catch {
          return;
        }
        try {
          control.encode(control.decode(json));
        } catch (error) {
          demand(isGanglionError(error, 'undecodable'), `refused with ${String(error)}`);
        }
      },
    },
  ];
}

/** What either side forbids, and neither takes back, stays forbidden. */
function neverLaxer<S, Q, R>(subject: ControlSubject<S, Q, R>): Law {
  const { control } = subject;
  return {
    law: 'a join is never laxer than what is said on either side and taken back on none',
    run(random) {
      const [a, b] = [subject.state(random), subject.state(random)];
      const question = subject.question(random);
      const removed = new Set([
        ...subject.removed(a),
        ...subject.removed(b),
        ...(subject.disputed?.(a, b) ?? []),
      ]);
      const standing = [...subject.forbidders(a, question), ...subject.forbidders(b, question)].filter(
        (tag) => !removed.has(tag),
      );
      demand(
        standing.length === 0 || subject.forbids(control.rules(control.join(a, b), question)),
        `${standing} stand, and nothing forbids`,
      );
    },
  };
}

const textOf = <S, Q, R>(control: Control<S, Q, R>, state: S): string =>
  JSON.stringify(control.encode(state));

function same<S, Q, R>(control: Control<S, Q, R>, a: S, b: S, law: string): void {
  const [x, y] = [textOf(control, a), textOf(control, b)];
  demand(control.equal(a, b) && x === y, `${law}: ${x} is not ${y}`);
}
