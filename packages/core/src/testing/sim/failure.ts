/** What a run claims, by name. A failure says which of them does not hold. */
export type Invariant =
  | 'exception'
  | 'evidence-bound'
  | 'origin-bound'
  | 'controls-regress'
  | 'controls-lost-in-restart'
  | 'lease-bound'
  | 'kill-ignored'
  | 'ack-without-kill'
  | 'holdout'
  | 'allowed-arms'
  | 'propensity'
  | 'sticky'
  | 'placement'
  | 'deadline'
  | 'draws'
  | 'shares'
  | 'name-stolen'
  | 'controls-forged'
  | 'memory'
  | 'feedback-lost'
  | 'quiescence'
  | 'replay';

export class SimFailure extends Error {
  readonly invariant: Invariant;
  constructor(invariant: Invariant, message: string) {
    super(message);
    this.name = 'SimFailure';
    this.invariant = invariant;
  }
}

export function fail(invariant: Invariant, message: string): never {
  throw new SimFailure(invariant, message);
}
