import {
  DIGEST_PATTERN,
  FEEDBACK_LIMITS,
  INGEST_LIMITS,
  METRIC_PATTERN,
  NAME_PATTERN,
  NUMBER_LIMITS,
} from '@ganglion/core';
import { FORBIDDEN_KEYS } from './body.ts';
import { CONTROL_SCHEMAS } from './control-schemas.ts';
import { EVALUATION_SCHEMAS } from './evaluation-schemas.ts';
import { HISTORY_SCHEMA } from './history-schema.ts';
import { ENTITY_PATTERN } from './patterns.ts';

/**
 * The JSON Schemas of the API: what OpenAPI shows, and what Fastify checks. (Decisions and feedback are checked by hand,
 * for speed; a test holds the two to the same verdicts.)
 */
const NAME = { type: 'string', pattern: NAME_PATTERN.source } as const;
const METRIC = { type: 'string', pattern: METRIC_PATTERN.source } as const;
const DIGEST = { type: 'string', pattern: DIGEST_PATTERN.source } as const;
const DECISION_ID = { type: 'string', minLength: 1, maxLength: FEEDBACK_LIMITS.idLength } as const;
const DURATION = {
  description: '`250ms`, `30s`, `5m`, `1h`, `7d`, or milliseconds.',
  oneOf: [{ type: 'string' }, { type: 'number', minimum: 0 }],
} as const;
const KIND = {
  type: 'object',
  description: 'A family member and its options.',
  required: ['kind'],
  properties: { kind: { type: 'string' } },
  additionalProperties: true,
} as const;
/** A number that is learned from. */
const AMOUNT = { type: 'number', minimum: -NUMBER_LIMITS.largest, maximum: NUMBER_LIMITS.largest } as const;
const NULLABLE_NUMBER = { type: ['number', 'null'] } as const;
const OBJECT = { type: 'object', additionalProperties: true } as const;

const oneOrMany = (ref: string): object => ({
  oneOf: [{ $ref: `${ref}#` }, { type: 'array', items: { $ref: `${ref}#` } }],
});

const EVENT_DATA = {
  type: 'object',
  description: 'Properties that features read.',
  maxProperties: INGEST_LIMITS.properties,
  propertyNames: { type: 'string', pattern: NAME_PATTERN.source, not: { enum: FORBIDDEN_KEYS } },
  additionalProperties: {
    oneOf: [{ type: 'string', maxLength: INGEST_LIMITS.textLength }, AMOUNT, { type: 'boolean' }],
  },
} as const;
const ENTITY = {
  type: 'string',
  pattern: ENTITY_PATTERN.source,
  description: 'KIND:KEY, such as user:alice.',
} as const;

