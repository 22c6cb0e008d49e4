/** Gives the world's machines bodies: boots one when the world starts it, runs its extension when told, drops it when it goes. */
import type { MachineFacts, World, WorldEvent } from '../../../backend/simulator/facts.ts'
import { bootMachine } from './machine.ts'
import type { Machine, MachinePlan } from './machine.ts'
import { until } from './until.ts'

/** How the image of a scale set's machines differs from the usual one, and what happens to them on the way. */
export type Image = {
  readonly files?: Readonly<Record<string, string>>
  readonly sizeMb?: number
  /** Between the boot and the extension. */
  readonly prepare?: (machine: Machine) => Promise<void>
  readonly extension?: (machine: Machine, run: ExtensionRun) => Promise<ExtensionEnd>
}

export type ExtensionEnd = { readonly ok: true } | { readonly ok: false; readonly message: string }
/** Runs the extension on the machine once, as a new process of it would. */
export type ExtensionRun = (machine: Machine, options?: ExtensionOptions) => Promise<ExtensionEnd>
export type ExtensionOptions = {
  /** Take the place of those in the model. */
  readonly settings?: Readonly<Record<string, string>>
  /** The extension's own environment. */
  readonly env?: Readonly<Record<string, string>>
  /** After the downloads. */
  readonly beforeScript?: () => Promise<void>
  /** Changes the command line of the script. */
  readonly wrap?: (command: readonly string[]) => readonly string[]
  /** Told the process group of the script, on this computer. */
  readonly started?: (group: number) => void
}

/** One life of one machine: from its boot to its reimage or deletion. */
export type Life = { readonly machine: Machine; readonly number: number; readonly extension: Promise<ExtensionEnd> }

export type Fleet = {
  /** The image of machines made from now on. */
  setImage(scaleSetId: string, image: Image): void
  /** The scale set's first machine in its life of this number, 1 for the first, once it has booted. */
  life(scaleSetId: string, number: number, waitMsMax: number): Promise<Life>
  /** The lives of a scale set's machines that go on. */
  lives(scaleSetId: string): readonly Life[]
  /** What Azure knows of a booted machine. */
  factsOf(machine: Machine): MachineFacts | undefined
  machineAt(address: string): { readonly scaleSetId: string; readonly instanceId: string } | undefined
  /** What went wrong in the rig itself. */
  readonly faults: readonly Error[]
  /** Drops every machine. */
  close(): Promise<void>
}

export type FleetParts = {
  readonly world: World
  readonly plan: Pick<MachinePlan, 'layers' | 'folder' | 'groups' | 'programs'>
  readonly runExtension: (scaleSetId: string, ...rest: Parameters<ExtensionRun>) => Promise<ExtensionEnd>
}

type Slot = {
  readonly scaleSetId: string
  readonly instanceId: string
  readonly address: string
  readonly lives: Life[]
  /** The machine that is up or coming up; the next one waits until it is dropped. */
  present?: Promise<Machine> | undefined
  dropped: Promise<void>
  endExtension?: (end: ExtensionEnd) => void
}

const firstAddress = 11
const usualSizeMb = 4_000

export function createFleet({ world, plan, runExtension }: FleetParts): Fleet {
  const slots = new Map<string, Slot>()
  const images = new Map<string, Image>()
  const faults: Error[] = []
  const guard = <T>(work: Promise<T>): Promise<T> => {
    work.catch((error: Error) => faults.push(error))
    return work
  }
  const imageOf = (scaleSetId: string): Image => images.get(scaleSetId.toLowerCase()) ?? {}
  const slotOf = (scaleSetId: string, instanceId: string): Slot => {
    const key = `${scaleSetId.toLowerCase()}/${instanceId}`
    const address = `10.99.0.${firstAddress + slots.size}`
    const slot = slots.get(key) ?? { scaleSetId, instanceId, address, lives: [], dropped: Promise.resolve() }
    slots.set(key, slot)
    return slot
  }

  const slotAt = (address: string): Slot | undefined => [...slots.values()].find((slot) => slot.address === address)

  async function boot(slot: Slot): Promise<Machine> {
    await slot.dropped
    const image = imageOf(slot.scaleSetId)
    const facts = world.truth.machines(slot.scaleSetId).find(({ instanceId }) => instanceId === slot.instanceId)
    if (facts === undefined) throw new Error(`The machine ${slot.instanceId} of ${slot.scaleSetId} is gone before it booted.`)
    const { files = {}, sizeMb = usualSizeMb } = image
    const machine = await bootMachine({ ...plan, name: facts.computerName, address: slot.address, files, sizeMb })
    const extension = new Promise<ExtensionEnd>((resolve) => (slot.endExtension = resolve))
    slot.lives.push({ machine, number: slot.lives.length + 1, extension })
    await image.prepare?.(machine)
    return machine
  }

  function drop(slot: Slot): void {
    const { present } = slot
    slot.present = undefined
    if (present !== undefined) slot.dropped = guard(present.then((machine) => machine.drop()))
  }

  async function bootstrap(slot: Slot, life: number): Promise<void> {
    const machine = await slot.present
    if (machine === undefined) return
    const run: ExtensionRun = (one, options) => runExtension(slot.scaleSetId, one, options)
    const end = await (imageOf(slot.scaleSetId).extension?.(machine, run) ?? run(machine))
    world.endBootstrap(slot.scaleSetId, slot.instanceId, end, life)
    slot.endExtension?.(end)
  }

  function see(event: WorldEvent): void {
    if (event.kind === 'machine-running') {
      const slot = slotOf(event.scaleSetId, event.machine)
      slot.present = guard(boot(slot))
    } else if (event.kind === 'machine-bootstrap') {
      void guard(bootstrap(slotOf(event.scaleSetId, event.machine), event.life))
    } else if (event.kind === 'delete-accepted' || event.kind === 'reimage-accepted') {
      for (const machine of event.machines) drop(slotOf(event.scaleSetId, machine))
    }
  }

  const unwatch = world.watch(see)
  return {
    faults,
    setImage: (scaleSetId, image) => void images.set(scaleSetId.toLowerCase(), image),
    life: (scaleSetId, number, waitMsMax) =>
      until(
        `the machine of ${scaleSetId} is in its life ${number}`,
        () => slots.get(`${scaleSetId.toLowerCase()}/0`)?.lives[number - 1],
        waitMsMax,
      ),
    lives: (scaleSetId) =>
      [...slots.values()].flatMap((slot) =>
        slot.scaleSetId.toLowerCase() === scaleSetId.toLowerCase() && slot.present ? slot.lives.slice(-1) : [],
      ),
    factsOf: ({ address }) => {
      const slot = slotAt(address)
      return slot && world.truth.machines(slot.scaleSetId).find(({ instanceId }) => instanceId === slot.instanceId)
    },
    machineAt: slotAt,
    async close() {
      unwatch()
      for (const slot of slots.values()) drop(slot)
      await Promise.allSettled([...slots.values()].map(({ dropped }) => dropped))
    },
  }
}
