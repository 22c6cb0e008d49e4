/** Azure DevOps and Azure on one computer: one world behind one HTTPS port on loopback. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { World } from '../backend/simulator/facts.ts'
import type { WorldOptions } from '../backend/simulator/facts-life.ts'
import { createWorld } from '../backend/simulator/world.ts'
import { registerPackageFiles } from './azure-devops/agent-packages.ts'
import type { AgentPackage } from './azure-devops/agent-packages.ts'
import { registerAzureDevOps } from './azure-devops/azure-devops.ts'
import type { Project } from './azure-devops/projects.ts'
import { documentedRateLimit } from './azure-devops/rate-limit.ts'
import { usualSessionTimes } from './azure-devops/sessions.ts'
import type { SessionTimes } from './azure-devops/sessions.ts'
import { serverCertificate } from './certificates.ts'
import type { ServerCertificate } from './certificates.ts'
import { driveClock } from './clock.ts'
import type { DrivingClock, SandboxClock } from './clock.ts'
import { registerControl } from './control.ts'
import { checkAzureDevOpsAuthorization } from './entra/azure-devops-authorization.ts'
import { registerEntra } from './entra/entra.ts'
import type { AppRegistration } from './entra/registrations.ts'
import { createTokens } from './entra/tokens.ts'
import type { Tokens } from './entra/tokens.ts'
import type { Extension } from './host-page/extension.ts'
import type { HostPageOptions } from './host-page/host-page.ts'
import { hubItem } from './host-page/menu.ts'
import { openPages } from './host-page/pages.ts'
import type { Pages } from './host-page/pages.ts'
import { listenPlain } from './host-page/plain-http.ts'
import { createHistoryFile } from './history-file.ts'
import type { HistoryFile } from './history-file.ts'
import { createCallLog } from './journal.ts'
import type { ApiName, CallLog } from './journal.ts'
import type { ResourceManagerParts } from './resource-manager/parts.ts'
import { registerResourceManager } from './resource-manager/resource-manager.ts'
import { tellActions } from './resource-manager/told-actions.ts'

export type SandboxOptions = WorldOptions & {
  /** 0 takes any free port. */
  readonly port?: number
  /** Keeps the certificates, so that a CA which a client trusts stays the same. */
  readonly dataDir: string
  /** Keeps what happens and what is asked for in this file, for an audit. */
  readonly historyFile?: string
  /** World milliseconds per real millisecond. */
  readonly speed?: number
  readonly organization: string
  /** Projects of the organization; one named like the sandbox unless given. Jobs belong to the first. */
  readonly projects?: readonly Project[]
  readonly pats: readonly string[]
  readonly apps: readonly AppRegistration[]
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly location: string
  /** Machines on one page of a list. */
  readonly pageSize?: number
  /** Real seconds between two looks at a long-running operation, as the server asks for. */
  readonly retryAfterS?: number
  /** Real seconds for which access tokens are valid. */
  readonly tokenLifetimeS?: number
  /** Agent packages that are really there; announced with an address of the sandbox's own. Read at every call. */
  readonly agentPackages?: readonly AgentPackage[]
  /** Holding polls and ending silent sessions of agents, in real ms. */
  readonly sessionTimes?: SessionTimes
  /** Serves the settings pages with our hub in them. */
  readonly hostPage?: HostPageOptions
}

export type Sandbox = {
  /** `https://127.0.0.1:{port}`: Azure Resource Manager's and Entra's address. */
  readonly url: string
  /** Azure DevOps' address of the organization. */
  readonly organizationUrl: string
  readonly caPem: string
  readonly caFile: string
  /** Our extension in the organization: its secret is what the service verifies app tokens with. */
  readonly extension: Extension
  /** The settings of the first project with our hub in them, over plain HTTP; present with the option `hostPage`. */
  readonly hostPageUrl?: string
  readonly world: World
  readonly clock: SandboxClock
  close(): Promise<void>
}

const callsKept = 10_000
const defaultProjects: readonly Project[] = [{ id: '3f8a1c52-7b0e-4c1d-9a66-5d2b1e0f4a01', name: 'Sandbox' }]
/** Defaults of the world, told by the APIs that show them. */
const defaultSubnetSize = 4_091
const defaultCoresOfSku = { Standard_D2s_v3: 2, Standard_D2s_v5: 2, Standard_D4s_v5: 4, Standard_D8s_v5: 8, Standard_B2s: 2 }

