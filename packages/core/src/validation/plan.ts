import {
  choice,
  duration,
  given,
  number,
  type Options,
  object,
  refuse,
  rejectUnknown,
  share,
} from '../options.ts';
import type { Policy } from '../policy.ts';

/** How a learner is watched while it learns. */
export interface ValidationPlan {
  /** What happens when it decays: it learns no more; nor does it decide; or it is only said. */
  readonly onDecay: 'freeze' | 'baseline' | 'report';
  /** Probability that a learner whose predictions are right is ever found to decay; from one thaw to the next. */
  readonly falseAlarm: number;
  /** After which a freeze ends by itself, ms; Infinity: only by hand. */
  readonly thawAfterMs: number;
  /** Outcomes that are judged before any can count against the learner. */
  readonly warmUp: number;
  /** How many outcomes the recent loss, and the reference, remember: the fading factor is 1 − 1/memory. */
  readonly memory: number;
  /** Outcomes are judged when their window closes, in the order of the decisions, instead of as they come. */
  readonly atClose: boolean;
}

/** What becomes of outcomes that the learner's own choice caused. */
export interface TrainingPlan {
  readonly kind: 'include' | 'holdBack' | 'delay' | 'weight';
  /** Of such an outcome in training. */
  readonly weight: number;
  /** From the decision to the training, ms; 0: at once. */
  readonly delayMs: number;
}

/** Everything trains, as it comes. */
export const INCLUDE: TrainingPlan = Object.freeze({ kind: 'include', weight: 1, delayMs: 0 });

/**
 * Reads `validation`; undefined where the point has none.
 * @param hasDefaults - silence becomes an outcome: then the time of arrival tells what the outcome is.
 * @throws GanglionError `invalid_spec`
 */
export function compileValidation(
  raw: Options,
  policy: Policy,
  hasDefaults: boolean,
): ValidationPlan | undefined {
  if (!given(raw, 'validation')) return undefined;
  const path = 'validation';
  const options = object(raw.validation, path);
  rejectUnknown(options, ['onDecay', 'falseAlarm', 'thawAfter', 'warmUp', 'memory'], path);
  if (policy.predict === undefined)
    refuse(
      '',
      path,
      policy.name,
      'asks for predictions that this policy does not make',
      'Leave it out, or use thompson, epsilon-greedy, linear-thompson or another that estimates rewards; points that rank cannot be validated.',
    );
  const most = 400 * 86_400_000;
  return {
    onDecay: choice(options, 'onDecay', ['freeze', 'baseline', 'report'], 'freeze', path),
    falseAlarm: share(options, 'falseAlarm', { min: 0.000001, max: 0.5, default: 0.01 }, path),
    thawAfterMs:
      options.thawAfter === 'never'
        ? Number.POSITIVE_INFINITY
        : duration(options, 'thawAfter', { min: 1000, max: most, default: 86_400_000 }, path),
    warmUp: number(options, 'warmUp', { min: 0, max: 1e9, integer: true, default: 200 }, path),
    memory: number(options, 'memory', { min: 10, max: 1e6, integer: true, default: 100 }, path),
    atClose: hasDefaults,
  };
}

/**
 * Reads `training`: `{ selfCaused: include | holdBack | { delay } | { weight } }`.
 * @throws GanglionError `invalid_spec`
 */
export function compileTraining(raw: Options, policy: Policy): TrainingPlan {
  if (!given(raw, 'training')) return INCLUDE;
  const path = 'training';
  const options = object(raw.training, path);
  rejectUnknown(options, ['selfCaused'], path);
  const plan = selfCausedPlan(options, path);
  if (plan.kind !== 'include' && policy.episodes !== undefined)
    refuse(
      path,
      'selfCaused',
      options.selfCaused,
      `is not for ${policy.name}, which learns from whole episodes`,
      'Leave it out.',
    );
  if ((plan.kind === 'holdBack' || plan.kind === 'weight') && policy.weighsPropensity === true)
    refuse(
      path,
      'selfCaused',
      options.selfCaused,
      `is not for ${policy.name}, which weighs outcomes by their propensity`,
      'Use include or { delay: … }, or a policy that learns means or a model.',
    );
  return plan;
}

function selfCausedPlan(options: Options, path: string): TrainingPlan {
  const declared = options.selfCaused;
  if (declared === undefined || declared === 'include') return INCLUDE;
  if (declared === 'holdBack') return { kind: 'holdBack', weight: 0, delayMs: 0 };
  const at = `${path}.selfCaused`;
  const how = object(declared, at);
  rejectUnknown(how, ['delay', 'weight'], at);
  if (given(how, 'delay') === given(how, 'weight'))
    refuse(
      path,
      'selfCaused',
      declared,
      'must say one thing',
      'Write include, holdBack, { delay: 1h } or { weight: 0.5 }.',
    );
  if (given(how, 'delay'))
    return {
      kind: 'delay',
      weight: 1,
      delayMs: duration(how, 'delay', { min: 1, max: 400 * 86_400_000 }, at),
    };
  const weight = number(how, 'weight', { min: 0.000001, max: 1 }, at);
  return weight === 1 ? INCLUDE : { kind: 'weight', weight, delayMs: 0 };
}
