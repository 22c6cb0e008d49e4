/** The outside as the service is configured for it: Azure DevOps and Azure over the adapters. */
import { createDevOpsHttp, createPipelines } from '../adapters/azure-devops.ts'
import type { ServiceClock } from '../adapters/clock.ts'
import { createAzureHttp } from '../adapters/compute.ts'
import {
  clouds,
  createAzureAuthorization,
  createAzureCredential,
  createDevOpsAuthorization,
  createRegistrarCredential,
  type AzureConfig,
  type DevOpsConfig,
} from '../adapters/credentials.ts'
import { createDevOpsAdmin } from '../adapters/devops-admin.ts'
import type { Http } from '../adapters/http.ts'
import { createIdentity, type PeoplesDevOps } from '../adapters/identity.ts'
import { createScaleSetChecks, type ScaleSetChecks } from '../adapters/scale-set-checks.ts'
import { listScaleSets } from '../adapters/scale-set-list.ts'
import { createScaleSet } from '../adapters/scale-set.ts'
import type { ListedScaleSet } from '../core/scale-set-id.ts'
import { createWatch, type Watch } from '../adapters/watch.ts'
import type { Reading } from '../core/snapshot.ts'
import type { Configuration } from '../environment.ts'
import type { CheckedAccess } from '../loop/pool-check.ts'
import type { Organization } from '../loop/pools.ts'
import type { Metrics, Pipelines, ScaleSet } from '../loop/ports.ts'
import { exitCodes, Failure } from './exit.ts'

export type Outside = {
  readonly devOps: Http
  readonly pipelines: Pipelines
  readonly organization: Organization
  /** What the answers tell of the service itself. */
  readonly watch: Watch
  /** With the tokens of the people who sign in. */
  readonly identity: PeoplesDevOps
  scaleSet(scaleSetId: string): ScaleSet & CheckedAccess
  /** Those that the service's identity may read. */
  scaleSets(signal: AbortSignal): Promise<Reading<readonly ListedScaleSet[]>>
  /** What machines register their agents with. */
  registrarCredential(): Promise<Reading<string>>
  close(): Promise<void>
}

/** Connects nothing yet: tokens are asked for with the first call. Throws when a file of the configuration cannot be read. */
export function connectOutside(configuration: Configuration, clock: ServiceClock, metrics: Metrics): Outside {
  const azure = azureConfig(configuration)
  const devOpsConfig: DevOpsConfig = {
    url: configuration.organizationUrl,
    credential: configuration.devOpsCredential,
    ...caOf(configuration),
  }
  const source = createAzureCredential(azure)
  const watch = createWatch(clock)
  const devOps = createDevOpsHttp({
    config: devOpsConfig,
    authorization: createDevOpsAuthorization(devOpsConfig, source, clock),
    clock,
    metrics,
    watch,
  })
  const identity = createIdentity({ config: devOpsConfig, clock, metrics })
  const azureHttp = createAzureHttp({ config: azure, authorization: createAzureAuthorization(azure, source, clock), clock, metrics, watch })
  return {
    devOps,
    watch,
    pipelines: createPipelines({ http: devOps }),
    organization: createDevOpsAdmin({ http: devOps }),
    identity,
    scaleSet: (scaleSetId) =>
      accessTo(
        createScaleSet({ config: azure, http: azureHttp, scaleSetId, clock }),
        createScaleSetChecks({ http: azureHttp, scaleSetId }),
        scaleSetId,
      ),
    scaleSets: (signal) => listScaleSets(azureHttp, signal),
    registrarCredential: registrarCredential(configuration, azure, clock),
    async close() {
      await Promise.all([devOps.close(), azureHttp.close(), identity.close()])
    },
  }
}

/** The registrar's own credential, or else the one that the service calls Azure DevOps with. */
function registrarCredential({ registrar, devOpsCredential }: Configuration, azure: AzureConfig, clock: ServiceClock) {
  const credential = registrar?.kind === 'entra' ? registrar.credential : azure.credential
  return createRegistrarCredential(registrar ?? devOpsCredential, createAzureCredential({ ...azure, credential }), clock)
}

/** The adapter lists the settings of this scale set only; the check wants to be told so. */
function accessTo(scaleSet: ScaleSet, checks: ScaleSetChecks, targetResourceId: string): ScaleSet & CheckedAccess {
  return {
    ...scaleSet,
    permissions: checks.permissions,
    reach: checks.reach,
    async autoscale(signal) {
      const settings = await checks.autoscale(signal)
      return settings.known ? { ...settings, value: settings.value.map((setting) => ({ ...setting, targetResourceId })) } : settings
    },
  }
}

/** A cloud of its own as soon as an address differs from the named cloud's. */
function azureConfig(configuration: Configuration): AzureConfig {
  const { cloud, credential, resourceManagerUrl, authorityUrl } = configuration.azure
  const named = clouds[cloud]
  const isCustom =
    (resourceManagerUrl ?? named.resourceManagerUrl) !== named.resourceManagerUrl ||
    (authorityUrl ?? named.authorityUrl) !== named.authorityUrl
  return {
    ...named,
    cloud: isCustom ? 'custom' : cloud,
    credential,
    ...(resourceManagerUrl !== undefined && { resourceManagerUrl, audience: resourceManagerUrl }),
    ...(authorityUrl !== undefined && { authorityUrl }),
    ...caOf(configuration),
  }
}

function caOf({ caFile }: Configuration): { readonly caFile?: string } {
  return caFile === undefined ? {} : { caFile }
}

/** A credential that is refused stops the start; an Azure DevOps that does not answer does not: the loop waits for it. */
export async function checkSignIn(devOps: Http, { organizationUrl, devOpsCredential }: Configuration, clock: ServiceClock): Promise<void> {
  const look = await devOps.look({
    operation: 'check sign-in',
    method: 'GET',
    url: '_apis/distributedtask/pools?poolName=none',
    signal: clock.deadline(20_000),
  })
  const isRefused = look.kind === 'refused' ? [401, 403].includes(look.status) : look.kind === 'unknown' && look.isSignIn === true
  if (isRefused) {
    const step =
      devOpsCredential.kind === 'pat'
        ? 'Give SCALE_SET_AGENTS_PAT a token that has not expired, with the scope Agent Pools (read, manage)'
        : 'Add the identity to the organization, or set SCALE_SET_AGENTS_PAT'
    throw new Failure(exitCodes.notAllowed, `Azure DevOps (${organizationUrl}) does not accept the service's credential. ${step}.`)
  }
  if (look.kind === 'refused' && look.status === 404) {
    throw new Failure(
      exitCodes.configuration,
      `There is no organization or collection at ${organizationUrl}. Correct SCALE_SET_AGENTS_ORGANIZATION_URL.`,
    )
  }
}
