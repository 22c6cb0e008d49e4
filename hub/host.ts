/** Azure DevOps' page around the hub: who is there, tokens, the address, kept values. The only file that imports its SDK. */
import type {
  IExtensionDataManager,
  IExtensionDataService,
  IHostNavigationService,
  ILocationService,
  IProjectPageService,
} from 'azure-devops-extension-api/Common'
import * as sdk from 'azure-devops-extension-sdk'
import type { NativePages } from './context.ts'
import { queryOf, routeOf, wordOf, type Route } from './route.ts'

export type Host = {
  readonly organization: string
  /** Where Azure DevOps serves it. */
  readonly organizationUrl: string
  /** Of Project settings; absent in Organization settings. */
  readonly project?: string
  /** Proves a person using this extension. */
  appToken(): Promise<string>
  /** Proves the organization and the person's rights in it. */
  accessToken(): Promise<string>
  /** The service's address that this organization keeps; undefined when there is none yet. */
  serviceAddress(): Promise<string | undefined>
  keepServiceAddress(address: string): Promise<void>
  route(): Promise<Route>
  /** Changes the address, as an entry of the browser's history. */
  go(route: Route): void
  /** The address of a page of the hub in Azure DevOps. */
  hrefOf(route: Route): string
  readonly native: NativePages
  /** Tells when the person went back or forward. */
  onMoved(listener: () => void): void
  /** Tells the host that the page is there. */
  loaded(): void
}

// Texts instead of the const enum CommonServiceIds, whose module carries an AMD loader along.
const services = {
  navigation: 'ms.vss-features.host-navigation-service',
  data: 'ms.vss-features.extension-data-service',
  location: 'ms.vss-features.location-service',
  project: 'ms.vss-tfs-web.tfs-page-data-service',
} as const

const collection = 'scale-set-agents'
const document = 'service'
/** TeamFoundationProject's service in the organization's own area. */
const coreArea = '79134c72-4a58-4b42-976c-04e7115f32bf'

/** Resolves when the host has answered. Rejects when the page is in no host. */
export async function connectHost(): Promise<Host> {
  await sdk.init({ loaded: false, applyTheme: true })
  const [navigation, location, page] = await Promise.all([
    sdk.getService<IHostNavigationService>(services.navigation),
    sdk.getService<ILocationService>(services.location),
    sdk.getService<IProjectPageService>(services.project),
  ])
  const [organizationUrl, info, route] = await Promise.all([
    location.getResourceAreaLocation(coreArea),
    page.getProject(),
    navigation.getPageRoute(),
  ])
  // Nothing is null once it has crossed as JSON.
  const project = info?.name
  return {
    organization: sdk.getHost().name,
    organizationUrl,
    ...(project === undefined ? {} : { project }),
    ...links(organizationUrl, project, route.routeValues['adminPivot'] ?? sdk.getContributionId()),
    appToken: () => sdk.getAppToken(),
    accessToken: () => sdk.getAccessToken(),
    ...keeper(),
    ...address(navigation),
    loaded: () => void sdk.notifyLoadSucceeded(),
  }
}

/** `organizationUrl` ends in `/`; `pivot` is the hub's place among the settings. */
function links(organizationUrl: string, project: string | undefined, pivot: string): Pick<Host, 'hrefOf' | 'native'> {
  const settings = `${organizationUrl}${project === undefined ? '' : `${encodeURIComponent(project)}/`}_settings/${encodeURIComponent(pivot)}`
  return {
    hrefOf(route) {
      const given = Object.entries(queryOf(route)).filter(([, value]) => value !== '')
      return given.length === 0 ? settings : `${settings}?${new URLSearchParams(given).toString()}`
    },
    native: {
      pool: (poolId) => `${organizationUrl}_settings/agentpools?poolId=${poolId}&view=jobs`,
      agent: (poolId, agentId) => `${organizationUrl}_settings/agentpools?agentId=${agentId}&poolId=${poolId}&view=jobs`,
      build: ({ project: its, id }) => `${organizationUrl}${encodeURIComponent(its)}/_build/results?buildId=${id}`,
    },
  }
}

/** One document of the organization in the extension's data. */
function keeper(): Pick<Host, 'serviceAddress' | 'keepServiceAddress'> {
  const manager = async (): Promise<IExtensionDataManager> => {
    const service = await sdk.getService<IExtensionDataService>(services.data)
    return service.getExtensionDataManager(sdk.getExtensionContext().id, await sdk.getAccessToken())
  }
  return {
    async serviceAddress() {
      const kept: unknown = await (await manager()).getDocument(collection, document).catch(noneIfMissing)
      const found = typeof kept === 'object' && kept !== null && 'address' in kept ? kept.address : undefined
      return typeof found === 'string' ? found : undefined
    },
    async keepServiceAddress(address) {
      // __etag -1 writes over whatever is there.
      await (await manager()).setDocument(collection, { id: document, address, __etag: -1 })
    },
  }
}

/** The collection or the document is made with the first write. */
function noneIfMissing(error: unknown): undefined {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  if (status === 404) return undefined
  throw error
}

/**
 * The hash carries the route: it is what the host tells of when a person goes back or forward, and each `setHash` is an entry
 * of the browser's history. A link may name the route in the query, too; that holds until the hash says something else.
 */
function address(navigation: IHostNavigationService): Pick<Host, 'route' | 'go' | 'onMoved'> {
  let own: string | undefined
  return {
    async route() {
      const hash = bare(await navigation.getHash())
      return routeOf(hash === '' ? await navigation.getQueryParams() : Object.fromEntries(new URLSearchParams(hash)))
    },
    go(route) {
      own = wordOf(route)
      navigation.setHash(own)
    },
    onMoved(listener) {
      navigation.onHashChanged((hash) => {
        const isOwn = bare(hash) === own
        own = undefined
        if (!isOwn) listener()
      })
    },
  }
}

function bare(hash: string): string {
  return hash.replace(/^#/, '')
}
