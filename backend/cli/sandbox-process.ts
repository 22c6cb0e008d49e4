/** The sandbox as a child process. It ends with this process, however this one ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Configuration } from '../environment.ts'
import { exitCodes, Failure } from './exit.ts'

/** What the sandbox prints when it listens. */
export type SandboxAddress = {
  readonly url: string
  readonly organizationUrl: string
  readonly caFile: string
  readonly credentialsFile: string
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly location: string
  /** Where a browser finds the settings page with our hub in it. */
  readonly hostPageUrl: string
  /** JSON with what the service verifies sign-ins by: `id` and `secret` of the extension. */
  readonly extensionFile: string
  /** `publisher.extension` */
  readonly extensionName: string
}
export type SandboxCredentials = { readonly tenantId: string; readonly clientId: string; readonly secret: string; readonly pat: string }

/** Of a service that signs in to a sandbox: on loopback, at a free port, silent. */
export function sandboxConfiguration(
  { url, organizationUrl, caFile }: Pick<SandboxAddress, 'url' | 'organizationUrl' | 'caFile'>,
  { tenantId, clientId, secret: clientSecret, pat }: SandboxCredentials,
  data: string,
): Configuration {
  const credential = { kind: 'client-secret', tenantId, clientId, clientSecret } as const
  return {
    organizationUrl,
    devOpsCredential: { kind: 'pat', pat },
    azure: { cloud: 'public', resourceManagerUrl: url, authorityUrl: url, credential },
    ...{ caFile, data, host: '127.0.0.1', port: 0, logLevel: 'silent' },
  }
}

export type SandboxProcess = {
  readonly address: SandboxAddress
  readonly credentials: SandboxCredentials
  /** Resolves when it has ended by itself or was stopped. */
  readonly ended: Promise<void>
  stop(): Promise<void>
}

export type SandboxStart = {
  readonly packageFolder: string
  readonly data: string
  readonly speed: number
  readonly seed: number
  readonly port?: number
}

/** Resolves once the sandbox listens. @throws Failure when it cannot. */
export async function startSandboxProcess(start: SandboxStart): Promise<SandboxProcess> {
  const script = join(start.packageFolder, 'dist', 'sandbox.js')
  if (!existsSync(script)) throw new Failure(exitCodes.noInput, `The sandbox is not built: ${script} does not exist. Run npm run build.`)
  const args = ['--data', start.data, '--speed', start.speed, '--seed', start.seed, '--port', start.port ?? 0].map(String)
  // A group of its own: Ctrl-C reaches this process only, which still asks the sandbox for the truth before it ends it.
  // The channel closes with this process, and the sandbox ends with the channel.
  const child = spawn(process.execPath, [script, ...args], { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const address = await firstLine(child)
  return {
    address,
    credentials: JSON.parse(readFileSync(address.credentialsFile, 'utf8')) as SandboxCredentials,
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}

function firstLine(child: ChildProcess): Promise<SandboxAddress> {
  return new Promise((resolve, reject) => {
    let printed = ''
    let complaint = ''
    child.stderr?.on('data', (text: Buffer) => (complaint = `${complaint}${text.toString()}`.slice(-2_000)))
    child.stdout?.on('data', (text: Buffer) => {
      printed += text.toString()
      const line = printed.split('\n')[0]
      if (printed.includes('\n') && line !== undefined) resolve(JSON.parse(line) as SandboxAddress)
    })
    child.once('error', (error) =>
      reject(
        new Failure(exitCodes.system, `The sandbox did not start (${error.message}). Check that this user may start processes.`, error),
      ),
    )
    child.once('exit', () =>
      reject(new Failure(exitCodes.system, `The sandbox did not start: ${complaint.trim() || 'it ended without a word'}`)),
    )
  })
}
