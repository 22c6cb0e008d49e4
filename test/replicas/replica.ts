/** One replica: a process of the built service, and what it tells. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readiness } from '../../backend/api/contract.ts'
import { createClient, type Client } from '../../backend/cli/client.ts'
import type { SandboxAddress, SandboxCredentials } from '../../backend/cli/sandbox-process.ts'

const operatorKey = 'the-operator-key-of-the-tests'

export type Replica = {
  readonly url: string
  readonly client: Client
  readonly pid: number
  /** SIGUSR2 takes away its way to Azure and Azure DevOps, or gives it back. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGUSR2'): void
  /** Changes that it has sent to Azure DevOps and Azure. */
  changes(): Promise<number>
  readiness(): Promise<Readiness>
  /** The pools that its figures tell the state of. */
  figured(): Promise<readonly number[]>
  ended: Promise<unknown>
}

export function startReplica(
  { tenantId, clientId, secret, pat }: SandboxCredentials,
  address: SandboxAddress,
  { program, data, databaseUrl, port }: { program: string; data: string; databaseUrl: string; port: number },
): ChildProcess {
  return spawn(process.execPath, ['--import', join(__dirname, 'firewall.mjs'), program, 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      FIREWALL_PORT: new URL(address.url).port,
      SCALE_SET_AGENTS_ORGANIZATION_URL: address.organizationUrl,
      SCALE_SET_AGENTS_PAT: pat,
      SCALE_SET_AGENTS_RESOURCE_MANAGER_URL: address.url,
      AZURE_AUTHORITY_HOST: address.url,
      AZURE_TENANT_ID: tenantId,
      AZURE_CLIENT_ID: clientId,
      AZURE_CLIENT_SECRET: secret,
      SCALE_SET_AGENTS_CA_FILE: address.caFile,
      SCALE_SET_AGENTS_DATA: data,
      SCALE_SET_AGENTS_DATABASE_URL: databaseUrl,
      SCALE_SET_AGENTS_PORT: String(port),
      SCALE_SET_AGENTS_OPERATOR_KEY: operatorKey,
    },
  })
}

/** Resolves once it listens. @throws Error with its last words when it ends before. */
export async function replicaOf(child: ChildProcess): Promise<Replica> {
  const ended = once(child, 'exit')
  const url = await urlOf(child, ended)
  return {
    url,
    client: createClient({ url, operatorKey }, fetch, () => AbortSignal.timeout(20_000)),
    pid: child.pid ?? 0,
    ended,
    signal: (name) => void child.kill(name),
    changes: async () => (await figuresOf(url)).filter((line) => change.test(line)).reduce((sum, line) => sum + valueOf(line), 0),
    readiness: () => readinessOf(url),
    async figured() {
      const states = (await figuresOf(url)).flatMap(
        (line) => /^scale_set_agents_(?:machines|queue|capacity)\{pool="(\d+)"/.exec(line)?.[1] ?? [],
      )
      return [...new Set(states.map(Number))].toSorted((a, b) => a - b)
    },
  }
}

export async function readinessOf(url: string): Promise<Readiness> {
  return (await (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })).json()) as Readiness
}

/** From its own log. The rest of the log is read and dropped, so that it never waits for us. */
async function urlOf(child: ChildProcess, ended: Promise<unknown>): Promise<string> {
  let complaint = ''
  child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()))
  // One that ends by itself later says why in the output of the test.
  child.on('exit', (code) => code !== null && code > 0 && console.error(`A replica ended with ${code}: ${complaint}`))
  const url = new Promise<string>((found) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { url: seen } = JSON.parse(line) as { readonly url?: string }
      if (seen !== undefined) found(seen)
    })
  })
  const failed = ended.then(() => Promise.reject(new Error(`A replica did not start: ${complaint}`)))
  failed.catch(() => undefined)
  return Promise.race([url, failed])
}

const change = /^scale_set_agents_calls_total.*operation="(add|authorize|claim|delete|merge|put|reimage|remove|set|update) ?/i
const valueOf = (line: string): number => Number(line.split(' ').at(-1))

async function figuresOf(url: string): Promise<readonly string[]> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${operatorKey}` } })
  return (await answer.text()).split('\n')
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
