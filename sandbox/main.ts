/** The sandbox as a process of its own. Prints one JSON line when it listens; ends on SIGINT, SIGTERM or its parent's end. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { extensionNames } from './host-page/extension.ts'
import { startSandbox } from './sandbox.ts'
import type { SandboxOptions } from './sandbox.ts'

/** Kept in the data directory and readable by its owner only: secrets are never arguments and never printed. */
type Credentials = { readonly tenantId: string; readonly clientId: string; readonly secret: string; readonly pat: string }

const usage = 'sandbox --data DIR [--port N] [--speed N] [--seed N] [--organization NAME] [--hub-url URL]'

async function main(): Promise<void> {
  const { hubUrl, ...flags } = readFlags()
  await mkdir(flags.dataDir, { recursive: true, mode: 0o700 })
  const credentialsFile = join(flags.dataDir, 'credentials.json')
  const { tenantId, clientId, secret, pat } = await credentialsIn(credentialsFile)
  const subscriptionId = '00000000-0000-4000-8000-000000000001'
  const place = { subscriptionId, resourceGroup: 'agents', location: 'westeurope' }
  const sandbox = await startSandbox({
    ...flags,
    ...place,
    historyFile: join(flags.dataDir, 'history.jsonl'),
    pats: [pat],
    apps: [{ tenantId, clientId, secret, role: 'contributor', devops: true }],
    // Made beside this program by the build.
    hostPage: { assets: join(import.meta.dirname, 'host-page'), ...(hubUrl !== undefined && { hubUrl }) },
  })
  // Every organization has this one from its first day.
  sandbox.world.devops.addPool('Default', true)
  const { url, organizationUrl, caFile, hostPageUrl } = sandbox
  const extensionName = `${extensionNames.publisherId}.${extensionNames.extensionId}`
  const page = { hostPageUrl, extensionFile: sandbox.extension.file, extensionName }
  process.stdout.write(`${JSON.stringify({ url, organizationUrl, caFile, credentialsFile, ...place, ...page })}\n`)
  const end = (): void => void sandbox.close().then(() => process.exit(0))
  for (const signal of ['SIGINT', 'SIGTERM', 'disconnect']) process.once(signal, end)
}

type Flags = Pick<SandboxOptions, 'seed' | 'organization' | 'dataDir'> & {
  readonly port: number
  readonly speed: number
  readonly hubUrl: string | undefined
}

function readFlags(): Flags {
  const string = { type: 'string' } as const
  const options = { data: string, port: string, speed: string, seed: string, organization: string, 'hub-url': string }
  const { values } = parseArgs({ options })
  if (values.data === undefined) throw new Error(`The option --data is missing. Usage: ${usage}`)
  return {
    dataDir: values.data,
    organization: values.organization ?? 'sandbox',
    hubUrl: values['hub-url'],
    port: numberOf('port', values.port ?? '0', 0, 65_535),
    speed: numberOf('speed', values.speed ?? '1', 0.01, 10_000),
    seed: numberOf('seed', values.seed ?? '1', 0, Number.MAX_SAFE_INTEGER),
  }
}

function numberOf(flag: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? NaN : Number(text)
  if (value >= min && value <= max) return value
  throw new Error(`The option --${flag} is '${text}': it has to be a number from ${min} to ${max}.`)
}

async function credentialsIn(file: string): Promise<Credentials> {
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? undefined : Promise.reject(error),
  )
  if (kept !== undefined) return JSON.parse(kept) as Credentials
  const made = {
    tenantId: randomUUID(),
    clientId: randomUUID(),
    secret: randomBytes(24).toString('base64url'),
    pat: randomBytes(39).toString('base64url'),
  }
  await writeFile(file, JSON.stringify(made, null, 2), { mode: 0o600 })
  return made
}

main().catch((error: NodeJS.ErrnoException) => {
  const sentences: Readonly<Record<string, string>> = {
    EADDRINUSE: `The port is in use (${error.message}). Choose another with --port.`,
    ENOSPC: `The disk is full (${error.message}). Free some space and start again, or name another directory with --data.`,
  }
  process.stderr.write(`${sentences[error.code ?? ''] ?? error.message}\n`)
  process.exit(1)
})
