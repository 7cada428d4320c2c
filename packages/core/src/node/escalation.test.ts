import { describe, expect, test } from 'vitest';
import type { Decision } from '../decision/record.ts';
import type { PointSpec, Tier } from '../decision/spec.ts';
import { moments } from '../learners/moments.ts';
import type { HostedNode } from '../node.ts';
import { recordReward } from '../policies/unlearned.ts';
import type { Policy } from '../policy.ts';
import { standard } from '../presets/standard.ts';
import type { Factory, Registry } from '../registry.ts';
import type { AskAnswer, DownMessage } from '../sync/messages.ts';
import { byHand, handNode, me } from '../testing/hand-node.ts';

/** Wants the arm with its node's first letter, as surely as it is told; counts how often it was asked. */
const opinions = new Map<string, { confidence: number; asked: number; turns: number[]; units: number[] }>();
const opinionated =
  (node: string): Factory<Policy> =>
  (_options, input) => {
    const kept = moments({ range: input.range });
    const policy: Policy<ReturnType<typeof kept.zero>, null> = {
      name: 'opinion/1',
      evidence: kept,
      additive: true,
      view: () => null,
      propose(_view, at, out) {
        const mine = opinions.get(node)!;
        mine.asked++;
        mine.turns.push(at.turn);
        mine.units.push(at.unitHash);
        const wanted = input.arms.findIndex((each) => each.id === node[0]);
        const arm = at.allowed[wanted] === 1 ? wanted : at.allowed.indexOf(1);
        for (let a = 0; a < at.arms; a++) out.p[a] = a === arm ? 1 : 0;
        out.confidence = mine.confidence;
      },
      learn: recordReward(kept),
    };
    return policy as Policy;
  };

interface Tree {
  readonly cloud: HostedNode;
  readonly region: HostedNode;
  readonly device: HostedNode;
  /** Lets time pass: messages arrive, nodes tick. */
  pass(ms: number): Promise<void>;
  /** What a promise comes to as time passes. */
  come<T>(promise: Promise<T>): Promise<T>;
  delay: { device: number; region: number };
  /** What is heard instead of an answer from above. */
  forged: { answer: unknown };
}

const TIERS: readonly [keyof typeof PARENTS, Tier][] = [
  ['cloud', 'cloud'],
  ['region', 'region'],
  ['device', 'device'],
];
const PARENTS = { cloud: '', region: 'cloud', device: 'region' } as const;

async function tree(): Promise<Tree> {
  const hand = byHand();
  const due: { atMs: number; run: () => void }[] = [];
  const after = (wait: number, run: () => void): void => void due.push({ atMs: hand.ms + wait, run });
  const nodes: Record<string, HostedNode> = {};
  const delay = { device: 2, region: 2 };
  const forged: Tree['forged'] = { answer: undefined };
  const tampered = (down: DownMessage): DownMessage =>
    forged.answer === undefined
      ? down
      : { ...down, answers: down.answers.map(({ id }) => ({ ...(forged.answer as AskAnswer), id })) };
  for (const [name, tier] of TIERS) {
    opinions.set(name, {
      confidence: 1,
      asked: 0,
      turns: [],
      units: [],
    });
    const registry: Registry = {
      ...standard,
      policies: { ...standard.policies, opinion: opinionated(name) },
    };
    const timeout = (wait: number) => new Promise<void>((resolve) => after(wait, resolve));
    nodes[name] = await handNode({ name, tier, registry, hand, timeout });
    if (name === 'cloud') continue;
    const parent = nodes[PARENTS[name]];
    const link = nodes[name].connectParent((up) =>
      after(delay[name], () =>
        parent.receiveUp(up, (down) => after(delay[name], () => link.receive(tampered(down)))),
      ),
    );
  }
  const pass = async (wait: number): Promise<void> => {
    for (const endMs = hand.ms + wait; hand.ms < endMs; hand.ms++) {
      for (const node of Object.values(nodes)) node.tick();
      for (;;) {
        for (let hop = 0; hop < 10; hop++) await undefined;
        const at = due.findIndex((each) => each.atMs <= hand.ms);
        if (at < 0) break;
        due.splice(at, 1)[0].run();
      }
    }
  };
  const come = async <T>(promise: Promise<T>): Promise<T> => {
    let done = false;
    void promise.finally(() => (done = true)).catch(() => {});
    for (let i = 0; i < 500 && !done; i++) await pass(1);
    return promise;
  };
  return { ...(nodes as unknown as Pick<Tree, 'cloud' | 'region' | 'device'>), pass, come, delay, forged };
}

