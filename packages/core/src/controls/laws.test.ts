import fc from 'fast-check';
import { describe, it } from 'vitest';
import { DEFAULT_LIMITS } from '../limits.ts';
import { type Stream, stream } from '../stats/random.ts';
import { type ControlSubject, controlLaws } from '../testing/control-laws.ts';
import { decodeControls, encodeControls } from './control-codec.ts';
import {
  type ControlState,
  EMPTY_CONTROLS,
  joinControls,
  withKill,
  withModel,
  withOverride,
  without,
  withQuarantine,
  withReset,
  withSpec,
} from './control-state.ts';
import type { ModelEntry } from './model-state.ts';
import { isRemoved } from './removed.ts';
import { covers, type Place, parseScope, type Ruling, ruleOn } from './scope.ts';

const SCOPES = ['*', 'point:p', 'point:q', 'domain:shop', 'tier:device', 'node:r1', 'node:d1', 'artifact:a'];
const NODES = ['cloud', 'r1', 'd1'];
const TAGS = Array.from({ length: 12 }, (_, n) => [
  `${NODES[n % 3]}~i~${n}`,
  `${NODES[n % 3]}~i~${n}o`,
  `${NODES[n % 3]}~i~${n}q`,
]).flat();
const PATH = ['d1', 'r1', 'cloud'];

/** What one of twelve tags says is the same wherever it is said. */
function say(state: ControlState, random: Stream): ControlState {
  const n = random.integer(12);
  const said = {
    tag: `${NODES[n % 3]}~i~${n}`,
    subtree: NODES[n % 3],
    reason: 'r',
    by: 'somebody',
    atMs: n,
  };
  switch (random.integer(7)) {
    case 5:
      return withModel(state, n % 2 === 0 ? 'm' : 'k', model(random, NODES[n % 3]));
    case 0:
      return withOverride(state, {
        ...said,
        tag: `${said.tag}o`,
        point: 'p',
        arm: 'a',
        segment: { unit: 'u' },
        expiresMs: n % 2 === 0 ? null : n,
      });
    case 1:
      return withQuarantine(state, { ...said, tag: `${said.tag}q`, node: NODES[(n + 1) % 3] });
    case 2:
      return withReset(state, n % 2 === 0 ? 'p' : 'q');
    case 3:
      return withSpec(state, 'p', {
        version: 1 + random.integer(3),
        node: NODES[n % 3],
        spec: random.integer(4) === 0 ? null : ({ point: 'p', arms: [`a${random.integer(3)}`] } as never),
        generations: { a: random.integer(3) },
      });
    case 4:
      return without(state, [`${NODES[n % 3]}~i~${n}${['', '', 'o', 'q'][random.integer(4)]}`]);
    default:
      // Now and then a forger says something else under a tag that is taken.
      return withKill(state, {
        ...said,
        scope: SCOPES[(n + (random.integer(20) === 0 ? 1 : 0)) % SCOPES.length],
      });
  }
}

/** Some revision of a model: two of one number differ now and then, and by who made them. */
function model(random: Stream, node: string): ModelEntry {
  const versions = Array.from({ length: 1 + random.integer(3) }, (_, i) => ({
    version: `v${i}`,
    digest: `${i}${random.integer(2)}`.padEnd(64, '0'),
    parents: i === 0 ? [] : [`v${i - 1}`],
    window: i === 1 ? { fromMs: 1, toMs: 2 } : null,
    metrics: { auc: random.integer(3) / 2 },
    atMs: i,
    by: 'somebody',
    stage: (['champion', 'challenger', 'retired'] as const)[i],
    traffic: i === 1 ? random.integer(3) / 2 : 0,
    reason: 'r',
    ...(i === 2 && random.integer(2) === 0 ? { retiredMs: random.integer(3) } : {}),
  }));
  return { revision: 1 + random.integer(3), node, versions, before: versions.length > 2 ? ['v2'] : [] };
}

const people: ControlSubject<ControlState, Place, Ruling> = {
  control: {
    name: 'people/1',
    empty: () => EMPTY_CONTROLS,
    join: joinControls,
    equal: (a, b) => JSON.stringify(encodeControls(a)) === JSON.stringify(encodeControls(b)),
    rules: ruleOn,
    encode: encodeControls,
    decode: (json) => decodeControls(json, DEFAULT_LIMITS),
  },
  state(random) {
    let state = EMPTY_CONTROLS;
    for (let i = random.integer(10); i > 0; i--) state = say(state, random);
    // As every node holds it: joined with what it had.
    return joinControls(EMPTY_CONTROLS, joinControls(state, { ...EMPTY_CONTROLS, removed: state.removed }));
  },
  question: (random) => ({
    point: random.integer(2) === 0 ? 'p' : 'q',
    domain: random.integer(2) === 0 ? 'shop' : 'other',
    tier: 'device',
    path: PATH.slice(random.integer(3)),
  }),
  forbids: (ruling) => ruling.kill !== undefined || ruling.killedArms.size > 0,
  forbidders: (state, place) =>
    [...state.kills.values()]
      .filter((kill) => {
        const scope = parseScope(kill.scope);
        return place.path.includes(kill.subtree) && (scope.kind === 'artifact' || covers(scope, place));
      })
      .map((kill) => kill.tag),
  disputed: (a, b) =>
    [...a.kills.values()]
      .filter(({ tag, scope }) => scope !== (b.kills.get(tag)?.scope ?? scope))
      .map((kill) => kill.tag),
  removed: (state) => TAGS.filter((tag) => isRemoved(state.removed, tag)),
};

describe(people.control.name, () => {
  for (const { law, run } of controlLaws(people))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        // The forger that took a tag on one side only.
        { numRuns: 300, examples: [[4075951162]] },
      );
    });
});
