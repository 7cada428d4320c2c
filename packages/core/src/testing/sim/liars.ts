import type { UpMessage } from '../../sync/messages.ts';
import type { Dice } from './dice.ts';
import { lie } from './impostor.ts';
import { quarantine } from './people.ts';
import { rootOf, type Trouble } from './trouble.ts';
import { awake, type Machine, note } from './world.ts';

/** A device claims outcomes that never happened, until somebody finds out. */
export function poison({ world, dice }: Trouble): void {
  const able = world.machines.filter(({ tier, named, poisoned }) => tier === 'device' && !named && !poisoned);
  if (able.length === 0 || rootOf(world).process === undefined) return;
  const machine = dice.pick(able);
  machine.poisoned = true;
  note(world, machine, () => 'begins to lie about its outcomes');
  world.line.after(dice.wait(400), () => quarantine(world, machine));
}

/** Somebody speaks in the name of another. */
export function impostor({ world, dice }: Trouble): void {
  const able = parents(awake(world));
  if (able.length > 0) lie(world, dice, dice.pick(able));
}

/** A stranger speaks another version, or sends slots that are no evidence. */
export function garbage({ world, dice }: Trouble): void {
  const able = parents(awake(world));
  if (able.length === 0) return;
  const machine = dice.pick(able);
  note(world, machine, () => 'hears garbage');
  machine.process!.node.receiveUp(nonsense(machine, dice, world.line.nowMs), () => {});
  world.onTouch(machine);
}

/** Those that others may connect to. */
const parents = (machines: readonly Machine[]): Machine[] => machines.filter(({ tier }) => tier !== 'device');

function nonsense(machine: Machine, dice: Dice, nowMs: number): UpMessage {
  const { node } = machine.process!;
  const bytes = Uint8Array.from({ length: dice.below(60) }, () => dice.below(256));
  return {
    v: dice.chance(0.3) ? 99 : 1,
    node: dice.pick(['x1', 'x2', machine.name]),
    incarnation: 'stranger',
    tier: 'device',
    parentIncarnation: node.incarnation,
    connection: 1,
    session: 0,
    heardDown: 0,
    seq: Math.floor(nowMs) + 1,
    content: true,
    complete: true,
    slots: [...node.state.learners.keys()].map((key) => ({
      key: dice.chance(0.8) ? key : 'no such learner',
      origin: 'x1~stranger',
      version: 1 + dice.below(5),
      onlyVia: '',
      bytes,
    })),
    learners: [['nonsense', 7]],
    digest: 'x',
    joined: '',
    controls: dice.chance(0.5) ? ({ kills: 'all' } as never) : null,
    applied: [],
    feedback: [{ seq: 1, item: { id: 'x~y~z~1', reward: Number.NaN } }],
    feedbackAcks: [999_999],
    telemetry: [],
    share: 0,
    asks: [],
  };
}
