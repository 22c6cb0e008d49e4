/** The host navigation service: the page's address as the extension reads and changes it. */
import type { Exposed } from './channel.ts'
import { webAddress } from './dom.ts'
import type { Session } from './session.ts'

/**
 * Assumed: `setQueryParams` and `setHash` make an entry of the browser's history, `replaceHash` does not, and
 * `onHashChanged` tells each change of the hash, its caller's own too. Nobody tells a change of the query.
 */
export function createNavigation({ data }: Session, signal: AbortSignal): Exposed {
  const elements = [
    { id: `ms.vss-web.${data.project === undefined ? 'collection' : 'project'}-admin-hub-group`, type: 'hub-group' },
    { id: data.hub?.contributionId ?? data.page.id, name: data.page.title, type: 'hub' },
  ]
  const route = {
    id: `ms.vss-admin-web.${data.project === undefined ? 'collection' : 'project'}-admin-hub-route`,
    routeValues: { adminPivot: data.page.id, ...(data.project !== undefined && { project: data.project.name }) },
  }
  return {
    getHash: async () => hash(),
    setHash: (wanted: unknown) => void (location.hash = bare(wanted)),
    replaceHash: (wanted: unknown) => location.replace(`#${bare(wanted)}`),
    onHashChanged: (callback: (hash: string) => void) => window.addEventListener('hashchange', () => void callback(hash()), { signal }),
    getQueryParams: async () => Object.fromEntries(new URLSearchParams(location.search)),
    setQueryParams,
    getPageRoute: async () => route,
    getPageNavigationElements: async () => elements,
    navigate: (url: unknown) => location.assign(checked(url)),
    openNewWindow: (url: unknown, features: unknown) => void window.open(checked(url), '_blank', `noopener,${String(features ?? '')}`),
    reload: () => location.reload(),
    setDocumentTitle: (title: unknown) => void (document.title = String(title)),
  }
}

/** Adds, replaces and, where the value is empty, removes. */
function setQueryParams(parameters: Readonly<Record<string, unknown>>): void {
  const url = new URL(location.href)
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || value === null || value === '') url.searchParams.delete(name)
    else url.searchParams.set(name, String(value))
  }
  if (url.href !== location.href) history.pushState(null, '', url)
}

function hash(): string {
  return location.hash.slice(1)
}

function bare(wanted: unknown): string {
  return String(wanted ?? '').replace(/^#/, '')
}

function checked(url: unknown): string {
  const address = webAddress(String(url))
  if (address === undefined) throw new Error(`The page goes to http and https addresses only, not to ${String(url)}.`)
  return address
}
