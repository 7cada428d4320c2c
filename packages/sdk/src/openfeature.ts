import type { Decision, FeedbackItem, GanglionNode, PointSpec } from '@ganglion/core';
import { declaredArms, isGanglionError } from '@ganglion/core';
import type {
  ErrorCode,
  EvaluationContext,
  JsonValue,
  Provider,
  ResolutionDetails,
} from '@openfeature/server-sdk';
import type { Client } from './client.ts';
import { flagInput, flagReason, flagValues } from './flags.ts';
import { COUNT, checkOption, checkOptions, FUNCTION, timeFrom } from './options.ts';
import { type DaemonHealth, daemonHealth } from './provider-health.ts';
import { track } from './tracked-events.ts';
import { batch, type LastDecisions, lastDecisions } from './tracking.ts';

export interface ProviderOptions {
  /** Units whose last decisions are remembered for `track`; the longest unseen are forgotten. Default 10,000. */
  readonly units?: number | undefined;
  /** Tracked events are sent together after this long, ms. Default 100. */
  readonly flushMs?: number | undefined;
  /** Of a client's: while its daemon does not answer, it is asked again after this long, ms. Default 5,000. */
  readonly recheckMs?: number | undefined;
  /** Hears of feedback that could not be sent, and of events a slip away from a metric; `track` itself never throws. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const PROVIDER_OPTIONS: Readonly<Record<keyof ProviderOptions, true>> = {
  units: true,
  flushMs: true,
  recheckMs: true,
  onError: true,
};

const RECHECK_MS = 5_000;

/** What the provider asks: an embedded node answers in memory, a client over the wire. */
interface Source {
  spec(point: string): PointSpec | Promise<PointSpec | undefined> | undefined;
  decide(point: string, input: ReturnType<typeof flagInput>): Decision | Promise<Decision>;
  feedback(items: readonly FeedbackItem[]): Promise<unknown>;
}

/**
 * An OpenFeature provider (server paradigm): flag key = point, variant = arm, targeting key = unit. The decision's id is
 * in the flag metadata as `decisionId`.
 *
 * `track(event, context, details)` sends feedback: to `details.decisionId`; else to the last decision of the context's
 * targeting key at `details.point`; else at every point whose objective knows the event. The event is the metric, its
 * value `details.value` (default 1); other numbers among the details that the objective knows go with it.
 *
 * An embedded node is ready at once. A client is ready when its daemon has answered: until then, and while it cannot be
 * reached, the provider is in error, evaluations give their default, and the daemon is asked until it answers.
 *
 * @param source - an embedded node, or a client of a daemon
 * @throws GanglionError `invalid_input`, for an option that is none
 */
export function ganglionProvider(source: GanglionNode | Client, options: ProviderOptions = {}): Provider {
  checkProviderOptions(options);
  const health = isNode(source)
    ? undefined
    : daemonHealth(() => source.points.list(), options.recheckMs ?? RECHECK_MS);
  const from = isNode(source) ? ofNode(source) : ofClient(source, health!);
  const last = lastDecisions(options.units ?? 10_000);
  const sending = batch((items) => from.feedback(items), options.flushMs ?? 100, options.onError);

  const evaluate = async <T>(
    flag: string,
    fallback: T,
    context: EvaluationContext,
    pick: Pick<T>,
  ): Promise<ResolutionDetails<T>> => {
    try {
      const spec = await from.spec(flag);
      if (spec === undefined) return failure(fallback, 'FLAG_NOT_FOUND', `There is no point ${flag}`);
      // Before deciding: a decision that cannot be served would be one nobody acts on.
      if (declaredArms(spec).every((arm) => pick(spec, typeof arm === 'string' ? arm : arm.id) === undefined))
        return failure(fallback, 'TYPE_MISMATCH', `${flag} has no values of this type`);
      const decision = await from.decide(flag, flagInput(spec, context));
      return resolved(decision, spec, fallback, pick, () => remember(last, context, spec, decision));
    } catch (error) {
      return failure(fallback, codeOf(error), error instanceof Error ? error.message : String(error));
    }
  };
  const primitive = <T extends string | number | boolean>(
    flag: string,
    fallback: T,
    context: EvaluationContext,
  ) =>
    evaluate<T>(flag, fallback, context, (spec, arm) => {
      const value = flagValues(spec).get(arm);
      return typeof value === typeof fallback ? (value as T) : undefined;
    });

  return {
    metadata: { name: 'ganglion' },
    runsOn: 'server',
    resolveBooleanEvaluation: (flag, fallback, context) => primitive<boolean>(flag, fallback, context),
    resolveStringEvaluation: (flag, fallback, context) => primitive<string>(flag, fallback, context),
    resolveNumberEvaluation: (flag, fallback, context) => primitive<number>(flag, fallback, context),
    resolveObjectEvaluation: <T extends JsonValue>(flag: string, fallback: T, context: EvaluationContext) =>
      evaluate<T>(flag, fallback, context, (spec, arm) => featuresOf(spec, arm) as T | undefined),
    track: (event, context, details) => track(sending, last, event, context, details, options.onError),
    ...(health === undefined ? {} : { events: health.events, initialize: () => health.initialize() }),
    async onClose() {
      health?.close();
      await sending.close();
    },
  };
}

function checkProviderOptions(options: ProviderOptions): void {
  checkOptions(options, PROVIDER_OPTIONS);
  checkOption('units', options.units, COUNT);
  checkOption('flushMs', options.flushMs, timeFrom(0));
  checkOption('recheckMs', options.recheckMs, timeFrom(1));
  checkOption('onError', options.onError, FUNCTION);
}

function isNode(source: GanglionNode | Client): source is GanglionNode {
  return typeof source.points === 'function';
}

/** The value an arm stands for, or undefined where it has none of the type that was asked for. */
type Pick<T> = (spec: PointSpec, arm: string) => T | undefined;

function resolved<T>(
  decision: Decision,
  spec: PointSpec,
  fallback: T,
  pick: Pick<T>,
  keep: () => void,
): ResolutionDetails<T> {
  const { arm, reason } = decision;
  const said = decision.trail.at(-1)?.why ?? '';
  if (reason === 'invalid_context') return failure(fallback, 'INVALID_CONTEXT', said);
  if (arm === null) return failure(fallback, 'GENERAL', `No arm is allowed: ${said}`);
  const value = pick(spec, arm);
  if (value === undefined)
    return failure(fallback, 'TYPE_MISMATCH', `${spec.point} has no values of this type`);
  keep();
  const { id, stratum, propensity, versions } = decision;
  return {
    value,
    variant: arm,
    reason: flagReason(reason),
    flagMetadata: {
      decisionId: id,
      decisionReason: reason,
      stratum,
      specVersion: versions.spec,
      ...(propensity === null ? {} : { propensity }),
    },
  };
}

function failure<T>(value: T, errorCode: `${ErrorCode}`, errorMessage: string): ResolutionDetails<T> {
  return { value, reason: 'ERROR', errorCode: errorCode as ErrorCode, errorMessage };
}

function codeOf(error: unknown): `${ErrorCode}` {
  if (isGanglionError(error, 'unknown_point')) return 'FLAG_NOT_FOUND';
  if (isGanglionError(error, 'invalid_context') || isGanglionError(error, 'invalid_input'))
    return 'INVALID_CONTEXT';
  return 'GENERAL';
}

/** The object an arm stands for: its features. */
function featuresOf(spec: PointSpec, id: string): Readonly<Record<string, number | string>> | undefined {
  for (const arm of declaredArms(spec)) if (typeof arm !== 'string' && arm.id === id) return arm.features;
  return undefined;
}

function remember(
  last: LastDecisions,
  context: EvaluationContext,
  spec: PointSpec,
  decision: Decision,
): void {
  if (context.targetingKey !== undefined) last.keep(context.targetingKey, spec, decision.id);
}

function ofNode(node: GanglionNode): Source {
  return {
    spec: (point) => node.point(point)?.spec,
    decide: (point, input) => node.decide(point, input),
    feedback: (items) => node.feedback(items),
  };
}

/** Declarations are fetched once, and again when a decision was made under another version. */
function ofClient(client: Client, health: DaemonHealth): Source {
  const specs = new Map<string, { readonly spec: PointSpec; readonly version: number }>();
  return {
    async spec(point) {
      let entry = specs.get(point);
      if (entry === undefined) {
        entry = await health.heard(client.points.get(point));
        specs.set(point, entry);
      }
      return entry.spec;
    },
    async decide(point, input) {
      try {
        const decision = await health.heard(client.decide(point, input));
        if (decision.versions.spec !== specs.get(point)?.version)
          specs.set(point, await health.heard(client.points.get(point)));
        return decision;
      } catch (error) {
        specs.delete(point);
        throw error;
      }
    },
    feedback: (items) => health.heard(client.feedback(items)),
  };
}
