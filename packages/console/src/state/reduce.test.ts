import { describe, expect, it } from 'vitest';
import { arm, node, report, seen, spec } from '../testing.ts';
import { DECISIONS_KEPT, INITIAL, type Message, type State } from './model.ts';
import { reduce } from './reduce.ts';

const AT = { nowMs: 1000, wallMs: 1_000_000 };
const run = (messages: readonly Message[], state: State = INITIAL, at = AT) => reduce(state, messages, at);
const decided = (id: string): Message => ({ kind: 'decision', node: 'd1', decision: seen({ id }).decision });
const came = (id: string, reward = 1): Message => ({
  kind: 'outcome',
  node: 'd1',
  id,
  point: 'checkout',
  arm: 'a',
  reward,
  metrics: { success: 1 },
});
const counts = (a: number, b: number) => ({ decisions: a + b, arms: [arm('a', a), arm('b', b)] });

describe('the stream of decisions', () => {
  it('joins outcomes by id, whenever they come, and takes a correction', () => {
    let state = run([decided('1'), decided('2'), came('1')]);
    expect(state.decisions.map((one) => [one.decision.id, one.outcome?.reward])).toEqual([
      ['2', undefined],
      ['1', 1],
    ]);
    state = run([came('2'), came('1', 0.5)], state);
    expect(state.decisions.map((one) => one.outcome?.reward)).toEqual([1, 0.5]);
  });

  it('shows a decision once, though two streams bring it', () => {
    const state = run([decided('1'), decided('1')], run([decided('1')]));
    expect([state.decisions.length, state.decisionsSeen]).toEqual([1, 1]);
  });

  it('is bounded', () => {
    const many = Array.from({ length: DECISIONS_KEPT + 50 }, (_, i) => decided(String(i)));
    const state = run(many);
    expect(state.decisions).toHaveLength(DECISIONS_KEPT);
    expect(state.decisions[0].decision.id).toBe(String(DECISIONS_KEPT + 49));
  });
});

describe('reports', () => {
  const answer: Message = {
    kind: 'answer',
    answer: {
      report: report('cloud', counts(4, 6)),
      nodes: [report('cloud'), report('d1', counts(1, 2)), report('d2', counts(3, 4))],
    },
  };

  it('are those of the whole tree though the answering node is one among its nodes', () => {
    const state = run([answer]);
    expect(state.reports.checkout.merged.value).toMatchObject({ node: 'cloud', decisions: 10 });
    const next = run([{ kind: 'report', node: 'd1', report: report('d1', counts(11, 2)) }], state);
    expect(next.reports.checkout.merged.value.decisions).toBe(10);
    expect(next.reports.checkout.nodes.d1.value.decisions).toBe(13);
  });

  it('are taken as they are where the answering node has put them together', () => {
    const whole: Message = {
      kind: 'answer',
      answer: { report: report('cloud', counts(5, 5)), nodes: [report('d1', counts(1, 2))] },
    };
    const state = run([whole]);
    expect(state.reports.checkout.merged.value.decisions).toBe(10);
    const next = run([{ kind: 'report', node: 'cloud', report: report('cloud', counts(6, 6)) }], state);
    expect(next.reports.checkout.merged.value.decisions).toBe(12);
  });

  it('of a point that nobody was asked about are put together from the stream', () => {
    const from = (node: string, a: number): Message => ({
      kind: 'report',
      node,
      report: report(node, counts(a, 0)),
    });
    const state = run([from('d1', 1), from('d2', 2), from('d1', 5)]);
    expect(state.reports.checkout.merged.value.decisions).toBe(7);
  });

  it('leave a history, one sample for those that come together, and one at once for a change of mode', () => {
    let state = run([answer]);
    state = run([answer], state, { nowMs: 1100, wallMs: 1_000_100 });
    expect(state.history.checkout).toHaveLength(1);
    const killed: Message = { kind: 'report', node: 'cloud', report: report('cloud', { mode: 'killed' }) };
    state = run([killed], state, { nowMs: 1200, wallMs: 1_000_200 });
    expect(state.history.checkout.map((one) => one.mode)).toEqual(['learning', 'killed']);
  });

  it('go with their point', () => {
    const state = run([answer, { kind: 'points', points: [{ spec: spec({ point: 'other' }), version: 1 }] }]);
    expect([state.reports, state.history]).toEqual([{}, {}]);
  });
});

describe('the rest', () => {
  it('knows a node by its latest word', () => {
    let state = run([{ kind: 'nodes', nodes: [node('cloud', null).value, node('d1', 'cloud').value] }]);
    state = run(
      [{ kind: 'status', node: 'd1', status: node('d1', 'cloud', { health: 'degraded' }).value }],
      state,
    );
    expect(state.nodes.map((one) => one.value.health)).toEqual(['healthy', 'degraded']);
  });

  it('stays lost while it tries again, until everything has been heard anew', () => {
    let state = run([{ kind: 'ready' }]);
    expect(state.connection.state).toBe('live');
    state = run([{ kind: 'lost', why: 'silent' }, { kind: 'connecting' }, { kind: 'heard' }], state);
    expect(state.connection).toMatchObject({ state: 'lost', why: 'silent' });
    expect(run([{ kind: 'ready' }], state).connection).toMatchObject({ state: 'live', lostMs: null });
  });

  it('changes nothing in the state it was given', () => {
    const before = run([decided('1'), { kind: 'nodes', nodes: [node('cloud', null).value] }]);
    const copy = structuredClone(before);
    run(
      [
        decided('2'),
        came('1'),
        { kind: 'status', node: 'cloud', status: node('cloud', null).value },
        { kind: 'lost', why: '' },
      ],
      before,
    );
    expect(before).toEqual(copy);
  });

  it('keeps the audit newest first and each entry once', () => {
    const entry = (seq: number) => ({
      seq,
      atMs: seq,
      node: 'cloud',
      by: 'a',
      action: 'kill',
      target: '*',
      reason: '',
    });
    const state = run([
      { kind: 'audit-answer', entries: [entry(1), entry(2)] },
      { kind: 'audit', node: 'cloud', entry: entry(3) },
      { kind: 'audit', node: 'cloud', entry: entry(3) },
    ]);
    expect(state.audit.map((one) => one.seq)).toEqual([3, 2, 1]);
  });

  it('takes the whole of a large tree alone, and keeps what it knew of single nodes', () => {
    const whole = report('cloud', { decisions: 9 });
    const answer = (nodes: readonly ReturnType<typeof report>[]): Message => ({
      kind: 'answer',
      answer: { report: whole, nodes },
    });
    const before = run([answer([whole, report('d1', { decisions: 4 })])]);
    const after = run([answer([])], before).reports.checkout;
    expect([after.given, after.merged.value.decisions, Object.keys(after.nodes)]).toEqual([true, 9, ['d1']]);
    expect(run([answer([])]).reports.checkout.given).toBe(true);
  });

  it('keeps no history of single nodes where there are very many', () => {
    const nodes = Array.from({ length: 60 }, (_, i) => report(`d${i}`, { decisions: i }));
    const whole = report('cloud', { decisions: 9 });
    const state = run([{ kind: 'answer', answer: { report: whole, nodes: [whole, ...nodes] } }]);
    expect(Object.keys(state.history)).toEqual(['checkout']);
  });
});
