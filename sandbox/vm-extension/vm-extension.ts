/**
 * The Azure Pipelines VM extension as it runs on a machine: settings, two downloads, the enable script. Source: azure-facts.md
 * 4. It runs against a {@link Host}, so that it works in a booted system and in a test's folder alike.
 */
import { createHash } from 'node:crypto'
import type { ExtensionSettings, PipelinesSettings } from './settings.ts'
import { readSettings } from './settings.ts'
import { splitShellWords } from './shell-words.ts'
import { splitWindowsParameters } from './windows-parameters.ts'

/** The machine, with the rights of root or an administrator. */
export type Host = {
  exists(path: string): Promise<boolean>
  /** Makes the folders above, too. */
  write(path: string, bytes: Buffer, mode: number): Promise<void>
  /** Runs a program with these variables beside the usual ones, and ends it after so many ms. */
  run(argv: readonly string[], environment: Readonly<Record<string, string>>, timeoutMs: number): Promise<Ran>
}
export type Ran = { readonly exitCode: number; readonly stdout: string; readonly stderr: string }

export type ExtensionRun = ExtensionSettings & {
  readonly os: 'linux' | 'windows'
  readonly host: Host
  /** From the machine's network. Rejects when the file cannot be had. */
  readonly download: (url: string) => Promise<Buffer>
  /** `http_proxy` and `https_proxy` of the VM agent. */
  readonly environment?: Readonly<Record<string, string>>
}

export type ExtensionResult = { readonly ok: boolean; readonly code: number; readonly message: string }

/** Substatus codes. That they are 70 to 77 and 1000 is known; which is which between the first and the last is assumed. */
export const codes = { agentDownload: 71, scriptDownload: 73, enabled: 75, enableFailed: 76, alreadyEnabled: 77, other: 1000 } as const

const tries = 3
const outputCharsMax = 2_000
/** Azure's own budget ends a script on Linux, by default; the extension ends one on Windows. */
const timeoutMs = { linux: 5_400_000, windows: 1_800_000 }

class Failure extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** Never rejects: whatever goes wrong is an extension error. */
export async function runVmExtension(run: ExtensionRun): Promise<ExtensionResult> {
  try {
    return await enable(run, readSettings(run))
  } catch (error) {
    const { message } = error as Error
    return { ok: false, code: error instanceof Failure ? error.code : codes.other, message }
  }
}

async function enable(run: ExtensionRun, settings: PipelinesSettings): Promise<ExtensionResult> {
  const { os, host } = run
  const inFolder = (name: string): string => `${settings.agentFolder}${os === 'linux' ? '/' : '\\'}${name}`
  if (await host.exists(inFolder('.agent'))) return { ok: true, code: codes.alreadyEnabled, message: 'The agent is already enabled.' }
  const { agentDownloadUrl, enableScriptDownloadUrl } = settings
  const script = inFolder(nameOf(enableScriptDownloadUrl))
  await fetchInto(run, agentDownloadUrl, inFolder(nameOf(agentDownloadUrl)), settings.agentSha256, codes.agentDownload)
  await fetchInto(run, enableScriptDownloadUrl, script, settings.scriptSha256, codes.scriptDownload)
  const ran = await runScript(run, script, settings.enableScriptParameters)
  const output = tailOf(ran)
  if (ran.exitCode !== 0) throw new Failure(codes.enableFailed, `The enable script ended with exit code ${ran.exitCode}. ${output}`)
  if (os === 'windows' && !(await host.exists(inFolder('.agent')))) {
    throw new Failure(codes.enableFailed, `The enable script ended, but there is no .agent in ${settings.agentFolder}. ${output}`)
  }
  return { ok: true, code: codes.enabled, message: `The agent is enabled. ${output}` }
}

async function fetchInto(run: ExtensionRun, url: string, file: string, sha256: string | undefined, code: number): Promise<void> {
  const bytes = await download(run, url, code)
  const found = createHash('sha256').update(bytes).digest('hex')
  if (sha256 !== undefined && found !== sha256.toLowerCase()) {
    throw new Failure(code, `The SHA-256 of ${url} is ${found} and has to be ${sha256}.`)
  }
  await run.host.write(file, bytes, 0o777)
}

/** Tried three times. Without a pause between: assumed. */
async function download(run: ExtensionRun, url: string, code: number): Promise<Buffer> {
  for (let left = tries - 1; ; left--) {
    try {
      return await run.download(url)
    } catch (error) {
      if (left === 0) throw new Failure(code, `${url} could not be downloaded: ${(error as Error).message}`)
    }
  }
}

function runScript({ os, host, environment = {} }: ExtensionRun, script: string, parameters: string): Promise<Ran> {
  if (os === 'linux') return host.run(['/bin/bash', script, ...splitShellWords(parameters)], environment, timeoutMs.linux)
  const { words, secrets } = splitWindowsParameters(parameters)
  return host.run(['PowerShell.exe', script, ...words], { ...environment, ...secrets }, timeoutMs.windows)
}

function nameOf(url: string): string {
  return new URL(url).pathname.split('/').at(-1) ?? ''
}

/** Standard output comes last: that is where the script says what failed. */
function tailOf({ stdout, stderr }: Ran): string {
  const tail = (text: string): string => text.trim().slice(-outputCharsMax)
  return [tail(stderr), tail(stdout)].filter(Boolean).join('\n')
}
