/** A service that answers from a table, for commands under test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PoolSummary } from '../../backend/api/contract.ts'
import { runProgram } from '../../backend/cli/program.ts'
import type { Surroundings } from '../../backend/cli/surroundings.ts'

export type Call = { readonly method: string; readonly path: string; readonly authorization: string | undefined; readonly body: unknown }
/** By `METHOD /path` below `/api/v1`: a body, or a status with a body. */
export type Answers = Readonly<Record<string, unknown>>
export const status = (code: number, body: unknown) => new Response(JSON.stringify(body), { status: code })

export const summary: PoolSummary = {
  poolId: 7,
  name: 'linux-agents',
  scaleSetId: '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/linux',
  state: 'online',
  paused: false,
  deleting: false,
  version: 3,
  machinesMax: 20,
  standby: 2,
  stages: { busy: 4, idle: 2, creating: 1 },
  capacity: 7,
  wanted: 8,
  waiting: 3,
  running: 4,
  longestWaitMs: 65_000,
  next: 'It looks again in 10 s.',
  problems: [],
}
export const onePool = { 'GET /pools': { pools: [summary] } }

/** Runs `scale-set-agents` with these arguments against a service that knows these answers. */
export async function run(args: string, answers: Answers = {}, change: Partial<Surroundings> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'))
  const calls: Call[] = []
  const printed = { out: '', err: '' }
  const fetch: Surroundings['fetch'] = async (url, init) => {
    const path = new URL(url).pathname.replace('/api/v1', '') + new URL(url).search
    const headers = new Headers(init.headers)
    calls.push({
      method: init.method ?? 'GET',
      path,
      authorization: headers.get('authorization') ?? undefined,
      body: typeof init.body === 'string' ? JSON.parse(init.body) : undefined,
    })
    const answer = answers[`${init.method} ${path}`]
    if (answer instanceof Response) return answer.clone()
    return answer === undefined ? status(404, { code: 'notFound', message: `There is no ${path}.` }) : status(200, answer)
  }
  try {
    const code = await runProgram(split(args), {
      env: {
        SCALE_SET_AGENTS_DATA: folder,
        SCALE_SET_AGENTS_URL: 'http://127.0.0.1:7200',
        SCALE_SET_AGENTS_OPERATOR_KEY: 'a-key-of-sixteen-characters',
      },
      fetch,
      out: (text) => (printed.out += text),
      err: (text) => (printed.err += text),
      terminal: undefined,
      stop: new AbortController().signal,
      packageFolder: folder,
      version: '1.2.3',
      ...change,
    })
    return { code, ...printed, calls }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Words, where 'quoted words' stay together. */
function split(args: string): readonly string[] {
  return [...args.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '')
}
