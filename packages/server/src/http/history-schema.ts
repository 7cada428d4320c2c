const NUMBER_OR_NULL = { type: ['number', 'null'] } as const;

/** What `GET /v1/points/{point}/history` answers. */
export const HISTORY_SCHEMA = {
  $id: 'PointHistory',
  type: 'object',
  required: ['point', 'nowMs', 'stepMs', 'arms', 'samples'],
  properties: {
    point: { type: 'string' },
    nowMs: { type: 'number', description: 'The daemon’s clock now, by which samples are told, wall ms.' },
    stepMs: { type: 'number', description: 'Between two samples.' },
    arms: { type: 'array', items: { type: 'string' }, description: 'In the order of each sample’s figures.' },
    samples: {
      type: 'array',
      items: {
        type: 'object',
        required: ['atMs', 'mode', 'decisionsPerSecond', 'decisions', 'allocation'],
        properties: {
          atMs: { type: 'number' },
          mode: { type: 'string', enum: ['learning', 'killed', 'lease_expired', 'overridden'] },
          decisionsPerSecond: { type: 'number' },
          decisions: { type: 'array', items: { type: 'number' }, description: 'So far, by arm.' },
          allocation: { type: 'array', items: NUMBER_OR_NULL, description: 'By arm, as in the report.' },
          loss: {
            type: 'object',
            description: 'Of validated points: mean squared losses of the last outcomes.',
            required: ['judged', 'learner', 'reference', 'frozen'],
            properties: {
              judged: { type: 'number' },
              learner: NUMBER_OR_NULL,
              reference: NUMBER_OR_NULL,
              frozen: { type: 'boolean' },
            },
          },
        },
      },
    },
  },
} as const;
