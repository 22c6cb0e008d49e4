/** The services of Azure DevOps' pages that a hub can ask for, by their contribution ids. */
import type { Exposed } from './channel.ts'
import type { Content, OpenFrame } from './content.ts'
import { createDataManager } from './data-manager.ts'
import { createLayout } from './layout.ts'
import { createMessages } from './messages.ts'
import { createNavigation } from './navigation.ts'
import type { Session } from './session.ts'

/** Services for one start of a content; the signal aborts with it. */
export function createServices(
  session: Session,
  content: Content,
  openFrame: OpenFrame,
  signal: AbortSignal,
): ReadonlyMap<string, Exposed> {
  const { data } = session
  // One host serves every resource area of the sandbox.
  const address = async (): Promise<string> => `${data.organization.url}/`
  const project = data.project && { id: data.project.id, name: data.project.name }
  const layout = createLayout(session, content, openFrame)
  return new Map<string, Exposed>([
    ['ms.vss-features.location-service', { getResourceAreaLocation: address, getServiceLocation: address, routeUrl }],
    ['ms.vss-tfs-web.tfs-page-data-service', { getProject: async () => project }],
    ['ms.vss-features.host-navigation-service', createNavigation(session, signal)],
    ['ms.vss-features.host-page-layout-service', layout],
    ['ms.vss-features.extension-data-service', { getExtensionDataManager: createDataManager(data.organization.url) }],
    ['ms.vss-tfs-web.tfs-global-messages-service', createMessages(layout)],
  ])
}

async function routeUrl(routeId: unknown): Promise<never> {
  throw new Error(`The sandbox has no route ${String(routeId)}: build the address from getServiceLocation.`)
}
