/**
 * How the client updates of a federated round become one aggregate.
 *
 * Laws (checked by `aggregatorLaws`): any order of accepts gives the same aggregate to 1e-9; accepting an update twice
 * (same client, same attempt) changes nothing; a malformed update is refused and leaves the state as it was; `finish`
 * before `minimum` updates throws; state serialises between any two accepts.
 */
export interface Aggregator<S = unknown> {
  readonly name: string;
  begin(round: Round): S;
  /** Returns the new state; may reuse the old. @throws GanglionError `invalid_input` for a malformed update */
  accept(state: S, update: ClientUpdate): S;
  /** @throws GanglionError `invalid_input` when fewer than `minimum` clients were accepted */
  finish(state: S): Aggregate;
}

export interface Round {
  readonly id: string;
  /** Length of the flat parameter buffer. */
  readonly parameters: number;
  /** Fewest clients for an aggregate. */
  readonly minimum: number;
}

export interface ClientUpdate {
  readonly client: string;
  readonly delta: Float32Array;
  /** Examples it was trained on, > 0. */
  readonly weight: number;
}

export interface Aggregate {
  readonly round: string;
  readonly delta: Float32Array;
  readonly weight: number;
  readonly clients: number;
}
