import { describe, expect, it } from 'vitest';
import { standard } from './presets/standard.ts';
import { mergeRegistries } from './registry.ts';

const own = standard.policies.fixed;

describe('registries side by side', () => {
  it('may name some families only', () => {
    const { policies, guards } = mergeRegistries(standard, { policies: { own } });
    expect(policies.own).toBe(own);
    expect(Object.keys(guards)).toEqual(Object.keys(standard.guards));
    const guard = standard.guards.holdout;
    expect(mergeRegistries(standard, { guards: { guard } }).guards.guard).toBe(guard);
    expect(mergeRegistries(standard, {}).policies.thompson).toBe(standard.policies.thompson);
    expect(mergeRegistries()).toMatchObject({ policies: {}, guards: {} });
  });

  it('may not name a kind twice', () => {
    expect(() => mergeRegistries(standard, { policies: { thompson: own } })).toThrow(
      expect.objectContaining({ code: 'invalid_input', field: 'thompson' }),
    );
  });
});
