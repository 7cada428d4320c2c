import { DIGEST_PATTERN, METRIC_PATTERN, MODEL_LIMITS, NAME_PATTERN } from '@ganglion/core';

/** The JSON Schemas of the calls about models, as `schemas.ts` has the others. */
const NAME = { type: 'string', pattern: NAME_PATTERN.source } as const;
const DIGEST = {
  type: 'string',
  pattern: DIGEST_PATTERN.source,
  description: 'SHA-256 of the artifact, in hexadecimal digits.',
} as const;
const REASON = {
  type: 'string',
  minLength: 1,
  maxLength: MODEL_LIMITS.reason,
  description: 'Why, for the audit.',
} as const;
const TRAFFIC = {
  type: 'number',
  minimum: 0,
  maximum: 1,
  description: 'Share of a challenger; the champion has what all of them leave.',
} as const;
const METRICS = {
  type: 'object',
  maxProperties: MODEL_LIMITS.metrics,
  propertyNames: { type: 'string', pattern: METRIC_PATTERN.source },
  additionalProperties: { type: 'number' },
  description: 'As measured at its validation.',
} as const;
const INTERVAL = {
  type: 'object',
  required: ['fromMs', 'toMs'],
  properties: { fromMs: { type: 'number', minimum: 0 }, toMs: { type: 'number', minimum: 0 } },
  additionalProperties: false,
} as const;
const PARENTS = {
  type: 'array',
  maxItems: MODEL_LIMITS.parents,
  items: { type: 'string', maxLength: 257 },
} as const;

const VERSION = {
  version: NAME,
  digest: DIGEST,
  parents: { ...PARENTS, description: 'Versions it was made from: VERSION, or MODEL@VERSION.' },
  metrics: METRICS,
  traffic: TRAFFIC,
} as const;

export const MODEL_SCHEMAS: readonly { readonly $id: string; readonly [keyword: string]: unknown }[] = [
  {
    $id: 'VersionRequest',
    type: 'object',
    required: ['version', 'digest'],
    properties: {
      ...VERSION,
      window: { ...INTERVAL, description: 'Data it was trained on, the end excluded.' },
      reason: { type: 'string', maxLength: MODEL_LIMITS.reason },
    },
    additionalProperties: false,
  },
  {
    $id: 'PromoteRequest',
    type: 'object',
    required: ['version', 'reason'],
    properties: {
      version: NAME,
      traffic: { ...TRAFFIC, description: 'With it, a challenger with this share; without, the champion.' },
      reason: REASON,
    },
    additionalProperties: false,
  },
  {
    $id: 'RetireRequest',
    type: 'object',
    required: ['version', 'reason'],
    properties: { version: NAME, reason: REASON },
    additionalProperties: false,
  },
  {
    $id: 'RollbackRequest',
    type: 'object',
    required: ['reason'],
    properties: { reason: REASON },
    additionalProperties: false,
  },
  {
    $id: 'ModelVersion',
    type: 'object',
    required: [...Object.keys(VERSION), 'window', 'atMs', 'by', 'stage', 'reason', 'stopped'],
    properties: {
      ...VERSION,
      window: { ...INTERVAL, type: ['object', 'null'] },
      atMs: { type: 'number' },
      by: { type: 'string' },
      stage: { type: 'string', enum: ['champion', 'challenger', 'retired'] },
      reason: { type: 'string' },
      retiredMs: { type: 'number', description: 'Since when it is retired.' },
      stopped: { type: 'boolean', description: 'A kill of it stands.' },
    },
  },
  {
    $id: 'Model',
    type: 'object',
    required: ['model', 'revision', 'champion', 'before', 'points', 'versions'],
    properties: {
      model: NAME,
      revision: { type: 'integer', description: 'Counts the changes of this model.' },
      champion: NAME,
      before: { type: 'array', items: NAME, description: 'Earlier champions, the latest last.' },
      points: { type: 'array', items: NAME, description: 'Points whose arms are its versions.' },
      versions: { type: 'array', items: { $ref: 'ModelVersion#' } },
    },
    additionalProperties: true,
  },
];
