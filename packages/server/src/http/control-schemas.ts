import { NAME_PATTERN } from '@ganglion/core';

const NAME = { type: 'string', pattern: NAME_PATTERN.source } as const;
/** Of actions that are answered for. */
export const REASON = {
  type: 'string',
  minLength: 1,
  maxLength: 500,
  description: 'Why, for the audit.',
} as const;

/** What people say, as `schemas.ts` has the rest. */
export const CONTROL_SCHEMAS: readonly { readonly $id: string; readonly [keyword: string]: unknown }[] = [
  {
    $id: 'KillAnswer',
    type: 'object',
    required: ['tag', 'boundMs'],
    properties: {
      tag: { type: 'string' },
      boundMs: { type: ['number', 'null'], description: 'Wall clock, ms since the epoch; null: unbounded.' },
      matches: { type: 'integer', minimum: 0 },
      suggestion: { type: 'string', description: 'A scope, such as `point:checkout`.' },
    },
  },
  {
    $id: 'ScopeRequest',
    type: 'object',
    required: ['scope', 'reason'],
    properties: {
      scope: {
        type: 'string',
        minLength: 1,
        maxLength: 300,
        description: '`point:NAME`, `domain:…`, `artifact:…`, `tier:…`, `node:…` or `*`.',
      },
      reason: REASON,
    },
    additionalProperties: false,
  },
  {
    $id: 'OverrideRequest',
    type: 'object',
    required: ['arm', 'reason'],
    properties: {
      arm: NAME,
      segment: {
        type: 'object',
        description:
          'Conditions by field of the point’s context, or `unit`: a value of the field’s type, a list of such values, or for numbers `{min, max}` or one of these. Without it, everybody. Any other shape is refused (`invalid_input`).',
        maxProperties: 256,
        additionalProperties: true,
      },
      reason: REASON,
      forMs: {
        type: 'number',
        minimum: 1,
        maximum: 31_622_400_000,
        description: 'From now; without it, until removed.',
      },
    },
    additionalProperties: false,
  },
  {
    $id: 'QuarantineRequest',
    type: 'object',
    required: ['node', 'reason'],
    properties: { node: NAME, reason: REASON },
    additionalProperties: false,
  },
  {
    $id: 'ResetRequest',
    type: 'object',
    required: ['reason'],
    properties: { reason: REASON },
    additionalProperties: false,
  },
  {
    $id: 'WeightsRequest',
    type: 'object',
    required: ['weights', 'reason'],
    properties: {
      weights: {
        type: 'object',
        description: 'Metrics of the objective with their new weights; the others stay.',
        additionalProperties: { type: 'number' },
      },
      reason: REASON,
    },
    additionalProperties: false,
  },
];
