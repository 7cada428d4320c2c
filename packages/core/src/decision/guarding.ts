import { PASS } from '../guard.ts';
import type { Moment } from './decide.ts';
import type { PointState } from './point-state.ts';
import { apply } from './restrict.ts';
import { hear, note, takeBack } from './trail.ts';

/** Step 3: restrict, soften, block. Leaves ε and w behind for the mix. */
export function narrow(state: PointState, moment: Moment): 'ok' | 'tainted' | 'block' | 'wait' {
  const { compiled, scratch } = state;
  let result: 'ok' | 'tainted' = 'ok';
  scratch.floor = 0;
  scratch.influence = 1;
  for (let k = 0; k < compiled.narrowing.length; k++) {
    const i = compiled.narrowing[k];
    scratch.asking = i;
    const verdict = compiled.guards[i].guard.check(state.guards[i], scratch.guardInput);
    if (verdict.kind === 'pass') {
      if (verdict.guard !== '') note(state, verdict);
      continue;
    }
    if (verdict.queue !== undefined && moment.mayWait) {
      scratch.queue = verdict.queue;
      return 'wait';
    }
    hear(state, i, verdict);
    if (verdict.kind === 'block') return 'block';
    apply(scratch, verdict);
    if (verdict.trains === false) result = 'tainted';
  }
  scratch.asking = -1;
  if (state.frozen !== undefined) {
    note(state, state.frozen);
    apply(scratch, state.frozen);
  }
  const { restrict } = compiled.policy;
  if (restrict !== undefined) {
    const { allowed, arms } = scratch.guardInput;
    const verdict = restrict(state.view.current, allowed, arms);
    if (verdict !== PASS) {
      note(state, verdict);
      apply(scratch, verdict);
    }
  }
  return result;
}

/** Step 5: whether what is proposed is good enough to be drawn from. */
export function judge(state: PointState, moment: Moment): 'ok' | 'tainted' | 'block' | 'escalate' {
  const { compiled, scratch } = state;
  let result: 'ok' | 'tainted' = 'ok';
  for (let k = 0; k < compiled.judging.length; k++) {
    const i = compiled.judging[k];
    scratch.asking = i;
    const verdict = compiled.guards[i].guard.check(state.guards[i], scratch.guardInput);
    if (verdict.kind === 'pass') {
      if (verdict.guard !== '') note(state, verdict);
      continue;
    }
    hear(state, i, verdict);
    if (verdict.kind === 'escalate') {
      // A guard may want it where nobody can be asked: then it is as if it had not.
      if (moment.parentMs <= moment.budgetMs) return escalate(state, i);
      continue;
    }
    if (verdict.kind === 'block') return 'block';
    apply(scratch, verdict);
    if (verdict.trains === false) result = 'tainted';
  }
  scratch.asking = -1;
  return result;
}

/** Nothing is said of it yet: the parent is to be asked first. `guard`: the one that would rather, or −1: the placement. */
export function escalate(state: PointState, guard: number): 'escalate' {
  takeBack(state);
  state.scratch.escalatedBy = guard;
  return 'escalate';
}
