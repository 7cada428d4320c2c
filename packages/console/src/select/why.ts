import type { SeenDecision } from '../state/model.ts';
import type { Decision, PointSpec, Reason, TrailEntry } from '../wire.ts';
import { probability } from './format.ts';

/** One step of the pipeline (DESIGN §5) as it went for a decision. */
export interface Step {
  readonly title: string;
  /** `passed`: nothing to say; `spoke`: it changed something; `decided`: this is why; `skipped`: never asked. */
  readonly state: 'passed' | 'spoke' | 'decided' | 'skipped';
  /** What it said, one sentence each. */
  readonly words: readonly string[];
}

/** Reasons by which a control serves the fallback or an arm, before any guard is asked. */
const BY_CONTROL: readonly Reason[] = ['killed', 'placement', 'lease_expired', 'override'];
/** Reasons by which the policy's draw decided. */
const DRAWN: readonly Reason[] = ['policy', 'escalated'];
/** Who speaks before the guards of the point. */
const CONTROLS = ['kill', 'placement', 'lease', 'override'];
/** Guards that assign strata; they have nothing to say of treated units. */
const ASSIGNERS = ['holdout', 'rollout', 'experiment'];

/** A stratum in words, to follow "the unit is". */
function unitWords(stratum: string): string {
  return stratum === 'holdout' ? 'in the holdout' : stratumWords(stratum);
}

/** A stratum in a word or two. */
export function stratumWords(stratum: string): string {
  if (stratum === '') return 'treated';
  if (stratum === 'rollout:out') return 'not rolled out';
  return stratum.replaceAll(':', ' ');
}

/** Whether the draw took another arm than the one the policy wanted most. */
export function explored({ decision }: SeenDecision): boolean {
  const { arm, proposed, reason } = decision;
  return DRAWN.includes(reason) && proposed !== null && arm !== proposed;
}

/** The last thing that a control or a guard said of a decision; '' where all passed. */
export function lastWord(decision: Decision): string {
  const entry = decision.trail.at(-1);
  return entry === undefined ? '' : said(entry);
}

/**
 * The answer in one sentence.
 *
 * @param meaning - the runtime's own word on the reason.
 */
export function whySentence(seen: SeenDecision, meaning: string): string {
  const { arm, proposed, propensity, reason, stratum } = seen.decision;
  const p = propensity === null ? 'an unknown probability' : `probability ${probability(propensity)}`;
  if (arm !== null && reason === 'baseline') {
    return `The unit is ${unitWords(stratum)}, so the baseline chose, with ${p}.`;
  }
  if (explored(seen)) return `The policy favoured ${proposed}; the draw took ${arm}, with ${p}.`;
  if (arm !== null && DRAWN.includes(reason))
    return `The policy favoured ${arm} and the draw took it, with ${p}.`;
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
}

/**
 * The pipeline step by step: controls, context, assignment, guards, policy, draw. The trail leaves passes out, so what
 * the point declares and the trail does not name had nothing to say. The outcome is shown apart.
 *
 * @param spec - the point as declared now; null where it is gone.
 */
export function stepsOf(seen: SeenDecision, spec: PointSpec | null): readonly Step[] {
  const { trail, reason } = seen.decision;
  const controls = trail.filter((entry) => CONTROLS.includes(entry.guard));
  const context = trail.filter((entry) => entry.guard === 'context');
  const rest = trail.filter((entry) => !controls.includes(entry) && !context.includes(entry));
  const early = BY_CONTROL.includes(reason) || reason === 'invalid_context';
  const steps = [controlStep(controls, reason)];
  if (reason === 'invalid_context')
    steps.push({
      title: 'Context',
      state: 'decided',
      words: context.map((entry) => `It does not fit: ${entry.why}.`),
    });
  return early
    ? [...steps, skipped('Assignment'), skipped('Guards'), skipped('Policy'), drawStep(seen)]
    : [...steps, assignmentStep(seen), guardStep(rest, spec, reason), policyStep(seen), drawStep(seen)];
}