const spec: PointSpec = {
  point: 'p',
  arms: ['c', 'r', 'd'],
  fallback: 'c',
  policy: { kind: 'opinion' },
  guards: [{ kind: 'confidence', min: 0.9, otherwise: ['escalate', 'soften'] }],
  budget: '50ms',
};

async function ready(change: Partial<PointSpec> = {}): Promise<Tree> {
  const it = await tree();
  await it.come(it.cloud.apply({ ...spec, ...change }, me));
  await it.pass(3000);
  for (const opinion of opinions.values()) opinion.asked = 0;
  return it;
}

const sure = (name: string, confidence: number): void => void (opinions.get(name)!.confidence = confidence);
const shown = ({ arm, reason, propensity, tier }: Decision) => ({ arm, reason, propensity, tier });

describe('who is not sure asks above', () => {
  test('the region answers where it is sure', async () => {
    const { device, come } = await ready();
    sure('device', 0.1);
    const made = await come(device.decideAsync('p', { unit: 'u' }));
    expect(shown(made)).toEqual({ arm: 'r', reason: 'escalated', propensity: 1, tier: 'device' });
    expect(opinions.get('cloud')!.asked).toBe(0);
  });

  test('the region asks the cloud where it is not sure either', async () => {
    const { device, come } = await ready();
    sure('device', 0.1);
    sure('region', 0.1);
    expect(shown(await come(device.decideAsync('p')))).toMatchObject({ arm: 'c', reason: 'escalated' });
  });

  test('and answers itself where there is no time for that', async () => {
    const { device, come, pass, delay } = await ready();
    sure('device', 0.1);
    sure('region', 0.1);
    delay.region = 40;
    await pass(20_000);
    const made = await come(device.decideAsync('p', {}, { deadlineMs: 50 }));
    // It is no surer than the device was: judged again, and softened towards the fallback.
    expect(made.reason).toBe('escalated');
    expect(made.proposed).toBe('r');
    expect(made.trail).toMatchObject([{ guard: 'confidence', kind: 'soften' }]);
    expect(made.trail[0].why).toContain('the parent was asked');
  });

  test('or where the cloud does not answer in time', async () => {
    const { device, come, delay } = await ready();
    sure('device', 0.1);
    sure('region', 0.1);
    delay.region = 400;
    const made = await come(device.decideAsync('p'));
    expect(made).toMatchObject({ reason: 'escalated', proposed: 'r' });
  });

  test('a region that is gone costs the deadline, and its time is known afterwards', async () => {
    const { device, come, delay } = await ready();
    sure('device', 0.1);
    delay.device = 400;
    expect(shown(await come(device.decideAsync('p')))).toMatchObject({
      arm: 'c',
      reason: 'deadline',
      propensity: null,
    });
    expect(device.state.parent?.asks.size).toBe(0);
  });

  test('`decide` asks nobody', async () => {
    const { device } = await ready();
    sure('device', 0.1);
    expect(device.decide('p').reason).toBe('policy');
  });
});

describe('a point that a higher tier decides', () => {
  test('is decided by the cloud’s proposal, through the region', async () => {
    const { device, come } = await ready({ placement: 'cloud' });
    const made = await come(device.decideAsync('p'));
    expect(shown(made)).toEqual({ arm: 'c', reason: 'escalated', propensity: 1, tier: 'device' });
    expect([opinions.get('region')!.asked, opinions.get('device')!.asked]).toEqual([0, 0]);
    expect(device.decide('p').reason).toBe('placement');
  });

  test('gets the fallback where the cloud is out of reach', async () => {
    const { device, come, delay } = await ready({ placement: 'cloud' });
    delay.region = 400;
    expect(shown(await come(device.decideAsync('p')))).toMatchObject({ arm: 'c', reason: 'placement' });
    delay.device = 400;
    expect(shown(await come(device.decideAsync('p')))).toMatchObject({
      reason: 'placement',
      propensity: null,
    });
  });

  test('keeps the holdout pure, and a kill a kill', async () => {
    const { device, cloud, come, pass } = await ready({
      placement: 'cloud',
      fallback: 'd',
      guards: [{ kind: 'holdout', share: 1 }],
    });
    expect(shown(await come(device.decideAsync('p', { unit: 'u' })))).toMatchObject({
      arm: 'd',
      reason: 'baseline',
    });
    await come(cloud.kill({ scope: 'point:p', reason: 'stop', by: me }));
    await pass(2000);
    expect((await come(device.decideAsync('p'))).reason).toBe('killed');
  });
});

