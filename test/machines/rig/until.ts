/** Waiting for conditions, with a limit. Nothing in the rig sleeps for a fixed time. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Looks until `look` gives something other than undefined or false.
 * @throws Error that names `what` when it did not within `msMax`
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  msMax = 60_000,
): Promise<T> {
  const end = Date.now() + msMax
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`After ${msMax / 1000} s there was still not: ${what}`)
    await sleep(50)
  }
}
