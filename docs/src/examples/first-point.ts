import { setTimeout } from 'node:timers/promises';
import { standard } from '@ganglion/core/presets';
import { embedNode } from '@ganglion/sdk';

const greeting = {
  point: 'greeting',
  arms: ['plain', 'warm'],
  fallback: 'plain',
  policy: { kind: 'thompson' },
};
const node = await embedNode({ name: 'shop', registry: standard, points: [greeting] });

for (let visit = 0; visit < 500; visit++) {
  const { id, arm } = node.decide('greeting', { unit: `visitor-${visit}` });
  const bought = Math.random() < (arm === 'warm' ? 0.4 : 0.1); // your application
  await node.feedback([{ id, reward: bought ? 1 : 0 }]);
  await setTimeout(1); // the next visitor
}
for (const { arm, decisions } of node.report('greeting').arms) console.log(`${arm}: ${decisions} visitors`);
await node.close();