describe('guards count one intervention for a decision', () => {
  const counts = (device: HostedNode): number[] => [
    ...device.state.points.get('p')!.counters.guardInterventions,
  ];
  const guards = [{ kind: 'exploration', floor: 0.1 }, ...spec.guards!];

  test('that was sent up, whoever has the last word', async () => {
    const { device, come, forged } = await ready({ guards });
    sure('device', 0.1);
    const before = counts(device);
    await come(device.decideAsync('p'));
    expect(counts(device)).toEqual(before.map((n) => n + 1));
    // The parent is not sure either: the guard is heard again, and softens.
    forged.answer = { p: { c: 1 }, confidence: 0.2 };
    await come(device.decideAsync('p'));
    expect(counts(device)).toEqual(before.map((n) => n + 2));
  });

  test('that was answered too late', async () => {
    const { device, come, delay } = await ready({ guards });
    sure('device', 0.1);
    delay.device = 100;
    const [, confidence] = counts(device);
    await come(device.decideAsync('p', {}, { deadlineMs: 20 }));
    expect(counts(device)[1]).toBe(confidence + 1);
  });

  test('that did not leave its node', async () => {
    const { device } = await ready({ guards });
    sure('device', 1);
    const before = counts(device);
    device.decide('p');
    expect(counts(device)).toEqual([before[0] + 1, before[1]]);
  });
});

describe('who is asked', () => {
  test('goes on with its own decisions as if it had not been', async () => {
    const { device, region, come } = await ready();
    sure('device', 0.1);
    region.decide('p');
    const { turns } = region.state.points.get('p')!;
    const draws = region.state.points.get('p')!.n;
    for (let i = 0; i < 5; i++) await come(device.decideAsync('p', { unit: 'u' }));
    const state = region.state.points.get('p')!;
    expect([state.turns, state.n, state.inflightTotal]).toEqual([turns, draws, 1]);
    expect(state.counters.guardInterventions[0]).toBe(0);
  });

  test('answers for the unit that it is asked about', async () => {
    const { device, come } = await ready();
    sure('device', 0.1);
    const made = await come(device.decideAsync('p', { unit: 'somebody' }));
    expect(opinions.get('region')!.units.at(-1)).toBe((made as unknown as { unitHash: number }).unitHash);
  });

  test('does not name an arm whose circuit is open here, or that the caller excludes', async () => {
    const { device, region, come } = await ready({
      objective: { success: 1 },
      guards: [...spec.guards!, { kind: 'breaker', minCalls: 2 }],
    });
    sure('device', 0.1);
    const ids = [region.decide('p').id, region.decide('p').id];
    await come(region.feedback(ids.map((id) => ({ id, metrics: { success: 0 } }))));
    expect((await come(device.decideAsync('p'))).arm).toBe('c');
    expect((await come(device.decideAsync('p', { exclude: ['c'] }))).arm).toBe('d');
  });
});

describe('while the parent is asked', () => {
  test('arms may go: its answer is read by name', async () => {
    const { device, cloud, come, pass, delay } = await ready();
    sure('device', 0.1);
    delay.device = 20;
    const deciding = device.decideAsync('p', {}, { deadlineMs: 400 });
    await pass(5);
    delay.device = 1;
    await come(cloud.apply({ ...spec, arms: ['d', 'x', 'r', 'c'] }, me));
    await pass(20);
    expect(device.point('p')?.version).toBe(2);
    expect(shown(await come(deciding))).toMatchObject({ arm: 'r', reason: 'escalated' });
  });

  test('a person may pin an arm: that holds at the deadline too', async () => {
    const { device, cloud, come, pass, delay } = await ready();
    sure('device', 0.1);
    delay.device = 400;
    const deciding = device.decideAsync('p');
    await pass(5);
    await come(
      device.override({ point: 'p', arm: 'd', reason: 'pin', by: { name: 'me', authority: 'device' } }),
    );
    expect(shown(await come(deciding))).toMatchObject({ arm: 'd', reason: 'override' });
    expect(cloud.name).toBe('cloud');
  });

  test('the unit keeps what was answered', async () => {
    const { device, come } = await ready({ sticky: { for: '1h' } });
    sure('device', 0.1);
    expect((await come(device.decideAsync('p', { unit: 'u' }))).reason).toBe('escalated');
    expect(device.decide('p', { unit: 'u' })).toMatchObject({ reason: 'sticky', arm: 'r' });
  });

  test.each([
    ['nothing', { p: null, confidence: null }],
    ['text', { p: 'r', confidence: 1 }],
    ['negative shares', { p: { r: 2, c: -1 }, confidence: 1 }],
    ['no numbers', { p: { r: Number.NaN }, confidence: 1 }],
    ['more than all', { p: { r: 1, c: 1 }, confidence: 1 }],
    ['strangers', { p: { x: 1 }, confidence: 1 }],
  ])('an answer of %s is none: the own proposal stands', async (_, answer) => {
    const { device, come, forged } = await ready();
    sure('device', 0.1);
    forged.answer = answer;
    const made = await come(device.decideAsync('p'));
    expect(made).toMatchObject({ reason: 'policy', proposed: 'd' });
    expect(made.trail[0]).toMatchObject({ guard: 'parent', kind: 'pass' });
  });

  test('questions are bounded in number', async () => {
    const { device, come, delay } = await ready();
    sure('device', 0.1);
    delay.device = 400;
    const many = Array.from({ length: 2000 }, () => device.decideAsync('p'));
    expect(device.state.parent?.asks.size).toBeLessThanOrEqual(1024);
    const reasons = (await come(Promise.all(many))).map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'deadline')).toHaveLength(1024);
    expect(reasons.filter((reason) => reason === 'policy')).toHaveLength(976);
    expect(device.state.parent?.asks.size).toBe(0);
  });
});

