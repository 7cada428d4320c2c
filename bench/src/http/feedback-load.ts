/**
 * Feedback in lists, as a process of its own: `node feedback-load.ts PORT JSON`. Decides first, untimed, then sends an
 * outcome for every decision over all connections at once; a list counts when it is answered 202, so when it is durable.
 */
import { connection, post } from './connection.ts';

export interface FeedbackPlan {
  readonly connections: number;
  /** Items of a list, and lists in all. */
  readonly bulk: number;
  readonly lists: number;
}

export interface Fed {
  readonly outcomes: number;
  readonly ms: number;
  readonly errors: number;
}

const port = Number(process.argv[2]);
const plan = JSON.parse(process.argv[3]) as FeedbackPlan;
const links = await Promise.all(Array.from({ length: plan.connections }, () => connection(port)));
const inputs = Array.from({ length: plan.bulk }, (_, i) => ({
  unit: `user-${i}`,
  context: { region: 'eu', load: 0.5 },
}));
const ask = post('/v1/points/bench/decide', JSON.stringify(inputs));
const requests: Buffer[] = [];
for (let i = 0; i < plan.lists; i++) {
  const { body } = await links[i % links.length].call(ask, true);
  const decisions = JSON.parse(body) as { id: string }[];
  requests.push(
    post('/v1/feedback', JSON.stringify(decisions.map(({ id }, k) => ({ id, reward: k % 3 === 0 ? 1 : 0 })))),
  );
}
// What was decided is on its way to the disk too: that is not what is timed here.
await new Promise((resolve) => setTimeout(resolve, 500));
process.stdout.write('{"ready":true}\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
let errors = 0;
const startedMs = performance.now();
await Promise.all(
  links.map(async (link) => {
    for (let request = requests.pop(); request !== undefined; request = requests.pop()) {
      const { status, body } = await link.call(request, true);
      if (status !== 202 || (JSON.parse(body) as { joined: number }).joined !== plan.bulk) errors++;
    }
  }),
);
const fed: Fed = { outcomes: plan.bulk * plan.lists, ms: performance.now() - startedMs, errors };
process.stdout.write(`${JSON.stringify(fed)}\n`);
process.exit(0);
