import { ESTIMATORS } from '@ganglion/core/ope';

const whole = (minimum: number, maximum: number, description: string) =>
  ({ type: 'integer', minimum, maximum, description }) as const;
const OPEN = { type: 'object', additionalProperties: true } as const;

/** Of `POST /v1/points/{point}/evaluate`. */
export const EVALUATION_SCHEMAS = [
  {
    $id: 'EvaluateRequest',
    type: 'object',
    required: ['candidate'],
    properties: {
      candidate: {
        description: '`{ policy: … }` or a whole point; a text is YAML, or JSON.',
        oneOf: [OPEN, { type: 'string', minLength: 1, maxLength: 262_144 }],
      },
      name: { type: 'string', minLength: 1, maxLength: 128, description: 'What the answer calls it.' },
      rows: whole(100, 1_000_000, 'The newest so many decisions; default 50,000.'),
      sinceMs: { type: 'number', minimum: 0, description: 'From this time on, ms since the epoch.' },
      estimators: {
        type: 'array',
        minItems: 1,
        maxItems: Object.keys(ESTIMATORS).length,
        items: { type: 'string', enum: Object.keys(ESTIMATORS) },
        description: 'Default: all.',
      },
      level: { type: 'number', minimum: 0.5, maximum: 0.9999, description: 'Default 0.95.' },
      interval: { type: 'string', enum: ['bca', 'percentile', 'normal', 'empirical-bernstein'] },
      resamples: whole(100, 10_000, 'Of the bootstrap; default 500.'),
      seed: whole(0, 2 ** 31 - 1, 'The same seed, the same answer; default 1.'),
      folds: whole(2, 20, 'Of the reward model, and of a policy that learns; default 5.'),
      clip: { type: 'number', minimum: 0, maximum: 1e12, description: 'Larger weights count as this.' },
      minEffective: {
        type: 'number',
        minimum: 1,
        maximum: 1e12,
        description: 'Refused below this many effective decisions; default 100.',
      },
      range: {
        type: 'array',
        items: { type: 'number' },
        minItems: 2,
        maxItems: 2,
        description: 'Of a reward; default: as declared.',
      },
    },
    additionalProperties: false,
  },
  {
    $id: 'EvaluateAnswer',
    type: 'object',
    required: ['point', 'nodes', 'log', 'level', 'seed', 'candidates'],
    properties: {
      point: { type: 'string' },
      nodes: { type: 'array', items: { type: 'string' }, description: 'Whose logs were read.' },
      log: OPEN,
      level: { type: 'number' },
      seed: { type: 'integer' },
      candidates: {
        type: 'array',
        description:
          'Overlap, weights, and estimates with intervals; `refused` says why there are none. `unseen`: categories of the log that it does not declare.',
        items: OPEN,
      },
    },
  },
] as const;
