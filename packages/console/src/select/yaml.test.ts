import { expect, it } from 'vitest';
import { toYaml } from './yaml.ts';

it('writes a declaration as a person would', () => {
  const members = [
    { kind: 'rules', name: 'by-hand', rules: [{ when: { daypart: 'night' }, arm: 'b' }, { arm: 'a' }] },
    { kind: 'thompson', name: 'quick', halfLife: '10m' },
  ];
  expect(toYaml({ policy: { kind: 'thompson', reward: 'gaussian' } })).toBe(
    'policy:\n  kind: thompson\n  reward: gaussian\n',
  );
  expect(toYaml({ policy: { kind: 'ensemble', members }, context: {} })).toBe(
    [
      'policy:',
      '  kind: ensemble',
      '  members:',
      '    - kind: rules',
      '      name: by-hand',
      '      rules:',
      '        - { when: { daypart: night }, arm: b }',
      '        - { arm: a }',
      '    - { kind: thompson, name: quick, halfLife: "10m" }',
      'context: {}',
      '',
    ].join('\n'),
  );
});

it('keeps text text: what YAML would read as something else stands in quotes', () => {
  for (const text of ['no', 'Null', '5%', '1e3', 'a: b', '# c', '', '- d', 'ünïcode', '&x', '*', '10m'])
    expect(toYaml({ key: text })).toBe(`key: ${JSON.stringify(text)}\n`);
  expect(toYaml({ 'a b': 1, 5: true, none: null })).toBe(
    '"5": true\n"a b": 1\n"none": null\n'.replace('"none"', 'none'),
  );
});
