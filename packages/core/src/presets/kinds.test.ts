import { expect, expectTypeOf, test } from 'vitest';
import type { GuardKind, PolicyKind } from '../decision/spec.ts';
import type { guards } from '../guards/index.ts';
import type { policies } from '../policies/index.ts';
import * as kinds from './kinds.ts';
import { standard } from './standard.ts';

const camel = (kind: string): string => kind.replace(/-./g, (dash) => dash[1].toUpperCase());

test('every kind of the standard registry can be had by itself, by its name in camel case', () => {
  const { policies, guards, features } = standard;
  const all = { ...policies, ...guards, ...features };
  const named = Object.fromEntries(Object.entries(all).map(([kind, factory]) => [camel(kind), factory]));
  expect({ ...named, underObjective: standard.objective, slated: standard.slate }).toEqual({ ...kinds });
});

test('an editor offers the kinds that there are', () => {
  expectTypeOf<PolicyKind>().toEqualTypeOf<keyof typeof policies>();
  expectTypeOf<GuardKind>().toEqualTypeOf<keyof typeof guards>();
});
