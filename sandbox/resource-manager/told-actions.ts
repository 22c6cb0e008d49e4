/** Tells whoever listens which actions of Azure's roles a call asks for: a test run holds the service's role to that. */
import { channel } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { actionOf } from './access.ts'

export type ToldActions = { readonly userAgent: string; readonly actions: readonly string[] }

export const actionsChannel = 'scale-set-agents:azure-actions'

/** Costs nothing while nobody listens. Each call is told, also one that is refused then. */
export function tellActions(scope: FastifyInstance): void {
  const listeners = channel(actionsChannel)
  scope.addHook('onRequest', async ({ method, url, headers }) => {
    if (!listeners.hasSubscribers) return
    listeners.publish({ userAgent: headers['user-agent'] ?? '', actions: actionsOf(method, url) } satisfies ToldActions)
  })
}

/**
 * The action of the path, and those that Azure looks at besides: joining the subnet for whoever writes a scale set (a
 * linked access check), and the instance view for a list that is expanded by it (assumed). None for what is open to all.
 */
function actionsOf(method: string, url: string): readonly string[] {
  const { pathname, searchParams } = new URL(url, 'https://azure')
  if (!pathname.toLowerCase().startsWith('/subscriptions/')) return []
  const { action } = actionOf(method, pathname)
  const isScaleSetWrite = /^microsoft\.compute\/virtualmachinescalesets\/write$/i.test(action)
  const isExpanded = searchParams.get('$expand')?.toLowerCase() === 'instanceview'
  return [
    action,
    ...(isScaleSetWrite ? ['Microsoft.Network/virtualNetworks/subnets/join/action'] : []),
    ...(isExpanded ? [action.replace(/\/read$/, '/instanceView/read')] : []),
  ]
}
