/** Waiting for a condition with a deadline, never for a time. */

import { setTimeout as pause } from "node:timers/promises";

/** How long a condition may take when the caller does not say. */
export const PATIENCE_S = 15;
/** How often it is looked at. */
const LOOK_EVERY_MS = 25;

/**
 * Looks until `condition` gives a value that is neither `undefined` nor `false`, and gives that.
 *
 * @template T
 * @param {string} what names the condition in the error
 * @param {() => T | Promise<T>} condition
 * @param {number} [patienceS] seconds
 * @param {number} [everyMs] how often it is looked at, where a look is dear
 * @returns {Promise<Exclude<T, undefined | false>>}
 */
export async function until(what, condition, patienceS = PATIENCE_S, everyMs = LOOK_EVERY_MS) {
  const deadline = performance.now() + patienceS * 1000;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) {
      return /** @type {Exclude<T, undefined | false>} */ (value);
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${patienceS} s in vain for ${what}`);
    }
    await pause(everyMs);
  }
}

/**
 * Watches a value that must not change.
 *
 * @template T
 * @param {string} what names the value in the error
 * @param {() => T | Promise<T>} read
 * @param {T} value what it is now
 * @param {number} watchedS seconds
 */
export async function stays(what, read, value, watchedS) {
  const end = performance.now() + watchedS * 1000;
  while (performance.now() < end) {
    const now = await read();
    if (now !== value) {
      throw new Error(`${what} was ${value} and became ${now}`);
    }
    await pause(LOOK_EVERY_MS);
  }
}