/**
 * Starts listening. Throws when the port is taken (EADDRINUSE) or the data directory cannot be written.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const certificate = await serverCertificate(join(options.dataDir, 'tls'))
  const tokens = await createTokens(options.apps, options.tokenLifetimeS ?? 3599)
  const pages = await openPages({ ...options, hostPage: options.hostPage, tokenLifetimeS: options.tokenLifetimeS ?? 3599 })
  const world = createWorld({ coresOfSku: defaultCoresOfSku, subnetSize: defaultSubnetSize, ...options })
  const app = createApp(certificate)
  const clock = driveClock(world, options.speed ?? 1)
  try {
    registerApis(app, options, world, clock, tokens, pages)
    await app.listen({ host: '127.0.0.1', port: options.port ?? 0 })
  } catch (error) {
    clock.stop()
    await app.close()
    throw error
  }
  const { port } = app.server.address() as AddressInfo
  const url = `https://127.0.0.1:${port}`
  const pageServer = options.hostPage === undefined ? undefined : await listenPlain(app)
  const close = async (): Promise<void> => {
    clock.stop()
    await pageServer?.close()
    await app.close()
  }
  return {
    url,
    organizationUrl: `${url}/${options.organization}`,
    caPem: certificate.caPem,
    caFile: certificate.caFile,
    extension: pages.extension,
    ...(pageServer !== undefined && { hostPageUrl: pageServer.url + hubPath(options) }),
    world,
    clock,
    close,
  }
}

function hubPath({ organization, projects: [project] = defaultProjects }: SandboxOptions): string {
  const names = [organization, ...(project === undefined ? [] : [project.name])]
  return `${names.map((name) => `/${encodeURIComponent(name)}`).join('')}/_settings/${hubItem.id}`
}

function createApp(certificate: ServerCertificate): FastifyInstance {
  return fastify({
    serverFactory: (handler) => createServer({ key: certificate.keyPem, cert: certificate.certificatePem }, handler),
    forceCloseConnections: true,
    // Azure and Azure DevOps compare paths without case, and their resource names are longer than fastify expects.
    routerOptions: { caseSensitive: false, maxParamLength: 260 },
  })
}

/** Each API lives in a scope of its own, so that hooks, parsers and error shapes stay apart. */
function registerApis(
  app: FastifyInstance,
  options: SandboxOptions,
  world: World,
  clock: DrivingClock,
  tokens: Tokens,
  pages: Pages,
): void {
  const calls = createCallLog(callsKept)
  const history = historyOf(app, options, world)
  const groups: ResourceManagerParts['groups'] = new Map()
  const addGroup = (name: string): void => {
    if (!groups.has(name.toLowerCase())) groups.set(name.toLowerCase(), { name, location: options.location, tags: {} })
  }
  addGroup(options.resourceGroup)
  const { subscriptionId, resourceGroup, location, organization, speed = 1, pageSize = 100, retryAfterS = 1 } = options
  const { subnetSize = defaultSubnetSize, coresOfSku = defaultCoresOfSku } = options
  const { projects = defaultProjects } = options
  const checkToken = (authorization: string | undefined) => checkAzureDevOpsAuthorization(authorization, options.pats, tokens)

  void app.register(async (scope) => {
    logCalls(scope, 'entra', calls, clock)
    registerEntra(scope, { tokens, apps: options.apps })
  })
  void app.register(async (scope) => {
    logCalls(scope, 'resource-manager', calls, clock, history)
    tellActions(scope)
    registerResourceManager(scope, {
      world,
      clock,
      speed,
      tokens,
      subscriptionId,
      location,
      groups,
      pageSize,
      retryAfterS,
      subnetSize,
      coresOfSku,
    })
  })
  void app.register(async (scope) => {
    logCalls(scope, 'azure-devops', calls, clock, history)
    // A client whose clock runs faster asks more often, by the same measure.
    const rateLimit = {
      tstu: documentedRateLimit.tstu * Math.max(1, speed),
      delayMsMax: documentedRateLimit.delayMsMax / Math.max(1, speed),
    }
    const { agentPackages = [], sessionTimes = usualSessionTimes } = options
    const { personOf, addRoutes: addMore } = pages
    const parts = { world, clock, speed, organization, projects, checkToken, personOf, addMore, rateLimit, agentPackages, sessionTimes }
    registerAzureDevOps(scope, parts)
  })
  void app.register(async (scope) => registerPackageFiles(scope, options.agentPackages ?? []))
  pages.register(app, projects)
  void app.register(async (scope) => registerControl(scope, { world, clock, calls, subscriptionId, resourceGroup, location, addGroup }))
}

function historyOf(app: FastifyInstance, { historyFile }: SandboxOptions, world: World): HistoryFile | undefined {
  if (historyFile === undefined) return undefined
  const history = createHistoryFile(historyFile)
  const unwatch = world.watch(history.event)
  app.addHook('onClose', async () => {
    unwatch()
    history.close()
  })
  return history
}

function logCalls(scope: FastifyInstance, api: ApiName, calls: CallLog, clock: DrivingClock, history?: HistoryFile): void {
  scope.addHook('onRequest', async (request, reply) => {
    const [at, realMs] = [clock.nowMs(), Date.now()]
    const { method, url: path } = request
    reply.raw.once('close', () => {
      const status = reply.raw.writableFinished ? reply.raw.statusCode : 0
      calls.add({ at, api, method, path, status }, `${method} ${routeOf(request)}`)
      if (method !== 'GET') history?.call({ method, path, status, realMs, body: request.body, ifMatch: request.headers['if-match'] })
    })
  })
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unknown'
}
