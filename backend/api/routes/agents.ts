/** The agents of a pool, ours and others: turned on and off, and the way to the machine of one. */
import { Type } from 'typebox'
import type { SwitchedAgent } from '../../loop/pools.ts'
import type { PoolRecord } from '../../loop/ports.ts'
import { connectView } from '../contract-look.ts'
import { accepted } from '../contract.ts'
import { deadline, latestOf, poolParams, recordOf } from '../lookup.ts'
import type { ApiParts, App, Latest } from '../parts.ts'
import { notFound, problemOf } from '../problems.ts'
import { knownMachines, machineOf, machineParams } from './machines.ts'

const agentParams = Type.Object({ ...poolParams.properties, agentId: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }) })

export function agents(app: App, parts: ApiParts): void {
  for (const enabled of [true, false]) {
    app.post(
      `/pools/:poolId/agents/:agentId/${enabled ? 'enable' : 'disable'}`,
      { config: { right: 'manage' }, schema: { params: agentParams, response: { 202: accepted } } },
      async ({ params, asker }, reply) => {
        const record = await recordOf(parts, params.poolId)
        const agent = agentOf(await latestOf(parts, record), record, params.agentId)
        const asked = await parts.pools.setEnabled(record.poolId, agent, enabled, asker.by, deadline(parts))
        if (!asked.ok) throw problemOf(asked)
        return reply.code(202).send({ message: asked.value })
      },
    )
  }
  app.get(
    '/pools/:poolId/machines/:machine/connect',
    { config: { right: 'use' }, schema: { params: machineParams, response: { 200: connectView } } },
    async ({ params }) => {
      const record = await recordOf(parts, params.poolId)
      const machine = machineOf(await latestOf(parts, record), record, params.machine)
      const asked = await parts.pools.connection(record.poolId, machine, deadline(parts))
      if (!asked.ok) throw problemOf(asked)
      return { poolId: record.poolId, machine: machine.name, ways: asked.value.ways }
    },
  )
}

/** As the newest pass saw it: an id of another pool is never sent on. */
function agentOf(latest: Latest, record: PoolRecord, agentId: number): SwitchedAgent {
  const { list } = knownMachines(latest, record)
  for (const machine of list) {
    const agent = 'agent' in machine ? machine.agent : undefined
    if (agent?.id === agentId) return { id: agentId, name: agent.name, machine }
  }
  const { agents: seen } = latest.snapshot
  const other = seen.known ? seen.value.others.find(({ id }) => id === agentId) : undefined
  if (other === undefined)
    throw notFound(
      `Pool ${record.name} has no agent ${agentId}. GET /api/v1/pools/${record.poolId}/machines lists them with their machines.`,
    )
  return { id: agentId, name: other.name }
}
