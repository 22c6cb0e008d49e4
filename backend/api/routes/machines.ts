/** The machines of a pool: what they do, why, and a person's orders about one of them. */
import { Type } from 'typebox'
import type { Machine } from '../../core/snapshot.ts'
import { whyMachine } from '../../core/why.ts'
import type { PoolRecord } from '../../loop/ports.ts'
import { accepted, machineList, machineOrder, whyView, type WhyView } from '../contract.ts'
import { latestOf, poolParams, recordOf } from '../lookup.ts'
import type { ApiParts, App, Latest } from '../parts.ts'
import { notFound, problemOf, unavailable } from '../problems.ts'
import { machineView } from '../views.ts'

export const machineParams = Type.Object({ ...poolParams.properties, machine: Type.String({ minLength: 1, maxLength: 256 }) })
const entriesMax = 50

export function machines(app: App, parts: ApiParts): void {
  app.get(
    '/pools/:poolId/machines',
    { config: { right: 'use' }, schema: { params: poolParams, response: { 200: machineList } } },
    async ({ params }) => {
      const record = await recordOf(parts, params.poolId)
      const latest = await latestOf(parts, record)
      const now = parts.clock.now()
      const { list, at } = knownMachines(latest, record)
      return {
        machines: list.map((machine) => machineView(latest, record, machine, now)),
        others: latest.snapshot.agents.known ? latest.snapshot.agents.value.others : [],
        ageMs: now - at,
      }
    },
  )
  app.post(
    '/pools/:poolId/machines/:machine/orders',
    { config: { right: 'manage' }, schema: { params: machineParams, body: machineOrder, response: { 202: accepted } } },
    async ({ params, body, asker }, reply) => {
      const record = await recordOf(parts, params.poolId)
      const machine = machineOf(await latestOf(parts, record), record, params.machine)
      const asked = await parts.pools.order(record.poolId, machine, { order: body.order, force: body.force === true, by: asker.by })
      if (!asked.ok) throw problemOf(asked)
      return reply.code(202).send({ message: asked.value })
    },
  )
  app.get(
    '/pools/:poolId/machines/:machine/why',
    { config: { right: 'use' }, schema: { params: machineParams, response: { 200: whyView } } },
    async ({ params }) => {
      const record = await recordOf(parts, params.poolId)
      return (await whyNow(parts, record, params.machine)) ?? gone(parts, record, params.machine)
    },
  )
}

export function knownMachines({ snapshot }: Latest, record: PoolRecord): { readonly list: readonly Machine[]; readonly at: number } {
  if (!snapshot.machines.known) throw unavailable(`The machines of pool ${record.name} could not be read: ${snapshot.machines.why}`)
  return { list: snapshot.machines.value, at: snapshot.machines.at }
}

export function machineOf(latest: Latest, record: PoolRecord, idOrName: string): Machine {
  const machine = named(knownMachines(latest, record).list, idOrName)
  if (machine === undefined)
    throw notFound(`Pool ${record.name} has no machine ${idOrName}. GET /api/v1/pools/${record.poolId}/machines lists them.`)
  return machine
}

/** By name before id: an id is only a number, and numbers say little. */
function named(list: readonly Machine[], idOrName: string): Machine | undefined {
  return list.find(({ name }) => name === idOrName) ?? list.find(({ id }) => id === idOrName)
}

async function whyNow(parts: ApiParts, record: PoolRecord, idOrName: string): Promise<WhyView | undefined> {
  const latest = await parts.loop.latest(record.poolId)
  if (latest?.snapshot.machines.known !== true) return undefined
  const name = named(latest.snapshot.machines.value, idOrName)?.name
  const why = name && whyMachine(latest.snapshot, latest.decision, record.settings, name, parts.clock.now())
  return name && why ? { poolId: record.poolId, subject: name, sentences: why.sentences, from: 'latest' } : undefined
}

/** The computer name, by the newest pass or by what is remembered. */
export async function machineName(parts: ApiParts, record: PoolRecord, idOrName: string): Promise<string | undefined> {
  const machines = (await parts.loop.latest(record.poolId))?.snapshot.machines
  const present = machines?.known === true ? named(machines.value, idOrName) : undefined
  if (present !== undefined) return present.name
  const remembered = await parts.history.machine(record.poolId, idOrName)
  return (remembered.find(({ memory }) => memory.name === idOrName) ?? remembered[0])?.memory.name
}

/** A machine that left: the Diagnostics entries that name it, oldest first. */
async function gone(parts: ApiParts, record: PoolRecord, idOrName: string): Promise<WhyView> {
  const remembered = await parts.history.machine(record.poolId, idOrName)
  const found = remembered.find(({ memory }) => memory.name === idOrName) ?? remembered[0]
  if (found === undefined) throw notFound(`Pool ${record.name} has no machine ${idOrName}, and had none that is remembered.`)
  const { name } = found.memory
  const entries = await parts.history.log(record.poolId, { top: entriesMax, machine: name })
  const state = found.goneAt === undefined ? `${name} is known, but the newest pass did not see it.` : `${name} is gone.`
  return { poolId: record.poolId, subject: name, sentences: [state, ...entries.map((entry) => entry.message).reverse()], from: 'history' }
}
