/** `sandbox`: only the sandbox, with what a client needs to use it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareDataDirectory } from './data-directory.ts'
import { exitCodes, Failure, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'
import { startSandboxProcess, type SandboxAddress, type SandboxCredentials } from './sandbox-process.ts'

export type SandboxOptions = {
  readonly speed: number
  readonly seed: number
  readonly port?: number
  readonly data?: string
  readonly packageFolder: string
  readonly stop: AbortSignal
}

/** Runs until it is stopped. Without a data directory everything it kept is removed at the end. */
export async function sandbox(options: SandboxOptions, io: Io): Promise<ExitCode> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'scale-set-agents-sandbox-'))
  prepareDataDirectory(data)
  try {
    const { speed, seed, port, packageFolder } = options
    const child = await startSandboxProcess({ packageFolder, data, speed, seed, ...(port !== undefined && { port }) })
    answer(io, child.address, () => instructions(child.address, child.credentials))
    await Promise.race([child.ended, aborted(options.stop)])
    if (!options.stop.aborted)
      throw new Failure(exitCodes.system, 'The sandbox ended by itself. Start it again; name another --seed if it does so again.')
    await child.stop()
    return exitCodes.ok
  } finally {
    if (options.data === undefined) rmSync(data, { recursive: true, force: true })
  }
}

/** How to point clients at it. Secrets stay in their file: the commands read them from there. */
export function instructions(address: SandboxAddress, { clientId }: Pick<SandboxCredentials, 'clientId'>): string {
  const { url, organizationUrl, caFile, credentialsFile, hostPageUrl } = address
  const secret = (name: string): string => `"$(node -p 'require("${credentialsFile}").${name}')"`
  const endpoints = {
    resourceManager: url,
    management: url,
    activeDirectory: `${url}/adfs`,
    activeDirectoryResourceId: url,
    activeDirectoryGraphResourceId: url,
    microsoftGraphResourceId: url,
  }
  return `The sandbox runs. Ctrl-C ends it.

  Azure Resource Manager  ${url}
  Azure DevOps            ${organizationUrl}
  Its settings page       ${hostPageUrl}
  CA certificate          ${caFile}
  Credentials             ${credentialsFile}

Run the service against it:
  export SCALE_SET_AGENTS_ORGANIZATION_URL=${organizationUrl}
  export SCALE_SET_AGENTS_PAT=${secret('pat')}
  export SCALE_SET_AGENTS_RESOURCE_MANAGER_URL=${url} AZURE_AUTHORITY_HOST=${url}
  export SCALE_SET_AGENTS_CA_FILE=${caFile}
  export AZURE_TENANT_ID=${secret('tenantId')} AZURE_CLIENT_ID=${clientId}
  export AZURE_CLIENT_SECRET=${secret('secret')}
  scale-set-agents serve

Make a scale set and queue a job in pool 2, the first that you make:
  curl --cacert ${caFile} -H content-type:application/json -d '{"name":"linux"}' ${url}/_sandbox/scalesets
  curl --cacert ${caFile} -H content-type:application/json -d '{"poolId":2,"durationMs":60000}' ${url}/_sandbox/jobs

Look at it with the Azure CLI:
  export REQUESTS_CA_BUNDLE=${caFile}
  az cloud register -n scale-set-agents --cloud-config '${JSON.stringify({ endpoints })}'
  az cloud set -n scale-set-agents --profile 2020-09-01-hybrid
  az login --service-principal -u ${clientId} -p ${secret('secret')} --tenant adfs
  az vmss list -o table`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
}
