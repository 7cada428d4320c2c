import type { ControlsJson } from '../../controls/control-codec.ts';
import { believesChildren } from '../../node/controls.ts';
import { isSilent } from '../../node/silence.ts';
import type { NodeState } from '../../node/state.ts';
import type { UpMessage } from '../../sync/messages.ts';
import { upMessage } from '../spoken-child.ts';
import type { Dice } from './dice.ts';
import { fail } from './failure.ts';
import { LEARNED } from './plan.ts';
import { type Machine, note, type World } from './world.ts';

const NAME = 'x3';
const FORGED = 'forged';

/**
 * A stranger with a link of its own that speaks in the name of a machine which is connected to the same parent: reports,
 * acknowledgements, ways and evidence. Nothing of it may be believed while that machine is there.
 */
export function lie(world: World, dice: Dice, machine: Machine): void {
  const { node } = machine.process!;
  const { state } = node;
  // It reads the clocks: who is silent now is what counts.
  const [status] = node.nodes();
  const siblings = [...state.children.values()].filter(
    (link) => link.node !== NAME && !link.node.startsWith('x') && !isSilent(state, link),
  );
  if (siblings.length === 0) return;
  const victim = dice.pick(siblings);
  const say = link(world, machine, 0);
  say({});
  const before = { route: state.routes.get(victim.node), outbox: state.outbox.size };
  say({
    slots: [...state.learners].flatMap(([key, learner]) =>
      [...learner.slots.slots.values()].slice(0, 3).map((slot) => ({
        key,
        origin: dice.chance(0.5) ? `${victim.node}~${FORGED}` : victim.key,
        version: 1000,
        onlyVia: state.origin,
        bytes: slot.bytes ?? new Uint8Array(0),
      })),
    ),
    content: true,
    complete: true,
    applied: [{ node: victim.node, tags: [FORGED] }],
    feedbackAcks: [...state.outbox.keys()],
    telemetry: [{ status: { ...status, node: victim.node, ageMs: 0 }, reports: [], via: '' }],
  });
  if (!believesChildren(state)) forge(say, machine, state, victim.node);
  // Its next connection lists nothing: what waits for the victim to go away goes with this one.
  link(world, machine, 1)({});
  note(world, machine, () => `hears a stranger in the name of ${victim.node}`);
  if (state.routes.get(victim.node) !== before.route)
    fail('name-stolen', `the way from ${machine.name} to ${victim.node} leads through a stranger`);
  if (state.applied.get(victim.node)?.has(FORGED) === true)
    fail('name-stolen', `${machine.name} believes a stranger’s acknowledgement for ${victim.node}`);
  if (state.outbox.size !== before.outbox)
    fail('name-stolen', `${machine.name} takes a stranger’s word that ${victim.node} has its feedback`);
  for (const learner of state.learners.values())
    if (learner.slots.slots.has(`${victim.node}~${FORGED}`))
      fail('name-stolen', `${machine.name} holds evidence that a stranger made up for ${victim.node}`);
  world.onTouch(machine);
}

/** It stops others, lets go what is stopped, and declares, resets and pins, as the root, as its parent and as the victim. */
function forge(say: Say, machine: Machine, state: NodeState, victim: string): void {
  const before = state.controls;
  const said = (subtree: string, n: number) => ({
    tag: `${subtree}~${FORGED}~${n}`,
    subtree,
    reason: FORGED,
    by: NAME,
    atMs: 0,
  });
  const places = [...new Set([state.path.at(-1)!, state.name, victim])];
  const pin = { point: LEARNED, arm: 'b', segment: {}, expiresMs: null };
  const everything: ControlsJson = {
    kills: places.map((place) => ({ ...said(place, 1), scope: '*' })),
    overrides: places.map((place) => ({ ...said(place, 2), ...pin })),
    quarantines: places.map((place) => ({ ...said(place, 3), node: victim })),
    removed: [],
    ranges: [...before.kills.keys(), ...before.overrides.keys()]
      .filter((tag) => !tag.startsWith(`${NAME}~`))
      .map((tag) => [tag.slice(0, tag.lastIndexOf('~')), [[0, 1e6]]] as const),
    specs: [{ point: LEARNED, version: 1e6, node: state.name, spec: null, generations: {} }],
    resets: [[LEARNED, 1e6]],
  };
  say({ controls: everything, joined: state.durableDigest, words: { controls: everything, seal: FORGED } });
  if (state.controls !== before)
    fail('controls-forged', `${machine.name} has taken a stranger’s word for what people said`);
}

/** A connection of the stranger: it goes on with the session that it is given. */
type Say = (rest: Partial<UpMessage>) => void;

function link(world: World, machine: Machine, number: number): Say {
  const { node } = machine.process!;
  let session = 0;
  let parentIncarnation = '';
  let seq = 0;
  return (rest) =>
    node.receiveUp(
      upMessage({
        node: NAME,
        incarnation: 'stranger',
        parentIncarnation,
        connection: 2 * Math.floor(world.line.nowMs * 1000) + number,
        session,
        seq: ++seq,
        complete: false,
        ...rest,
      }),
      (down) => {
        session = down.session;
        parentIncarnation = down.incarnation;
      },
    );
}