describe('a place in a bulkhead', () => {
  const numberOf = ({ id }: { readonly id: string }): number => Number(id.slice(id.lastIndexOf('~') + 1));
  const narrow: Partial<PointSpec> = { guards: [{ kind: 'bulkhead', total: 1, queue: 2 }], budget: '100ms' };

  test('is waited for in order, and those beyond the queue are blocked at once', async () => {
    const { device, come, pass } = await ready(narrow);
    const first = device.decide('p');
    const order: string[] = [];
    const waiting = ['x', 'y', 'z'].map((unit) =>
      device.decideAsync('p', { unit }).then((made) => {
        order.push(`${unit} ${made.reason}`);
        return made;
      }),
    );
    await pass(5);
    expect(order).toEqual(['z blocked']);
    expect(device.decide('p').reason).toBe('blocked');
    device.release(first.id);
    await pass(1);
    expect(order).toEqual(['z blocked', 'x policy']);
    device.release((await waiting[0]).id);
    await come(waiting[1]);
    expect(order).toEqual(['z blocked', 'x policy', 'y policy']);
    expect(device.report('p', 'self').guards[0].interventions).toBe(2);
  });

  test('and whoever decides while the answer is on its way to the one who waited, the outcomes of both are joined', async () => {
    const { device, come } = await ready({
      guards: [{ kind: 'bulkhead', total: 2, queue: 2 }],
      budget: '100ms',
    });
    const before = [device.decide('p'), device.decide('p')];
    const waiting = device.decideAsync('p');
    for (const { id } of before) device.release(id);
    await undefined;
    const meanwhile = device.decide('p');
    const waited = await come(waiting);
    expect(numberOf(meanwhile)).toBeGreaterThan(numberOf(waited));
    const results = await come(device.feedback([waited, meanwhile].map(({ id }) => ({ id, reward: 1 }))));
    expect(results.map(({ status }) => status)).toEqual(['joined', 'joined']);
  });

  test('until the deadline', async () => {
    const { device, come } = await ready(narrow);
    device.decide('p');
    const made = await come(device.decideAsync('p', {}, { deadlineMs: 20 }));
    expect(made).toMatchObject({ reason: 'blocked', arm: null });
    expect(device.state.domainLoads.get('default')?.queue).toEqual([]);
  });

  test('is given to others of the domain too, and a kill needs none', async () => {
    const domain: Partial<PointSpec> = {
      guards: [{ kind: 'bulkhead', total: 1, queue: 1, scope: 'domain' }],
      budget: '100ms',
    };
    const { device, cloud, come, pass } = await ready(domain);
    await come(cloud.apply({ ...spec, ...domain, point: 'q' }, me));
    await pass(2000);
    const first = device.decide('p');
    const waiting = device.decideAsync('q');
    expect((await come(device.decideAsync('p'))).reason).toBe('blocked');
    device.release(first.id);
    const made = await come(waiting);
    expect(made.reason).toBe('policy');
    const next = device.decideAsync('q', {}, { deadlineMs: 50 });
    await come(device.kill({ scope: 'point:q', reason: 'stop', by: { name: 'me', authority: 'device' } }));
    expect((await come(next)).reason).toBe('killed');
  });
});
