/** The machine's own clock, chance and seals. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import os from 'node:os';
import type { Chance, Clock, Seals } from '@ganglion/core';

/** What a system clock is made of; only tests give others. */
export interface ClockSources {
  /** Milliseconds, never going back; may stand still while the machine sleeps. */
  steadyMs(): number;
  /** Milliseconds since the Unix epoch, as the machine believes. */
  wallMs(): number;
  /** Milliseconds since the machine was started, sleep included. */
  uptimeMs(): number;
  /** How coarse, and how restless, `uptimeMs` is. */
  uptimeSlackMs: number;
}

/** The wall clock moved this much against the steady one: either somebody set it, or the machine slept. */
const WALL_SHIFT_MS = 50;
/** At the latest after this long awake, the uptime is asked again. */
const CHECK_EVERY_MS = 1000;

/**
 * `monotonicMs` counts from the clock's making. Node's steady clock stands still while Linux sleeps
 * (CLOCK_MONOTONIC), so sleep is added from the system's uptime, which goes on (CLOCK_BOOTTIME): asked for when the
 * wall clock has moved against the steady one, as it does on waking, and once a second of reading otherwise, since
 * it costs a system call. Where the steady clock counts sleep itself (macOS, Windows), nothing is missing and
 * nothing is added.
 *
 * What no clock here counts: time for which a virtual machine was paused or a container frozen by its host, unless
 * the host sets the wall clock afterwards. A reader to whom that matters takes the larger of both clocks' elapsed times.
 */
export function systemClock(sources: ClockSources = machineSources()): Clock {
  const { steadyMs, wallMs, uptimeMs, uptimeSlackMs } = sources;
  const steadyStart = steadyMs();
  const uptimeStart = uptimeMs();
  let sleptMs = 0;
  let checkedAtMs = steadyStart;
  let wallAheadMs = wallMs() - steadyStart;

  function check(steady: number, wall: number): void {
    checkedAtMs = steady;
    wallAheadMs = wall - steady;
    const missing = uptimeMs() - uptimeStart - (steady - steadyStart);
    // Taken back by the slack, so that rounding never makes the clock run ahead; and it never goes back.
    if (missing - sleptMs > 2 * uptimeSlackMs) sleptMs = missing - uptimeSlackMs;
  }

  return {
    monotonicMs() {
      const steady = steadyMs();
      const wall = wallMs();
      const shift = wall - steady - wallAheadMs;
      if (shift > WALL_SHIFT_MS || shift < -WALL_SHIFT_MS || steady - checkedAtMs >= CHECK_EVERY_MS) {
        check(steady, wall);
      }
      return steady - steadyStart + sleptMs;
    },
    wallMs,
  };
}

function machineSources(): ClockSources {
  return {
    steadyMs: () => performance.now(),
    wallMs: () => Date.now(),
    uptimeMs: () => os.uptime() * 1000,
    // Linux reads hundredths of a second from /proc/uptime; elsewhere it is whole seconds, from a settable start.
    uptimeSlackMs: process.platform === 'linux' ? 20 : 2000,
  };
}

const WORDS = 1024;

/** Cryptographic chance from the system, fetched 4 KiB at a time; a number that was given is wiped from memory. */
export function systemChance(): Chance {
  const words = new Uint32Array(WORDS);
  let next = WORDS;
  return {
    uint32() {
      if (next === WORDS) {
        crypto.getRandomValues(words);
        next = 0;
      }
      const word = words[next]!;
      words[next++] = 0;
      return word;
    },
  };
}

/** HMAC-SHA-256 (RFC 2104), by the platform's cryptography; compared in constant time. */
export function systemSeals(): Seals {
  const seal = (key: Uint8Array, data: Uint8Array): Uint8Array =>
    createHmac('sha256', key).update(data).digest();
  return {
    seal,
    verify(key, data, code) {
      const expected = seal(key, data);
      return expected.length === code.length && timingSafeEqual(expected, code);
    },
  };
}
