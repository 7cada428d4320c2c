import type { ControlState, SpecVersion } from '../controls/control-state.ts';
import type { DomainLoad, PointState } from '../decision/point-state.ts';
import type { StandardSchema } from '../decision/spec.ts';
import { type UnitHouse, unitHouse } from './counted-units.ts';
import { type FeatureHouse, featureHouse } from './features.ts';
import type { TakenLooks } from './looks.ts';
import type { OutcomeStats } from './outcome-stats.ts';
import type { TaughtTo } from './teaching-late.ts';

/** The points of a node, and all that is kept of them beside what is learned. */
export interface PointsHeld {
  /** Current state of each point, and all states (also of older specs and incarnations) that still await outcomes. */
  readonly points: Map<string, PointState>;
  /** What the state of a point was made of: as long as that is the same, so is the state. */
  readonly madeOf: Map<string, MadeOf>;
  readonly joins: Map<string, PointState>;
  readonly stats: Map<string, OutcomeStats>;
  /** States of guards that several points share, by scope and ledger. */
  readonly ledgers: Map<string, unknown>;
  /** Validators of contexts, by point: code of this process, which no declaration carries. */
  readonly schemas: Map<string, StandardSchema>;
  readonly domainLoads: Map<string, DomainLoad>;
  readonly features: FeatureHouse;
  /** Decisions counted for experiments, by prefix: all below this counter, as far as they are kept. */
  readonly countedTo: Map<string, number>;
  /** How far late teaching has come, by prefix, at points that teach late. */
  readonly taughtTo: Map<string, TaughtTo>;
  /** Since when each guarded rollout is in its stage, monotonic ms, by point; and when they, and planned looks, were last seen to. */
  readonly stages: Map<string, { readonly stage: string; readonly sinceMs: number }>;
  rolloutsMs: number;
  readonly units: UnitHouse;
  /** What the root saw at planned looks, by point with epoch, comparison and phase. */
  readonly looks: Map<string, TakenLooks>;
  pointNumber: number;
}

/** What decides how a point of this node is compiled, besides its registry and limits. */
export interface MadeOf {
  readonly declared: SpecVersion;
  readonly models: ControlState['models'];
  readonly epoch: number;
  readonly origin: string;
}

/** None is declared. */
export const noPoints = (monoMs: number): PointsHeld => ({
  points: new Map(),
  madeOf: new Map(),
  joins: new Map(),
  stats: new Map(),
  ledgers: new Map(),
  schemas: new Map(),
  domainLoads: new Map(),
  features: featureHouse(),
  countedTo: new Map(),
  taughtTo: new Map(),
  stages: new Map(),
  rolloutsMs: monoMs,
  units: unitHouse(),
  looks: new Map(),
  pointNumber: 0,
});
