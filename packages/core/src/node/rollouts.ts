import { withSpec } from '../controls/control-state.ts';
import type { PointState } from '../decision/point-state.ts';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import { judge } from '../experiment/judge.ts';
import { nextStep, type Step } from '../experiment/staged.ts';
import { structuredCopy } from './actions.ts';
import { record } from './audit.ts';
import { tallyOf } from './comparing.ts';
import { changeControls } from './controls.ts';
import { stepLooks } from './looks.ts';
import { rangeOf } from './ranges.ts';
import { stepSafety } from './safeguards.ts';
import type { NodeState } from './state.ts';

const EVERY_MS = 1000;
const BY = { name: 'rollout', authority: '*' };

/**
 * Rollouts with guardrails go on, or back, by themselves: at the root, which hears what the whole tree has counted, and
 * whose declarations everybody follows. Each step is a new version of the declaration, in the audit, and durable before a
 * child hears of it. A node that is cut off stays at its stage as long as its lease lasts.
 *
 * How long a stage has lasted is counted from when this process first saw it: a restart makes a stage longer, never shorter.
 */
export function stepRollouts(node: NodeState): void {
  const now = node.moment.monoMs;
  if (!node.isRoot || now - node.rolloutsMs < EVERY_MS) return;
  node.rolloutsMs = now;
  for (const state of [...node.points.values()]) {
    stepRollout(node, state, now);
    stepSafety(node, state, now);
  }
  stepLooks(node);
}

function stepRollout(node: NodeState, state: PointState, now: number): void {
  const { compiled } = state;
  const index = compiled.guards.findIndex(({ guard }) => guard.rollout !== undefined);
  const comparison = compiled.comparisons.find(({ kind }) => kind === 'rollout');
  if (index < 0 || comparison === undefined || state.ruling.kill !== undefined) {
    node.stages.delete(compiled.name);
    return;
  }
  const plan = compiled.guards[index].guard.rollout!;
  const stage = `${comparison.key} ${comparison.phase}`;
  let began = node.stages.get(compiled.name);
  if (began?.stage !== stage) {
    began = { stage, sinceMs: now };
    node.stages.set(compiled.name, began);
  }
  const report = judge(comparison, tallyOf(node, state, 'subtree'), (metric) =>
    rangeOf(metric, compiled.spec),
  );
  const step = nextStep(plan, report, now - began.sinceMs);
  if (step.to === 'promote') change(node, state, index, { stage: plan.stage + 1 }, step);
  else if (step.to === 'revert') change(node, state, index, { reverted: step.reason }, step);
}

function change(node: NodeState, state: PointState, guard: number, changes: object, step: Step): void {
  const { name } = state.compiled;
  const before = node.controls.specs.get(name);
  if (before?.spec === null || before?.spec === undefined) return;
  const spec = structuredCopy(before.spec) as PointSpec & { guards: KindSpec[] };
  spec.guards[guard] = { ...spec.guards[guard], ...changes };
  const version = before.version + 1;
  changeControls(
    node,
    withSpec(node.controls, name, { version, node: node.name, spec, generations: before.generations }),
  );
  record(node, BY, `rollout.${step.to}`, name, `version ${version}: ${step.reason}`);
}
