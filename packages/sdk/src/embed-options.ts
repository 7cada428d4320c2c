import { GanglionError } from '@ganglion/core';
import type { EmbedOptions } from './embed.ts';
import { LINK_OPTIONS } from './link.ts';
import {
  checkAwaited,
  checkOption,
  checkOptions,
  FUNCTION,
  HEADER_TEXT,
  portWith,
  type Rule,
  timeFrom,
} from './options.ts';

const EMBED_OPTIONS: Readonly<Record<keyof EmbedOptions, true>> = {
  name: true,
  tier: true,
  registry: true,
  parent: true,
  points: true,
  storage: true,
  clock: true,
  chance: true,
  seals: true,
  kernels: true,
  tickMs: true,
  closeWithinMs: true,
};

const TIERS = ['device', 'region', 'cloud'];

const RULES: readonly (readonly [keyof EmbedOptions, Rule])[] = [
  [
    'tier',
    {
      holds: (value) => TIERS.includes(value as string),
      is: 'a tier',
      mend: `Use one of: ${TIERS.join(', ')}.`,
    },
  ],
  [
    'registry',
    {
      holds: (value) => isRecord(value) && isRecord(value.policies) && isRecord(value.guards),
      is: 'a registry of families',
      mend: 'Give `standard` of @ganglion/core/presets, or what `mergeRegistries` makes of less.',
    },
  ],
  ['points', { holds: Array.isArray, is: 'a list', mend: 'Give a list of declarations.' }],
  [
    'storage',
    portWith(
      ['load', 'scan', 'commit', 'trim', 'close'],
      'In Node, give await sqliteStorage({ file }) of @ganglion/adapters/sqlite.',
    ),
  ],
  [
    'clock',
    portWith(
      ['monotonicMs', 'wallMs'],
      'Give both functions, monotonicMs and wallMs; in Node, systemClock() of @ganglion/adapters/system.',
    ),
  ],
  [
    'chance',
    portWith(['uint32'], 'Give the function uint32; in Node, systemChance() of @ganglion/adapters/system.'),
  ],
  [
    'seals',
    portWith(
      ['seal', 'verify'],
      'Give both functions, seal and verify; in Node, systemSeals() of @ganglion/adapters/system.',
    ),
  ],
  ['kernels', portWith(['take', 'multiply'], 'Give wasmKernels() of @ganglion/adapters/kernels.')],
  ['tickMs', timeFrom(1)],
  ['closeWithinMs', timeFrom(0)],
];

/**
 * Everything that can be said about a node's options before it starts; its name and what the points declare is the core's.
 * @throws GanglionError `invalid_input`; `forbidden` for points below a parent
 */
export function checkEmbedOptions(options: EmbedOptions): void {
  checkOptions(options, EMBED_OPTIONS);
  for (const [field, rule] of RULES) {
    checkAwaited(field, options[field]);
    checkOption(field, options[field], rule);
  }
  if (options.parent !== undefined) {
    checkOptions(options.parent, LINK_OPTIONS, 'parent');
    checkOption('parent.token', options.parent.token, HEADER_TEXT, true);
    checkOption('parent.deadAfterMs', options.parent.deadAfterMs, timeFrom(1));
    checkOption('parent.onTrouble', options.parent.onTrouble, FUNCTION);
  }
  checkPoints(options.points ?? [], options.parent !== undefined);
}

function checkPoints(points: readonly unknown[], below: boolean): void {
  if (below && points.length > 0)
    throw new GanglionError(
      'forbidden',
      'points are declared at the root, and a node with a parent is none',
      {
        field: 'points',
        mend: 'Declare them at the root: client.points.apply(…), `ganglion point apply`, or PUT /v1/points/{point} of its daemon.',
      },
    );
  const declared = new Map<unknown, unknown>();
  for (const [i, spec] of points.entries()) {
    checkOption(`points[${i}]`, spec ?? null, DECLARATION);
    const { point } = spec as { readonly point?: unknown };
    const before = declared.get(point);
    if (point !== undefined && before !== undefined && !isAlike(before, spec))
      throw new GanglionError('invalid_input', 'one point is declared twice, and not alike', {
        field: `points[${i}].point`,
        value: point,
        mend: 'Leave one of them out, or give one of them another name.',
      });
    declared.set(point, spec);
  }
}

function isAlike(one: unknown, other: unknown): boolean {
  try {
    return JSON.stringify(one) === JSON.stringify(other);
  } catch {
    return true; // No JSON, and refused as such when it is applied.
  }
}

const DECLARATION: Rule = {
  holds: isRecord,
  is: 'a declaration',
  mend: 'Give the declaration of a point: { point, arms, fallback, policy, … }.',
};

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
