/** One organization of the sandbox over a world whose time the test moves by hand. */
import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type { World } from '../../backend/simulator/facts.ts'
import { createWorld } from '../../backend/simulator/world.ts'
import { registerAzureDevOps } from '../../sandbox/azure-devops/azure-devops.ts'
import type { AzureDevOpsParts } from '../../sandbox/azure-devops/azure-devops.ts'
import type { TokenCheck } from '../../sandbox/azure-devops/callers.ts'

export const pat = `Basic ${Buffer.from(':good-pat').toString('base64')}`
export const fabrikam = { id: '11111111-aaaa-4aaa-8aaa-111111111111', name: 'Fabrikam Fiber' }
const startMs = Date.parse('2026-01-05T09:00:00.000Z')

/** A parsed answer; tests look into it freely. */
export type Loose = ReturnType<typeof JSON.parse>
export type Reply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly json: Loose
}
export type Organization = {
  readonly app: FastifyInstance
  readonly address: string
  readonly world: World
  /** World time passes. */
  pass(ms: number): void
  send(method: string, path: string, options?: { readonly body?: unknown; readonly headers?: Record<string, string> }): Promise<Reply>
}

export async function createOrganization(parts: Partial<AzureDevOpsParts> = {}): Promise<Organization> {
  const world = createWorld({ seed: 1 })
  let now = 0
  const clock = {
    nowMs: () => now,
    toIso: (time: number) => new Date(startMs + time).toISOString(),
  }
  const app = fastify()
  registerAzureDevOps(app, { world, clock, organization: 'fabrikam', projects: [fabrikam], checkToken, ...parts })
  const address = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    app,
    address,
    world,
    pass(ms) {
      now += ms
      world.advance(now)
    },
    async send(method, path, { body, headers } = {}) {
      const defaults = { authorization: pat, accept: 'application/json; api-version=7.1' }
      const json = typeof body === 'object' ? { 'content-type': 'application/json' } : {}
      const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
      const reply = await fetch(`${address}/fabrikam/${path}`, {
        method,
        redirect: 'manual',
        headers: { ...defaults, ...json, ...headers },
        ...payload,
      })
      const text = await reply.text()
      const isJson = reply.headers.get('content-type')?.startsWith('application/json') ?? false
      return { status: reply.status, headers: Object.fromEntries(reply.headers), text, json: isJson ? JSON.parse(text) : undefined }
    },
  }
}

/** Only the password of a Basic header counts, as in Azure DevOps. */
function checkToken(authorization: string | undefined): TokenCheck {
  if (authorization === undefined || authorization === '') return 'missing'
  const [scheme = '', value = ''] = authorization.split(' ')
  const password = scheme === 'Basic' ? Buffer.from(value, 'base64').toString('utf8').split(':')[1] : undefined
  if (password === 'expired-pat') return 'expired'
  return password === 'good-pat' ? 'ok' : 'invalid'
}

/** A pool with one offline agent in it. */
export async function addPoolAndAgent({ send }: Organization): Promise<{ readonly poolId: number; readonly agentId: number }> {
  const pool = await send('POST', '_apis/distributedtask/pools', { body: { name: 'linux' } })
  const body = {
    name: 'vm000001',
    version: '4.273.0',
    osDescription: 'Linux',
    systemCapabilities: { 'Agent.ComputerName': 'vm000001', maven: '3' },
  }
  const agent = await send('POST', `_apis/distributedtask/pools/${pool.json.id}/agents`, { body })
  return { poolId: pool.json.id, agentId: agent.json.id }
}
