import { cusum, type NodeEvent } from '@ganglion/core';
import type { Logger } from '../log.ts';
import type { ModelPlan } from './plan.ts';

/** Alarms that ask for a run: what the audit says of the point, and a detector on its outcomes. */
export function triggerOn(
  plans: readonly ModelPlan[],
  retrain: (model: string, reason: string) => void,
  logger: Logger,
): (event: NodeEvent) => void {
  const watches = plans.map((plan) => {
    const { drift } = plan.triggers;
    const detector = drift === undefined ? undefined : cusum(drift);
    return { plan, metric: drift?.metric ?? '', detector, state: detector?.initial() };
  });
  return (event) => {
    for (const { plan, metric, detector, state } of watches) {
      if (event.kind === 'audit') {
        const { action, target, reason } = event.entry;
        if (target === plan.point && plan.triggers.audit.includes(action))
          retrain(plan.model, `${action} on ${event.node}: ${reason}`);
        continue;
      }
      if (
        event.kind !== 'outcome' ||
        event.point !== plan.point ||
        detector === undefined ||
        state === undefined
      )
        continue;
      const value = event.metrics[metric];
      if (value !== 0 && value !== 1) continue;
      const alert = detector.observe(state, { value, atMs: Date.now() });
      if (alert === undefined) continue;
      logger.warn({ model: plan.model, detector: alert.detector }, alert.message);
      retrain(plan.model, `${metric} on ${event.node}: ${alert.message}`);
    }
  };
}
