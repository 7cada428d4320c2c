import type { DiskSnapshot } from '../memory-storage.ts';
import type { Clients } from './clients.ts';
import type { Dice } from './dice.ts';
import { LEASE_MS } from './plan.ts';
import { type Machine, note, start, type World } from './world.ts';

/** Who makes trouble: to whom, by what chance, and what it remembers from one time to the next. */
export interface Trouble {
  readonly world: World;
  readonly dice: Dice;
  /** They decide at the very moment at which a mistake would show. */
  readonly apps: Clients;
  /** Images of disks, to be put back later. */
  readonly images: Map<Machine, DiskSnapshot>;
  /** The learned point as it was last declared. */
  readonly learned: { version: number; leaseMs: number; arms: readonly string[] };
}

export function troubles(world: World, dice: Dice, apps: Clients): Trouble {
  return {
    world,
    dice,
    apps,
    images: new Map(),
    learned: { version: 1, leaseMs: LEASE_MS, arms: ['a', 'b', 'c'] },
  };
}

export const rootOf = (world: World): Machine => world.machines[0];

/** All but the root. */
export const children = (world: World): Machine[] => world.machines.filter(({ parent }) => parent !== '');

export function restartLater({ world, dice }: Trouble, machine: Machine): void {
  world.line.after(dice.wait(150), () => start(world, machine));
}

export function cutOff({ world, dice }: Trouble, machine: Machine): void {
  note(world, machine, () => 'is cut off');
  world.network.cut(machine.index);
  world.line.after(dice.wait(500), () => world.network.heal());
}
