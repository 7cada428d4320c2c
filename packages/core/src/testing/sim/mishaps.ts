import { memoryDisk } from '../memory-storage.ts';
import { decideAt } from './clients.ts';
import { killSomething } from './people.ts';
import { children, cutOff, restartLater, rootOf, type Trouble } from './trouble.ts';
import { addMachine, awake, connect, crash, diskOptions, type Machine, note, start } from './world.ts';

/** A process dies and is started again. */
export function crashOne(trouble: Trouble): void {
  const { world, dice, images } = trouble;
  const machine = dice.pick(world.machines);
  if (machine.process === undefined) return;
  crash(world, machine);
  // A backup is taken now and then, to be put back later.
  if (dice.chance(0.5)) images.set(machine, machine.disk.snapshot());
  restartLater(trouble, machine);
}

export function partition(trouble: Trouble): void {
  cutOff(trouble, trouble.dice.pick(trouble.world.machines));
}

/** A machine stops in the middle of what it does, and goes on later. */
export function sleep(trouble: Trouble): void {
  const { world, dice } = trouble;
  const able = awake(world);
  if (able.length === 0) return;
  const machine = dice.pick(able);
  const { process } = machine;
  note(world, machine, () => 'falls asleep');
  machine.asleep = true;
  machine.naps++;
  machine.clock.sleep();
  // It must not go on as if no time had passed.
  if (dice.chance(0.5))
    world.line.after(dice.wait(60), () => {
      const root = rootOf(world);
      if (root.process !== undefined && !root.asleep) killSomething(trouble, root);
    });
  world.line.after(dice.between(200, 1400), () => {
    if (machine.process === process) wake(trouble, machine);
  });
}

function wake({ world, apps }: Trouble, machine: Machine): void {
  machine.clock.wake();
  machine.asleep = false;
  note(world, machine, () => 'wakes');
  // The first thing it does is what it would have done before: nobody has told it anything yet.
  decideAt(apps, machine);
}

export function wallStep({ world, dice }: Trouble): void {
  const machine = dice.pick(world.machines);
  const byMs = dice.between(-1500, 1500);
  note(world, machine, () => `wall clock is set by ${byMs.toFixed(0)} ms`);
  machine.clock.stepWall(byMs);
}

/** A device goes to another region. */
export function move({ world, dice }: Trouble): void {
  const movers = world.machines.filter(({ tier }) => tier === 'device');
  const regions = world.machines.filter(({ tier }) => tier === 'region');
  if (movers.length === 0 || regions.length < 2) return;
  const machine = dice.pick(movers);
  machine.parent = dice.pick(regions.filter(({ name }) => name !== machine.parent)).name;
  note(world, machine, () => `moves to ${machine.parent}`);
  if (machine.process !== undefined) connect(world, machine);
}

export function loseDisk(trouble: Trouble): void {
  const { world, dice } = trouble;
  const machine = dice.pick(children(world));
  if (machine === undefined) return;
  crash(world, machine);
  machine.named = true;
  machine.disk = memoryDisk(diskOptions(world, machine.dice.fork(5000 + machine.processes)));
  note(world, machine, () => 'loses its disk');
  restartLater(trouble, machine);
}

export function restore(trouble: Trouble): void {
  const { world, dice, images } = trouble;
  const able = world.machines.filter((machine) => images.has(machine));
  if (able.length === 0) return;
  // That of the root above all: what it has forgotten, only those below can tell it.
  const root = rootOf(world);
  const machine = images.has(root) && dice.chance(0.5) ? root : dice.pick(able);
  crash(world, machine);
  machine.disk.crash();
  machine.named = true;
  machine.disk.restore(images.get(machine)!);
  note(world, machine, () => 'is restored from an old image');
  restartLater(trouble, machine);
}

/** A device's disk is copied, and both go on under its name. */
export function clone({ world, dice }: Trouble): void {
  const able = world.machines.filter(({ tier, named }) => tier === 'device' && !named);
  if (able.length === 0 || world.machines.length > 9) return;
  const machine = dice.pick(able);
  const { name, tier, parent } = machine;
  const twin = addMachine(world, { name, tier, parent }, undefined);
  twin.disk = machine.disk.clone(diskOptions(world, twin.dice));
  for (const each of [machine, twin]) each.named = each.cloned = true;
  note(world, machine, () => 'is started twice');
  start(world, twin);
}
