import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { callDurations } from './call-durations.ts';

const call = fc.record({
  method: fc.constantFrom('GET', 'POST'),
  route: fc.constantFrom('/v1/points', '/v1/points/:point/decide', 'none'),
  status: fc.constantFrom(200, 404, 503),
  // Whole multiples of 2⁻¹², so that sums are exact in whatever order; some lie on a bound, some beyond all.
  seconds: fc.oneof(
    fc.integer({ min: 0, max: 60_000 }).map((n) => n / 4096),
    fc.constantFrom(0.25, 0.5, 1, 2.5),
  ),
});

describe('durations of calls', () => {
  it('read as those of the library’s own histogram, sample for sample', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 60 }), async (calls) => {
        const ours = new Registry();
        const durations = callDurations(ours);
        const theirs = new Registry();
        const histogram = new Histogram({
          name: 'ganglion_http_request_duration_seconds',
          help: 'From the head of a request to the end of its answer.',
          labelNames: ['method', 'route', 'status'],
          buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
          registers: [theirs],
        });
        for (const { method, route, status, seconds } of calls) {
          durations.observe(method, route, status, seconds);
          histogram.observe({ method, route, status }, seconds);
        }
        expect(await ours.metrics()).toBe(await theirs.metrics());
      }),
      { numRuns: 50 },
    );
  });
});
