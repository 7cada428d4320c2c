import { withSpec } from '../controls/control-state.ts';
import type { PointState } from '../decision/point-state.ts';
import type { KindSpec, PointSpec } from '../decision/spec.ts';
import { judge } from '../experiment/judge.ts';
import { type NetStep, nextNetStep } from '../experiment/net.ts';
import { structuredCopy } from './actions.ts';
import { record } from './audit.ts';
import { tallyOf } from './comparing.ts';
import { changeControls } from './controls.ts';
import { rangeOf } from './ranges.ts';
import type { NodeState } from './state.ts';

const BY = { name: 'safety', authority: '*' };

/**
 * The nets of a root's points: it hears what the whole tree has counted, and everybody follows its declarations. A node that is
 * cut off goes on with the policy as long as its lease lasts. Each step is a new version of the declaration, in the audit.
 *
 * How long ago a policy fell is counted from when this process first saw it: a restart makes the wait longer, never shorter.
 */
export function stepSafety(node: NodeState, state: PointState, now: number): void {
  const { compiled } = state;
  const index = compiled.guards.findIndex(({ guard }) => guard.safety !== undefined);
  // No name of a point has a blank.
  const key = `${compiled.name} safety`;
  if (index < 0 || state.ruling.kill !== undefined) {
    node.stages.delete(key);
    return;
  }
  const plan = compiled.guards[index].guard.safety!;
  const stage = `${plan.falls} ${plan.fallen ?? ''}`;
  let began = node.stages.get(key);
  if (began?.stage !== stage) {
    began = { stage, sinceMs: now };
    node.stages.set(key, began);
  }
  const [comparison] = compiled.guards[index].guard.comparisons ?? [];
  const counted = compiled.comparisons.find(({ name }) => name === comparison?.name);
  const report =
    counted && judge(counted, tallyOf(node, state, 'subtree'), (metric) => rangeOf(metric, compiled.spec));
  const step = nextNetStep(plan, report, now - began.sinceMs);
  if (step.to === 'catch') change(node, state, index, { fallen: step.reason, falls: plan.falls + 1 }, step);
  else if (step.to === 'release') change(node, state, index, { fallen: undefined }, step);
}

function change(node: NodeState, state: PointState, guard: number, changes: object, step: NetStep): void {
  const { name } = state.compiled;
  const before = node.controls.specs.get(name);
  if (before?.spec === null || before?.spec === undefined) return;
  const spec = structuredCopy(before.spec) as PointSpec & { guards: KindSpec[] };
  const { fallen: _, ...rest } = spec.guards[guard] as KindSpec & { readonly fallen?: string };
  spec.guards[guard] = structuredCopy({ ...rest, ...changes } as KindSpec);
  const version = before.version + 1;
  changeControls(
    node,
    withSpec(node.controls, name, { version, node: node.name, spec, generations: before.generations }),
  );
  record(node, BY, `safety.${step.to}`, name, `version ${version}: ${step.reason}`);
}