function skipped(title: string): Step {
  return { title, state: 'skipped', words: ['Not asked.'] };
}

function said(entry: TrailEntry): string {
  return `${entry.guard}: ${entry.why === '' ? entry.kind : entry.why}`;
}

function controlStep(entries: readonly TrailEntry[], reason: Reason): Step {
  const decided = BY_CONTROL.includes(reason);
  if (entries.length > 0)
    return { title: 'Controls', state: decided ? 'decided' : 'spoke', words: entries.map(said) };
  return decided
    ? { title: 'Controls', state: 'decided', words: ['A control decided.'] }
    : { title: 'Controls', state: 'passed', words: ['No kill and no override stood in the way.'] };
}

function assignmentStep({ decision }: SeenDecision): Step {
  const words = decision.trail.filter((entry) => entry.kind === 'assign').map(said);
  const state = decision.reason === 'baseline' ? 'decided' : decision.stratum === '' ? 'passed' : 'spoke';
  return { title: 'Assignment', state, words: [`The unit is ${unitWords(decision.stratum)}.`, ...words] };
}

function guardStep(entries: readonly TrailEntry[], spec: PointSpec | null, reason: Reason): Step {
  const spoke = entries.filter((entry) => entry.kind !== 'assign');
  const heard = new Set(spoke.map((entry) => entry.guard));
  const silent = (spec?.guards ?? [])
    .map((guard) => guard.kind)
    .filter((kind) => !heard.has(kind) && !ASSIGNERS.includes(kind));
  const words = spoke.map(said);
  // A guard that blocks ends the round: those after it were not asked.
  if (silent.length > 0 && reason !== 'blocked') words.push(`Nothing to say: ${silent.join(', ')}.`);
  if (words.length === 0) words.push('There is none to ask.');
  return {
    title: 'Guards',
    state: reason === 'blocked' ? 'decided' : spoke.length > 0 ? 'spoke' : 'passed',
    words,
  };
}

function policyStep({ decision }: SeenDecision): Step {
  const { proposed, confidence, reason } = decision;
  if (reason === 'baseline')
    return { title: 'Policy', state: 'skipped', words: ['Not asked: the baseline chose.'] };
  if (reason === 'error') return { title: 'Policy', state: 'decided', words: ['It failed.'] };
  if (reason === 'invalid_proposal')
    return { title: 'Policy', state: 'decided', words: ['What it proposed is no distribution.'] };
  if (proposed === null) return skipped('Policy');
  const sure =
    confidence === null
      ? 'Confidence unknown: the policy has none to give, or not yet the evidence for it.'
      : `Confidence ${probability(confidence)} that this is worth at least the baseline, less the margin.`;
  return { title: 'Policy', state: 'spoke', words: [`It favoured ${proposed}.`, sure] };
}

function drawStep(seen: SeenDecision): Step {
  const { arm, propensity, reason } = seen.decision;
  if (arm === null) return { title: 'Draw', state: 'skipped', words: ['Nothing was chosen.'] };
  const p = propensity === null ? 'propensity unknown' : `propensity ${probability(propensity)}`;
  if (DRAWN.includes(reason)) return { title: 'Draw', state: 'decided', words: [`${arm}, ${p}.`] };
  if (reason === 'baseline')
    return { title: 'Draw', state: 'spoke', words: [`${arm}, by the baseline, ${p}.`] };
  if (reason === 'sticky')
    return { title: 'Draw', state: 'decided', words: [`${arm}, kept from the unit’s first draw, ${p}.`] };
  if (reason === 'observed')
    return { title: 'Draw', state: 'decided', words: [`${arm}, taken by another system, ${p}.`] };
  return { title: 'Draw', state: 'skipped', words: [`No draw: ${arm} was served.`] };
}
