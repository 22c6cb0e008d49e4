/** `demo`: sandbox and service on this computer, under a recorded day of CI, watched live. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { SettingsInput } from '../api/contract.ts'
import { allowsColour } from '../environment.ts'
import { describeSummary, type Summary } from './demo-summary.ts'
import { lineView, liveView, noView, type View } from './demo-view.ts'
import type { DemoWorld } from './demo-world.ts'
import { exitCodes, type ExitCode } from './exit.ts'
import type { Surroundings } from './surroundings.ts'
import { readReplay, type Replay } from './trace.ts'

export type DemoOptions = {
  readonly trace?: string
  readonly from?: number
  readonly for?: number
  readonly speed: number
  readonly faults?: readonly string[]
  readonly seed: number
  readonly port: number
  readonly data?: string
  readonly headless?: boolean
  readonly json?: boolean
  readonly settings: SettingsInput
}

/** Settings that show a pool at work; the options change them. */
const shownSettings: SettingsInput = { machinesMax: 80, standby: 2, idleDelayMinutes: 10 }

/** Ends at Ctrl-C, after `--for`, or when every job of the trace is done. Exit 1 when a running job lost its machine. */
export async function demo(options: DemoOptions, around: Surroundings): Promise<ExitCode> {
  const file = options.trace ?? join(around.packageFolder, 'examples', 'bitcoin-core-ci.linux.csv')
  const replay = readReplay(file, {
    ...(options.from !== undefined && { fromMs: options.from }),
    ...(options.for !== undefined && { forMs: options.for }),
  })
  if (options.json !== true) around.out('Starting the sandbox and the service.\n')
  const { world, speed, note } = await open(options, around)
  const summary = await watched(world, replay, { ...options, speed }, note, around)
  around.out(options.json === true ? `${JSON.stringify(summary)}\n` : `${describeSummary(summary)}\n`)
  return summary.busyKills === 0 ? exitCodes.ok : exitCodes.no
}

type Opened = { readonly world: DemoWorld; readonly speed: number; readonly note?: string }

/** Opens the world at the speed asked for, or again at one that this computer keeps up with. */
async function open(options: DemoOptions, around: Surroundings): Promise<Opened> {
  // Loaded only now: a wrong trace is told at once, without the Azure SDK.
  const { openWorld, sustainableSpeed } = await import('./demo-world.ts')
  const { packageFolder, version, fetch, stop } = around
  const wish = { ...options, packageFolder, version, fetch, settings: { ...shownSettings, ...options.settings } }
  const world = await openWorld(wish)
  try {
    const speed = await sustainableSpeed(world, options.speed, stop)
    if (speed === options.speed) return { world, speed }
    await world.close()
    rmSync(world.data, { recursive: true, force: true })
    const note = `The passes cannot keep up with ${options.speed} × real time on this computer: the demo runs at ${speed} ×.`
    around.err(`${note}\n`)
    return { world: await openWorld({ ...wish, speed }), speed, note }
  } catch (error) {
    await world.close()
    throw error
  }
}

async function watched(
  world: DemoWorld,
  replay: Replay,
  options: DemoOptions,
  note: string | undefined,
  around: Surroundings,
): Promise<Summary> {
  const { speed, seed, faults = [] } = options
  const wish = { speed, seed, faults, ...(options.for !== undefined && { forMs: options.for }), ...(note !== undefined && { note }) }
  const { runDemo } = await import('./demo-run.ts')
  let view: View = noView
  try {
    view = viewFor(options, around)
    return await runDemo(world, replay, wish, view.show, around.stop)
  } finally {
    view.close()
    await world.close()
  }
}

function viewFor(options: DemoOptions, around: Surroundings): View {
  if (options.json === true) return noView
  if (options.headless === true || around.terminal === undefined) return lineView(around.out)
  return liveView(around.out, around.terminal, allowsColour(around.env))
}
