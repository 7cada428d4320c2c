import { decide } from './clients.ts';
import { garbage, impostor, poison } from './liars.ts';
import { clone, crashOne, loseDisk, move, partition, restore, sleep, wallStep } from './mishaps.ts';
import { apply, kill, override, quarantine, removeOverride, reset, revive } from './people.ts';
import type { Fault } from './plan.ts';
import type { Trouble } from './trouble.ts';
import { start } from './world.ts';

const FAULTS: Readonly<Record<Fault, (trouble: Trouble) => void>> = {
  decide: ({ apps }) => decide(apps),
  crash: crashOne,
  partition,
  sleep,
  wallStep,
  kill,
  revive,
  override,
  removeOverride,
  apply,
  reset,
  move,
  loseDisk,
  restore,
  clone,
  poison,
  garbage,
  impostor,
};

/** Does it to somebody, where there is somebody whom it can be done to. */
export function strike(trouble: Trouble, fault: Fault): void {
  FAULTS[fault](trouble);
}

/** Ends all faults and starts what is down. */
export function heal({ world }: Trouble): void {
  world.network.calm();
  for (const machine of world.machines) {
    machine.disk.faults.commitFails = 0;
    machine.disk.faults.lies = 0;
    if (machine.asleep) machine.clock.wake();
    machine.asleep = false;
    start(world, machine);
    // An image from before it has taken the quarantine along: whoever said it says it again.
    if (machine.poisoned) quarantine(world, machine);
  }
}
