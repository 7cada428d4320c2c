import { declaredArms, type PointSpec, type Reason } from '@ganglion/core';

/**
 * Decision points as OpenFeature flags: key = point, variant = arm, targeting key = unit. Used by the OpenFeature
 * provider here and by the server's OFREP, so that a flag has one meaning however it is asked for.
 */
export type FlagValue = string | number | boolean;

/** Reasons as OpenFeature names them (specification §1.4, resolution reason). */
const REASONS: Readonly<Record<Reason, string>> = {
  policy: 'SPLIT',
  escalated: 'SPLIT',
  sticky: 'CACHED',
  baseline: 'DEFAULT',
  override: 'TARGETING_MATCH',
  killed: 'DISABLED',
  lease_expired: 'STALE',
  blocked: 'DEFAULT',
  deadline: 'DEFAULT',
  placement: 'DEFAULT',
  invalid_context: 'ERROR',
  error: 'ERROR',
  observed: 'STATIC',
  invalid_proposal: 'ERROR',
};

export function flagReason(reason: Reason): string {
  return REASONS[reason];
}

/**
 * The value each arm stands for. Arms with a feature `value` stand for it; arms named true and false for booleans; arms
 * named by numbers for these; all others for their own name. One rule for all arms of a point, so that a flag has one type.
 */
export function flagValues(spec: PointSpec): ReadonlyMap<string, FlagValue> {
  const arms = declaredArms(spec).map((arm) =>
    typeof arm === 'string' ? { id: arm, features: undefined } : arm,
  );
  const declared = arms.map((arm) => arm.features?.value);
  if (sameType(declared)) return new Map(arms.map((arm, i) => [arm.id, declared[i]!]));
  if (arms.every(({ id }) => id === 'true' || id === 'false'))
    return new Map(arms.map(({ id }) => [id, id === 'true']));
  if (arms.every(({ id }) => String(Number(id)) === id && Number.isFinite(Number(id))))
    return new Map(arms.map(({ id }) => [id, Number(id)]));
  return new Map(arms.map(({ id }) => [id, id]));
}

function sameType(values: readonly (FlagValue | undefined)[]): boolean {
  return values[0] !== undefined && values.every((value) => typeof value === typeof values[0]);
}

/** An evaluation context as a point takes it: the targeting key is the unit, fields it does not declare are left out. */
export function flagInput(
  spec: PointSpec,
  context: Readonly<Record<string, unknown>> | undefined,
): { readonly unit?: string; readonly context: Readonly<Record<string, unknown>> } {
  const fields: Record<string, unknown> = {};
  if (context !== undefined)
    for (const name of Object.keys(spec.context ?? {}))
      if (Object.hasOwn(context, name) && context[name] !== undefined) fields[name] = context[name];
  const unit = context?.targetingKey;
  return typeof unit === 'string' && unit !== '' ? { unit, context: fields } : { context: fields };
}
