import { GrowthBookClient } from '@growthbook/growthbook';
import { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk';
import { ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel';
// @ts-expect-error: opossum brings no types; what is used of it is declared where it is made.
import CircuitBreaker from 'opossum';
import { InMemStorageProvider, Unleash } from 'unleash-client';
import { INPUTS, inputs } from '../lib/point.ts';
import type { Subject } from '../lib/sample.ts';
import { noop, sink } from './subjects.ts';

const MASK = INPUTS - 1;

export interface Peers {
  readonly subjects: readonly Subject[];
  close(): Promise<void>;
}

/** Flag and experiment tools, and circuit breakers, each as its documentation says, on local data. */
export async function startPeers(): Promise<Peers> {
  const unleash = await unleashClient();
  const growthbook = growthbookClient();
  await OpenFeature.setProviderAndWait(new InMemoryProvider(FLAG as never));
  const openfeature = OpenFeature.getClient();
  const opossum: { fire(): Promise<number>; shutdown(): void } = new CircuitBreaker(noop, { timeout: false });
  const cockatiel = circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) });

  const unleashContexts = inputs.map(({ unit, context }) => ({
    userId: unit as string,
    properties: { region: String(context?.region) },
  }));
  const users = inputs.map(({ unit, context }) => ({
    attributes: { id: unit, region: String(context?.region) },
  }));
  const targets = inputs.map(({ unit, context }) => ({
    targetingKey: unit as string,
    region: String(context?.region),
  }));

  const subjects: Subject[] = [
    {
      name: 'Unleash: rollout + constraint',
      run(count, offset) {
        for (let i = 0; i < count; i++)
          if (unleash.isEnabled('bench', unleashContexts[(offset + i) & MASK])) sink.seen++;
      },
    },
    {
      name: 'GrowthBook: experiment of ten variations',
      run(count, offset) {
        for (let i = 0; i < count; i++)
          if (growthbook.runInlineExperiment(EXPERIMENT, users[(offset + i) & MASK]).inExperiment)
            sink.seen++;
      },
    },
    {
      name: 'OpenFeature: in-memory provider',
      async run(count, offset) {
        for (let i = 0; i < count; i++)
          sink.seen += (await openfeature.getStringValue('bench', '', targets[(offset + i) & MASK])).length;
      },
    },
    {
      name: 'opossum: fire',
      async run(count) {
        for (let i = 0; i < count; i++) sink.seen += await opossum.fire();
      },
    },
    {
      name: 'cockatiel: execute',
      async run(count) {
        for (let i = 0; i < count; i++) sink.seen += await cockatiel.execute(noop);
      },
    },
  ];
  return {
    subjects,
    async close() {
      unleash.destroy();
      growthbook.destroy();
      opossum.shutdown();
      await OpenFeature.close();
    },
  };
}

async function unleashClient(): Promise<Unleash> {
  const unleash = new Unleash({
    appName: 'bench',
    url: 'http://127.0.0.1:9/api/',
    customHeaders: { Authorization: 'none' },
    refreshInterval: 0,
    // It counts, as it does by default and as we do; there is nobody to send the counts to.
    metricsInterval: 3_600_000,
    skipInstanceCountWarning: true,
    storageProvider: new InMemStorageProvider(),
    bootstrap: {
      data: [
        {
          name: 'bench',
          type: 'release',
          enabled: true,
          stale: false,
          impressionData: false,
          strategies: [
            {
              name: 'flexibleRollout',
              parameters: { rollout: '95', stickiness: 'userId', groupId: 'bench' },
              constraints: [
                {
                  contextName: 'region',
                  operator: 'IN',
                  values: ['eu', 'us', 'asia'],
                  inverted: false,
                  caseInsensitive: false,
                },
              ],
            },
          ],
        },
      ] as never,
    },
  });
  // There is no server: only what was given at the start counts.
  unleash.on('error', () => {});
  unleash.on('warn', () => {});
  for (let i = 0; i < 200 && unleash.getFeatureToggleDefinition('bench') === undefined; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  if (
    !inputs.some((_, i) => unleash.isEnabled('bench', { userId: `user-${i}`, properties: { region: 'eu' } }))
  )
    throw new Error('Unleash did not take its bootstrap data');
  return unleash;
}

const EXPERIMENT = {
  key: 'bench',
  variations: Array.from({ length: 10 }, (_, i) => `arm-${i}`) as [string, string, ...string[]],
  coverage: 0.95,
  condition: { region: { $in: ['eu', 'us', 'asia'] } },
};

function growthbookClient(): GrowthBookClient {
  return new GrowthBookClient({ trackingCallback: () => {} }).initSync({ payload: {} });
}

const FLAG = {
  bench: {
    disabled: false,
    variants: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`arm-${i}`, `arm-${i}`])),
    defaultVariant: 'arm-0',
    contextEvaluator: (context: { region?: unknown }) => (context.region === 'eu' ? 'arm-1' : 'arm-2'),
  },
};
