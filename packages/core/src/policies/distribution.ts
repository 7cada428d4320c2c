import type { PolicyInput, Proposal } from '../policy.ts';

/** Even shares over the allowed arms: what remains when nothing is known, or all mass is gone. */
export function fillUniform(input: PolicyInput, out: Proposal): void {
  const share = input.allowedCount > 0 ? 1 / input.allowedCount : 0;
  // Without a branch: which arms are out may differ from one decision to the next.
  for (let a = 0; a < input.arms; a++) out.p[a] = share * input.allowed[a];
}

/** All mass on one arm. */
export function fillOne(arm: number, input: PolicyInput, out: Proposal): void {
  for (let a = 0; a < input.arms; a++) out.p[a] = 0;
  out.p[arm] = 1;
}

/** `shares` over the allowed arms, scaled to sum to 1; even shares where no mass is left. */
export function fillShares(shares: Float64Array, input: PolicyInput, out: Proposal): void {
  const { arms, allowed } = input;
  const { p } = out;
  if (input.allowedCount === arms) {
    for (let a = 0; a < arms; a++) p[a] = shares[a];
    return;
  }
  let sum = 0;
  for (let a = 0; a < arms; a++) {
    p[a] = allowed[a] === 1 ? shares[a] : 0;
    sum += p[a];
  }
  // Below this the quotient of rounded numbers would no longer be what the policy meant.
  if (!(sum > 1e-200)) {
    fillUniform(input, out);
    return;
  }
  // Divided, not multiplied by 1 / sum: an arm that alone is left gets exactly 1, and no arm more.
  for (let a = 0; a < arms; a++) p[a] /= sum;
}
