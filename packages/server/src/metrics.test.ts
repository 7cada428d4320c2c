import { spawnSync } from 'node:child_process';
import type { Decision, GanglionNode } from '@ganglion/core';
import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics, type Metrics } from './metrics.ts';
import { proxyStats } from './proxy/stats.ts';
import { OFFER } from './testing/feature-point.ts';
import { CHECKOUT, startNode } from './testing/node.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function measured(points = 1): Promise<{ node: GanglionNode; metrics: Metrics }> {
  const specs = Array.from({ length: points }, (_, i) => ({ ...CHECKOUT, point: `p${i}` }));
  const node = await startNode(specs);
  const metrics = createMetrics(node);
  open.push(node, metrics);
  return { node, metrics };
}

/** The sum of a metric's samples whose labels match. */
async function sum(metrics: Metrics, sample: RegExp): Promise<number> {
  const lines = (await metrics.render()).split('\n').filter((line) => sample.test(line));
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

describe('metrics', () => {
  it('count events and entities of features, by domain', async () => {
    const node = await startNode([OFFER]);
    const metrics = createMetrics(node);
    open.push(node, metrics);
    const event = { id: '1', type: 'click', entity: 'user:ann', domain: 'shop' };
    await node.ingest([event, event, { ...event, id: '2', type: 'nap' }]);
    for (const status of ['taken', 'duplicate', 'unused'])
      expect(
        await sum(metrics, new RegExp(`^ganglion_ingest_events_total.*domain="shop",status="${status}"`)),
      ).toBe(1);
    expect(await sum(metrics, /^ganglion_feature_entities\{.*entity="user"/)).toBe(1);
    expect(await sum(metrics, /^ganglion_feature_entities_max\{.*entity="user"/)).toBe(100_000);
    expect(await sum(metrics, /^ganglion_feature_entities_dropped_total\{.*why="evicted"/)).toBe(0);
  });

  it('count what was decided, by reason, in whatever order it comes', async () => {
    const { metrics } = await measured();
    const decision = (point: string, reason: string) => ({ point, reason }) as Decision;
    for (let i = 0; i < 10; i++)
      for (const [point, reason] of [
        ['p0', 'policy'],
        ['p0', 'baseline'],
        ['p0', 'policy'],
        ['q', 'policy'],
      ])
        metrics.made(decision(point, reason));
    expect(await sum(metrics, /^ganglion_http_decisions_total\{point="p0",reason="policy"\}/)).toBe(20);
    expect(await sum(metrics, /^ganglion_http_decisions_total\{point="p0",reason="baseline"\}/)).toBe(10);
    metrics.made(decision('p0', 'policy'));
    expect(await sum(metrics, /^ganglion_http_decisions_total/)).toBe(41);
  });

  it('count decisions made past this server as well, and what came back', async () => {
    const { node, metrics } = await measured();
    const { id } = node.decide('p0');
    await node.feedback([{ id, metrics: { success: 1, latencyMs: 5 } }]);
    expect(await sum(metrics, /^ganglion_decisions_total\{node="cloud",point="p0"/)).toBe(1);
    expect(await sum(metrics, /^ganglion_outcomes_total\{node="cloud",point="p0"/)).toBe(1);
    metrics.fed({ accepted: 3, joined: 2, routed: 0, unjoined: 0, duplicates: 1, rejected: [] });
    expect(await sum(metrics, /^ganglion_feedback_total\{status="joined"\}/)).toBe(2);
  });

  it('have a bounded number of labels, and lose no count to it', async () => {
    const { node, metrics } = await measured(230);
    for (const { spec } of node.points()) {
      metrics.made(node.decide(spec.point));
    }
    const text = await metrics.render();
    expect(new Set(text.match(/point="[^"]+"/g)).size).toBe(201);
    expect(await sum(metrics, /^ganglion_decisions_total/)).toBe(230);
    expect(await sum(metrics, /^ganglion_http_decisions_total/)).toBe(230);
  });

  it('tell whose storage fails; of a node in memory only nothing', async () => {
    const node = await startNode();
    const [status] = node.nodes();
    const nodes = (['durable', 'failing', 'memory'] as const).map((storage) => ({
      ...status,
      node: storage,
      storage,
    }));
    const metrics = createMetrics({ ...node, nodes: () => nodes });
    open.push(node, metrics);
    const lines = (await metrics.render())
      .split('\n')
      .filter((line) => /^ganglion_storage_failing/.test(line));
    expect(lines).toEqual([
      'ganglion_storage_failing{node="durable",tier="cloud"} 0',
      'ganglion_storage_failing{node="failing",tier="cloud"} 1',
    ]);
  });

  it('tell of a node that has fallen silent for how long, and nothing that was true before', async () => {
    const node = await startNode();
    const [status] = node.nodes();
    const silent = {
      ...status,
      node: 'edge',
      health: 'unknown',
      ageMs: 90_000,
      lease: { state: 'held', remainingMs: 25_000 },
      parentAgeMs: 200,
      parentRttMs: 3,
      storage: 'failing',
    } as const;
    const metrics = createMetrics({ ...node, nodes: () => [status, silent] });
    open.push(node, metrics);
    const told = (await metrics.render()).split('\n').filter((line) => line.includes('node="edge"'));
    expect(told).toEqual([`ganglion_node_report_age_seconds{node="edge",tier="${status.tier}"} 90`]);
  });

  it('tell how far the kills in force have got, and 0 where there is none', async () => {
    const { node, metrics } = await measured();
    const states = async () =>
      Object.fromEntries(
        (await metrics.render())
          .split('\n')
          .map((line) => /^ganglion_kill_acknowledgements\{state="(\w+)"\} (\d+)$/.exec(line))
          .filter((found) => found !== null)
          .map(([, state, count]) => [state, Number(count)]),
      );
    const none = { acknowledged: 0, waiting: 0, unknown: 0, lease_expired: 0, unbounded: 0 };
    expect(await states()).toEqual(none);
    const said = { scope: 'point:p0', reason: 'a test', by: { name: 'alice', authority: node.name } };
    await node.kill(said);
    expect(await states()).toEqual({ ...none, acknowledged: 1 });
    await node.revive(said);
    expect(await states()).toEqual(none);
  });

  it('of two servers in one process never mix', async () => {
    const one = await measured();
    const other = await measured();
    one.metrics.made({ point: 'p0', reason: 'policy' } as Decision);
    expect(await sum(other.metrics, /^ganglion_http_decisions_total/)).toBe(0);
  });

  it('are in the text format that Prometheus reads', async () => {
    const { node, metrics } = await measured();
    node.decide('p0');
    for (const line of (await metrics.render()).split('\n').filter((each) => each !== ''))
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="[^"\\]*",?)+\})? -?[0-9.e+-]+)$/);
  });

  it('follow the conventions of Prometheus, those of proxies too: promtool finds nothing to say', async () => {
    const node = await startNode();
    const outcomes = { counts: { taken: 3, duplicates: 0, rejected: 1, lost: 2 }, waiting: () => 4 };
    const metrics = createMetrics(node, () => [
      { name: 'edge', stats: { ...proxyStats(), cutResponses: 3 }, outcomes },
    ]);
    open.push(node, metrics);
    node.decide('checkout-backend');
    metrics.answered('GET', '/v1/points', 200, 0.01);
    metrics.fed({ accepted: 1, joined: 1, routed: 0, unjoined: 0, duplicates: 0, rejected: [] });
    const text = await metrics.render();
    expect(text).toContain('ganglion_proxy_outcomes_total{proxy="edge",status="lost"} 2');
    expect(text).toContain('ganglion_proxy_cut_responses_total{proxy="edge"} 3');
    expect(text).toContain('ganglion_proxy_outcomes_waiting{proxy="edge"} 4');
    const told = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    if (told.error !== undefined) {
      // No promtool on this machine: said aloud, and a failure where it is asked for.
      expect(process.env.GANGLION_REQUIRE_SERVICES).not.toBe('1');
      process.stdout.write('skipped: promtool is not installed\n');
      return;
    }
    expect({ status: told.status, out: told.stdout + told.stderr }).toEqual({ status: 0, out: '' });
  });
});
