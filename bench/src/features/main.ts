/** `npm run bench -- features`: features in a decision, events a second, from an event to what it shows, memory. */

import { figure, ratio } from '../lib/report.ts';
import { quantile, type Subject, sampleAll } from '../lib/sample.ts';
import { tell } from '../lib/story.ts';
import { ingestRows, memoryRows, visible } from './ingest.ts';
import { DEFINE, ENTITIES, events, pointWith, rootNode } from './point.ts';

const ALL = Object.keys(DEFINE);
const FIELDS = ALL.length;
const BACKGROUND = 2000;

await tell({
  name: 'features',
  title: 'Features',
  help: 'What features add to a decision, events a second, from an event to what it shows, memory of an entity.',
  async measure({ quick, say }) {
    say('in a decision');
    const { subjects, close } = await deciding();
    const samples = await sampleAll(subjects, quick ? 3 : 15, quick ? 60 : 200);
    await close();
    const [plain, , all] = samples.map(({ medianNs }) => medianNs);
    const added = (all - plain) / FIELDS;
    say('events');
    const ingested = await ingestRows(quick ? 500 : 3000);
    say('from an event to what it shows');
    const seen = await visible(quick ? 100 : 1000, BACKGROUND);
    const [p50, p99, durable99] = [
      quantile(seen.shown, 0.5),
      quantile(seen.shown, 0.99),
      quantile(seen.durable, 0.99),
    ];
    say('memory');
    const memory = await memoryRows(quick ? 20_000 : 100_000);
    return {
      tables: [
        {
          title: `In a decision; entities in turn out of ${ENTITIES.toLocaleString('en-US')}`,
          head: ['', 'median ns', 'p99 ns', 'CPU ns', 'added a feature, ns'],
          rows: samples.map(({ name, medianNs, p99Ns, cpuNs }, i) => [
            name,
            figure(medianNs),
            figure(p99Ns),
            figure(cpuNs),
            i === 0 ? '' : figure((medianNs - plain) / (i === 1 ? 1 : FIELDS)),
          ]),
        },
        {
          title: `Events of ${FIELDS} features each`,
          head: ['', 'events/s', 'of the limit', 'p99 ms a list'],
          rows: ingested.map(({ name, perSecond, p99Ms }) => [
            name,
            figure(perSecond),
            ratio(perSecond, ingested[ingested.length - 1].perSecond),
            figure(p99Ms),
          ]),
        },
        {
          title: `Over HTTP on SQLite, beside ${figure(seen.backgroundPerSecond)} other events a second`,
          head: ['', 'p50 ms', 'p99 ms'],
          rows: [
            ['from sending an event to an answer that shows it', figure(p50), figure(p99)],
            ['from sending it to its 202: durable', figure(quantile(seen.durable, 0.5)), figure(durable99)],
          ],
        },
        {
          title: 'Memory',
          head: ['', 'bytes an entity'],
          rows: memory.map(({ name, bytes }) => [name, figure(bytes)]),
        },
      ],
      goals: [
        { goal: 'a feature adds ≤ 100 ns to a decision', figure: `${figure(added)} ns`, met: added <= 100 },
        { goal: 'an event shows within 50 ms, p99', figure: `${figure(p99)} ms`, met: p99 <= 50 },
      ],
      notes: [
        `The ${FIELDS} features: two counts, two rates, a window of ten parts, a mean of the last five, a last, a ratio. The first row has as many fields that nobody fills.`,
        'Decisions freeze the values with two times each into their records: that is in the figure.',
        'The limit is what an application would do without features: a Map of its own, its numbers copied into the context; no times, no decay, no bound, no disk.',
        'The first feature of an entity pays for finding it, out of a cache that decisions have swept; the others lie beside it.',
        'Sender, asker and daemon share one process: what they cost each other is in the times.',
      ],
    };
  },
});

async function deciding(): Promise<{ subjects: Subject[]; close: () => Promise<void> }> {
  const node = await rootNode([
    pointWith('plain', [], FIELDS),
    pointWith('one', ['views_1h'], FIELDS),
    pointWith('all', ALL),
  ]);
  for (let i = 0; i < 8; i++) await node.ingest(events(ENTITIES));
  const known = Array.from({ length: ENTITIES }, (_, i) => ({ unit: `u${(i * 7919) % ENTITIES}` }));
  const strangers = Array.from({ length: ENTITIES }, (_, i) => ({ unit: `stranger${i}` }));
  const numbers = known.map((_, i) => ({
    f0: 8.5,
    f1: 2.5,
    f2: 0.5,
    f3: 0.25,
    f4: i + 0.5,
    f5: 1.5,
    f6: 3.5,
    f7: 0.5,
  }));
  const map = new Map(numbers.map((values, i) => [`u${(i * 7919) % ENTITIES}`, values]));
  const decide =
    (point: string, inputs: readonly { readonly unit: string }[]) => (count: number, offset: number) => {
      for (let i = offset; i < offset + count; i++) node.decide(point, inputs[i % ENTITIES]);
    };
  const between = (): void => node.tick();
  return {
    subjects: [
      { name: `no features, ${FIELDS} fields`, run: decide('plain', known), between },
      { name: 'one feature: a decayed rate', run: decide('one', known), between },
      { name: `${FIELDS} features`, run: decide('all', known), between },
      { name: `${FIELDS} features of an entity that is not known`, run: decide('all', strangers), between },
      {
        name: `limit: ${FIELDS} numbers of a Map of objects, given by the caller`,
        run: (count, offset) => {
          for (let i = offset; i < offset + count; i++) {
            const { unit } = known[i % ENTITIES];
            const { f0, f1, f2, f3, f4, f5, f6, f7 } = map.get(unit) as (typeof numbers)[number];
            node.decide('plain', { unit, context: { f0, f1, f2, f3, f4, f5, f6, f7 } });
          }
        },
        between,
      },
    ],
    close: () => node.close(),
  };
}
