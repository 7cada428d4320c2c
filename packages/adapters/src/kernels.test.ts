import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { compilePoint, DEFAULT_LIMITS, type Kernels, scalarKernels } from '@ganglion/core';
import { standard } from '@ganglion/core/presets';
import { kernelLaws, type Stream, stream } from '@ganglion/core/testing';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { wasmKernels } from './kernels.ts';

afterEach(() => vi.unstubAllGlobals());

// One for all runs, so that each begins where the ones before have left the ring of tables.
const used = wasmKernels({ tableBytes: 1 << 20 })!;

describe('kernels in WebAssembly', () => {
  for (const { law, run } of kernelLaws(() => used))
    it(law, () => {
      fc.assert(
        fc.property(fc.nat({ max: 0xffffffff }), (seed) => run(stream(seed))),
        { numRuns: 60 },
      );
    });

  it('give the bits of plain TypeScript through policies: every probability, every confidence', () => {
    const random = stream(5);
    for (const kind of ['linear-thompson', 'lin-ucb', 'square-cb']) {
      const seed = random.integer(1 << 30);
      expect(proposals(kind, used, stream(seed))).toEqual(proposals(kind, undefined, stream(seed)));
    }
  });

  it('tables beyond the ring, or pushed out of it, answer all the same', () => {
    const kernels = wasmKernels({ tableBytes: 1 << 20 })!;
    const plain = scalarKernels();
    const random = stream(6);
    const columns = 256;
    // 512 KiB each, so that two fit and three do not; the last is larger than the ring.
    const tables = [256, 256, 256, 1024].map((rows) => {
      const numbers = Float64Array.from({ length: rows * columns }, () => random.normal());
      return [kernels.rectangle(numbers, columns), plain.rectangle(numbers, columns), rows] as const;
    });
    for (let ask = 0; ask < 200; ask++) {
      const [ours, theirs, rows] = tables[random.integer(tables.length)];
      const x = Float64Array.from({ length: columns }, () => random.normal());
      for (const each of [kernels, plain]) each.take(x, columns);
      ours.multiply(0, rows);
      theirs.multiply(0, rows);
      expect(kernels.sums).toEqual(plain.sums);
    }
  });

  it('there are none where the platform has no WebAssembly, or lacks SIMD, or forbids it', () => {
    const real = (globalThis as unknown as { WebAssembly: object }).WebAssembly;
    vi.stubGlobal('WebAssembly', undefined);
    expect(wasmKernels()).toBeUndefined();
    vi.stubGlobal('WebAssembly', { ...real, validate: () => false });
    expect(wasmKernels()).toBeUndefined();
    const forbid = (): never => {
      throw new Error('Refused to compile by content security policy');
    };
    vi.stubGlobal('WebAssembly', { validate: () => true, Module: forbid });
    expect(wasmKernels()).toBeUndefined();
  });

  it('the bytes are what the source makes', () => {
    const script = fileURLToPath(new URL('kernels/build.mjs', import.meta.url));
    expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' })).not.toThrow();
  });
});

/** What a policy proposes over some contexts after some outcomes. */
function proposals(kind: string, kernels: Kernels | undefined, random: Stream): number[] {
  const arms = Array.from({ length: 7 }, (_, a) => `arm-${a}`);
  const context = Object.fromEntries([
    ...Array.from({ length: 9 }, (_, i) => [`x${i}`, { type: 'number', min: -1, max: 1, required: true }]),
    ['page', { type: 'category', values: ['a', 'b', 'c'], buckets: 3 }],
  ]);
  const spec = { point: 'p', arms, fallback: arms[0], context, policy: { kind } };
  const point = compilePoint(spec, standard, DEFAULT_LIMITS, {}, kernels);
  const { policy } = point;
  const contextOf = (): Float64Array =>
    Float64Array.from({ length: 10 }, (_, i) => (i === 9 ? random.integer(3) : 2 * random.next() - 1));
  let own = policy.evidence.zero();
  const fixed = { weight: 1, sign: 1, atMs: 0, metrics: {}, propensity: 0.1 } as const;
  for (let i = 0; i < 300; i++) {
    const arm = random.integer(arms.length);
    const reward = random.integer(2);
    own = policy.learn(own, { ...fixed, arm, armKey: `${arms[arm]}#0`, reward, context: contextOf() });
  }
  const baseline = new Float64Array(arms.length);
  baseline[0] = 1;
  const at = { arms: point.arms, nowMs: 0, baseline, margin: 0, seed: 1 };
  const view = policy.view(own, policy.evidence.zero(), at, undefined);
  const seen: number[] = [];
  for (let i = 0; i < 50; i++) {
    const allowed = Uint8Array.from(arms, (_, a) => (a === i % 7 ? 1 : random.integer(2)));
    const out = { p: new Float64Array(arms.length), confidence: Number.NaN };
    policy.propose(
      view,
      {
        arms: arms.length,
        allowed,
        allowedCount: allowed.reduce((sum, one) => sum + one, 0),
        context: contextOf(),
        inflight: new Int32Array(arms.length),
        unitHash: 0,
        turn: 0,
        nowMs: 0,
      },
      out,
    );
    seen.push(...out.p, out.confidence);
  }
  return seen;
}
