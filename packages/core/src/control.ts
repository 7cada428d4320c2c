/**
 * A control is what people say: kills, overrides, specs, resets, quarantine. Its state is a join-semilattice, so that
 * it can reach a node twice, late, in any order and over any path.
 *
 * Laws (checked by `controlLaws`): `join` is commutative, associative and idempotent; `encode`/`decode` round-trips;
 * `rules(join(a, b))` is never laxer than an addition in either that no removal in either names.
 *
 * @typeParam S - plain data.
 */
export interface Control<S, Q = unknown, R = unknown> {
  readonly name: string;
  empty(): S;
  join(a: S, b: S): S;
  equal(a: S, b: S): boolean;
  /** What the state says of a question (a scope, a point). Must be cheap: it is compiled per point when the state changes. */
  rules(state: S, question: Q): R;
  encode(state: S): unknown;
  /** @throws GanglionError `undecodable` */
  decode(json: unknown): S;
}
