/** Fault switches: which are on, whether one strikes now, and how often each did. */
import type { WorldTime } from './facts.ts'
import type { FaultName, FaultSetting } from './facts-life.ts'
import type { Random } from './random.ts'

export interface Faults {
  set(name: FaultName, setting: FaultSetting | undefined): void
  settings(): ReadonlyMap<FaultName, FaultSetting>
  counts(): ReadonlyMap<FaultName, number>
  /** The setting while the fault is on. */
  active(name: FaultName): FaultSetting | undefined
  /** Draws by the fault's rate and records the strike. Ask only where a strike has an effect. */
  strikes(name: FaultName): FaultSetting | undefined
  /** Draws without recording, for faults whose effect is known only afterwards. */
  draws(name: FaultName): FaultSetting | undefined
  record(name: FaultName): void
  /** A line of chance of this fault's own. */
  chance(name: FaultName): Random
}

export function createFaults(random: Random, now: () => WorldTime, struck: (name: FaultName) => void): Faults {
  const settings = new Map<FaultName, FaultSetting>()
  const counts = new Map<FaultName, number>()
  const lines = new Map<FaultName, Random>()

  function chance(name: FaultName): Random {
    const line = lines.get(name) ?? random.fork(name)
    lines.set(name, line)
    return line
  }
  function active(name: FaultName): FaultSetting | undefined {
    if (settings.size === 0) return undefined
    const setting = settings.get(name)
    return setting && (setting.untilMs === undefined || now() < setting.untilMs) ? setting : undefined
  }
  function draws(name: FaultName): FaultSetting | undefined {
    const setting = active(name)
    return setting && chance(name).chance(setting.rate) ? setting : undefined
  }
  function record(name: FaultName): void {
    counts.set(name, (counts.get(name) ?? 0) + 1)
    struck(name)
  }
  function strikes(name: FaultName): FaultSetting | undefined {
    const setting = draws(name)
    if (setting) record(name)
    return setting
  }
  return {
    set: (name, setting) => void (setting ? settings.set(name, setting) : settings.delete(name)),
    settings: () => settings,
    counts: () => counts,
    active,
    strikes,
    draws,
    record,
    chance,
  }
}