export const SCHEMAS: readonly { readonly $id: string; readonly [keyword: string]: unknown }[] = [
  {
    $id: 'Problem',
    type: 'object',
    description: 'RFC 9457 problem document. Match on `code`.',
    required: ['type', 'title', 'status', 'detail', 'code'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { type: 'string' },
      field: { type: 'string', description: 'Path of what was wrong, such as guards[1].openFor.' },
      value: { type: 'string', description: 'The refused value, cut to 80 characters.' },
      mend: { type: 'string', description: 'What to do about it.' },
      rejected: { type: 'array', items: { $ref: 'Rejected#' } },
    },
    additionalProperties: true,
  },
  {
    $id: 'Rejected',
    type: 'object',
    required: ['index', 'id', 'code', 'field', 'message'],
    properties: {
      index: { type: 'integer' },
      id: { type: 'string' },
      code: { type: 'string' },
      field: { type: 'string' },
      message: { type: 'string' },
      mend: { type: 'string' },
    },
    additionalProperties: false,
  },
  {
    $id: 'PointSpec',
    type: 'object',
    description: 'A decision point as its author declares it. Unknown keys are errors.',
    required: ['point', 'arms', 'fallback', 'policy'],
    properties: {
      point: NAME,
      description: { type: 'string' },
      arms: {
        oneOf: [
          {
            type: 'array',
            items: {
              oneOf: [
                NAME,
                {
                  type: 'object',
                  required: ['id'],
                  properties: { id: NAME, features: OBJECT, artifact: OBJECT },
                  additionalProperties: false,
                },
              ],
            },
          },
          {
            type: 'object',
            description: 'The versions of a model, as they come and go.',
            required: ['versions'],
            properties: { versions: NAME, latency: METRIC },
            additionalProperties: false,
          },
        ],
      },
      fallback: { description: 'An arm, or a decision table: { rules: [...] }.', oneOf: [NAME, OBJECT] },
      baseline: KIND,
      context: OBJECT,
      features: OBJECT,
      policy: KIND,
      objective: OBJECT,
      slate: OBJECT,
      guards: { type: 'array', items: KIND },
      sticky: {
        oneOf: [
          { type: 'string', const: 'none' },
          { type: 'object', required: ['for'], properties: { for: DURATION }, additionalProperties: false },
        ],
      },
      oversight: {
        type: 'object',
        properties: { lease: DURATION, onExpiry: { type: 'string', enum: ['fallback', 'continue'] } },
        additionalProperties: false,
      },
      attribution: {
        type: 'object',
        properties: { window: DURATION, correction: DURATION, default: OBJECT },
        additionalProperties: false,
      },
      exposure: { type: 'string', enum: ['decision', 'explicit'] },
      placement: { type: 'string', enum: ['device', 'region', 'cloud'] },
      budget: DURATION,
      domain: NAME,
      pooling: {
        type: 'object',
        properties: { weight: { type: 'number' }, steps: { type: 'integer' }, every: DURATION },
        additionalProperties: false,
      },
      validation: {
        type: 'object',
        description: 'Predict every outcome before it is learned, and freeze the learner when it decays.',
        properties: {
          onDecay: { type: 'string', enum: ['freeze', 'baseline', 'report'] },
          falseAlarm: { oneOf: [{ type: 'string' }, { type: 'number', minimum: 0, maximum: 0.5 }] },
          thawAfter: DURATION,
          warmUp: { type: 'integer', minimum: 0 },
          memory: { type: 'integer', minimum: 10 },
        },
        additionalProperties: false,
      },
      training: {
        type: 'object',
        properties: {
          selfCaused: {
            description: 'Outcomes that the learner’s own choice caused.',
            oneOf: [
              { type: 'string', enum: ['include', 'holdBack'] },
              {
                type: 'object',
                required: ['delay'],
                properties: { delay: DURATION },
                additionalProperties: false,
              },
              {
                type: 'object',
                required: ['weight'],
                properties: { weight: { type: 'number', exclusiveMinimum: 0, maximum: 1 } },
                additionalProperties: false,
              },
            ],
          },
        },
        additionalProperties: false,
      },
      pending: { type: 'integer', minimum: 1 },
    },
    additionalProperties: false,
  },
  {
    $id: 'PointEntry',
    type: 'object',
    required: ['spec', 'version'],
    properties: { spec: { $ref: 'PointSpec#' }, version: { type: 'integer' } },
    additionalProperties: false,
  },
  {
    $id: 'DecideInput',
    type: 'object',
    properties: {
      context: {
        type: 'object',
        description: 'Features by name, as the point declares them.',
        propertyNames: { not: { enum: FORBIDDEN_KEYS } },
        additionalProperties: true,
      },
      unit: { type: 'string', maxLength: 1024, description: 'Who or what it is decided for.' },
      episode: {
        type: 'string',
        maxLength: 1024,
        description: 'For policies that learn sequences: what the decision belongs to; default: the unit.',
      },
      taken: {
        type: 'object',
        required: ['arm'],
        properties: {
          arm: { type: 'string' },
          propensity: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
        },
        additionalProperties: false,
        description:
          'Another system has decided already: the arm it took, and with what probability, where that is known.',
      },
      deadlineMs: {
        type: 'number',
        minimum: 1,
        maximum: 60_000,
        description: 'With it, the decision may escalate to the parent.',
      },
    },
    additionalProperties: false,
  },
  { $id: 'DecideRequest', ...oneOrMany('DecideInput') },
  {
    $id: 'RankRequest',
    type: 'object',
    required: ['k'],
    properties: {
      k: { type: 'integer', minimum: 1, maximum: 100, description: 'How many arms.' },
      context: {
        type: 'object',
        propertyNames: { not: { enum: FORBIDDEN_KEYS } },
        additionalProperties: true,
      },
      unit: { type: 'string', maxLength: 1024 },
    },
    additionalProperties: false,
  },
  {
    $id: 'Slate',
    type: 'object',
    required: ['id', 'items', 'diversityCost'],
    properties: {
      id: { type: 'string' },
      items: {
        type: 'array',
        items: { $ref: 'Decision#' },
        description: 'A decision each, the first on top.',
      },
      diversityCost: {
        ...NULLABLE_NUMBER,
        description: 'What diversity took off the expected reward of this list.',
      },
    },
  },
  {
    $id: 'Decision',
    type: 'object',
    required: [
      'id',
      'point',
      'stratum',
      'proposed',
      'arm',
      'propensity',
      'confidence',
      'reason',
      'tier',
      'versions',
      'trail',
      'atMs',
    ],
    properties: {
      id: { type: 'string', description: 'Send feedback under this id.' },
      point: { type: 'string' },
      stratum: { type: 'string' },
      proposed: { type: ['string', 'null'] },
      arm: { type: ['string', 'null'], description: 'What to do; null where no arm is allowed.' },
      propensity: {
        ...NULLABLE_NUMBER,
        description: 'P(arm | context, state, stratum); null where unknowable.',
      },
      confidence: NULLABLE_NUMBER,
      reason: { type: 'string' },
      tier: { type: 'string' },
      versions: {
        type: 'object',
        properties: {
          spec: { type: 'integer' },
          view: { type: 'integer' },
          artifact: { ...DIGEST, description: 'Of what was chosen, where the arms are artifacts.' },
        },
        required: ['spec', 'view'],
        additionalProperties: false,
      },
      trail: {
        type: 'array',
        items: {
          type: 'object',
          required: ['guard', 'kind', 'why'],
          properties: { guard: { type: 'string' }, kind: { type: 'string' }, why: { type: 'string' } },
          additionalProperties: false,
        },
      },
      atMs: { type: 'number' },
    },
    additionalProperties: false,
  },
  { $id: 'DecideAnswer', ...oneOrMany('Decision') },
  {
    $id: 'FeedbackItem',
    type: 'object',
    required: ['id'],
    properties: {
      id: DECISION_ID,
      metrics: {
        type: 'object',
        maxProperties: FEEDBACK_LIMITS.metrics,
        propertyNames: { type: 'string', pattern: METRIC_PATTERN.source },
        additionalProperties: AMOUNT,
      },
      reward: AMOUNT,
      truth: {
        oneOf: [{ type: 'string', maxLength: FEEDBACK_LIMITS.truthLength }, AMOUNT, { type: 'boolean' }],
      },
      done: {
        type: 'boolean',
        description: 'For policies that learn sequences: the episode ended with this decision.',
      },
      revision: {
        type: 'integer',
        minimum: 0,
        maximum: FEEDBACK_LIMITS.revision,
        description: 'A higher revision replaces; the same value again is a duplicate.',
      },
    },
    anyOf: [
      { required: ['metrics'] },
      { required: ['reward'] },
      { required: ['truth'] },
      { required: ['done'] },
    ],
    additionalProperties: false,
  },
  { $id: 'FeedbackRequest', ...oneOrMany('FeedbackItem') },
  {
    $id: 'ExposureItem',
    type: 'object',
    required: ['id'],
    properties: { id: DECISION_ID },
    additionalProperties: false,
  },
  { $id: 'ExposureRequest', ...oneOrMany('ExposureItem') },
  {
    $id: 'Intake',
    type: 'object',
    description: 'Everything counted as accepted is durable.',
    required: ['accepted', 'joined', 'routed', 'unjoined', 'duplicates', 'rejected'],
    properties: {
      accepted: { type: 'integer' },
      joined: { type: 'integer' },
      routed: { type: 'integer' },
      unjoined: { type: 'integer' },
      duplicates: { type: 'integer' },
      rejected: { type: 'array', items: { $ref: 'Rejected#' } },
    },
    additionalProperties: false,
  },
  {
    $id: 'IngestEvent',
    type: 'object',
    required: ['id', 'type', 'entity'],
    properties: {
      id: {
        type: 'string',
        minLength: 1,
        maxLength: INGEST_LIMITS.idLength,
        description: 'Sent again within an hour, it counts once.',
      },
      source: { type: 'string', maxLength: INGEST_LIMITS.idLength, description: 'Who makes the ids.' },
      type: NAME,
      entity: {
        oneOf: [ENTITY, { type: 'array', items: ENTITY, minItems: 1, maxItems: INGEST_LIMITS.entities }],
      },
      domain: { ...NAME, description: 'Whose features it moves; default: default.' },
      atMs: { type: 'number', description: 'When it happened, ms since the epoch; default: now.' },
      time: { type: 'string', format: 'date-time', description: 'The same as RFC 3339; one of the two.' },
      data: EVENT_DATA,
    },
    additionalProperties: false,
  },
  {
    $id: 'CloudEvent',
    type: 'object',
    description: 'CloudEvents 1.0, structured.',
    required: ['specversion', 'id', 'source', 'type', 'subject'],
    properties: {
      specversion: { type: 'string', const: '1.0' },
      id: { type: 'string', minLength: 1, maxLength: INGEST_LIMITS.idLength },
      source: { type: 'string', minLength: 1, maxLength: INGEST_LIMITS.idLength },
      type: NAME,
      subject: ENTITY,
      time: { type: 'string', format: 'date-time' },
      domain: { ...NAME, description: 'Extension: whose features it moves; default: default.' },
      data: EVENT_DATA,
    },
    additionalProperties: true,
  },
  {
    $id: 'IngestRequest',
    oneOf: [
      { $ref: 'IngestEvent#' },
      { $ref: 'CloudEvent#' },
      { type: 'array', items: { oneOf: [{ $ref: 'IngestEvent#' }, { $ref: 'CloudEvent#' }] } },
    ],
  },
  {
    $id: 'IngestAnswer',
    type: 'object',
    description: 'Everything counted as accepted is durable, or of no use to any feature.',
    required: ['accepted', 'taken', 'duplicates', 'unused', 'rejected'],
    properties: {
      accepted: { type: 'integer', description: 'taken + duplicates + unused.' },
      taken: { type: 'integer' },
      duplicates: { type: 'integer' },
      unused: { type: 'integer', description: 'No declared feature reads them: not kept.' },
      rejected: { type: 'array', items: { $ref: 'Rejected#' } },
    },
    additionalProperties: false,
  },
  {
    $id: 'EntityView',
    type: 'object',
    required: ['node', 'domain', 'entity', 'known', 'atMs', 'features'],
    properties: {
      node: { type: 'string' },
      domain: { type: 'string' },
      entity: { type: 'string' },
      known: { type: 'boolean', description: 'Whether any event of it is remembered here.' },
      atMs: { type: 'number' },
      features: {
        type: 'array',
        items: {
          type: 'object',
          required: ['feature', 'value', 'eventAtMs', 'knownAtMs', 'points'],
          properties: {
            feature: { type: 'string' },
            value: { type: ['number', 'string', 'null'], description: 'null while it is not known.' },
            eventAtMs: { ...NULLABLE_NUMBER, description: 'When the newest event behind it happened.' },
            knownAtMs: { ...NULLABLE_NUMBER, description: 'When the node heard of it.' },
            error: {
              type: 'number',
              description: 'Relative standard error, of features that estimate; 0 while exact.',
            },
            points: { type: 'array', items: { type: 'string' } },
          },
          additionalProperties: false,
        },
      },
    },
    additionalProperties: false,
  },
  ...CONTROL_SCHEMAS,
  ...EVALUATION_SCHEMAS,
  HISTORY_SCHEMA,
  {
    $id: 'OfrepRequest',
    type: 'object',
    properties: {
      context: {
        type: 'object',
        properties: { targetingKey: { type: 'string', maxLength: 1024 } },
        additionalProperties: true,
      },
    },
    additionalProperties: true,
  },
];

export { DIGEST, METRIC, NAME, OBJECT };
