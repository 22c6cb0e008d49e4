/** Which page is shown, as the query of an address: `?pool=3&tab=agents`, `?page=create`, or nothing for the list. */

export const tabs = ['overview', 'agents', 'diagnostics', 'settings'] as const
export type Tab = (typeof tabs)[number]
export type Route =
  | { readonly page: 'pools' }
  | { readonly page: 'create' }
  | { readonly page: 'connect' }
  | { readonly page: 'pool'; readonly poolId: number; readonly tab: Tab }

/** What the host keeps in its address. An empty text takes the parameter away. */
export type Query = { readonly pool: string; readonly tab: string; readonly page: string }

/** Anything that names no page leads to the list: addresses are typed by people. */
export function routeOf(query: Readonly<Record<string, string | undefined>>): Route {
  if (/^\d{1,9}$/.test(query['pool'] ?? '')) {
    return { page: 'pool', poolId: Number(query['pool']), tab: tabs.find((tab) => tab === query['tab']) ?? 'overview' }
  }
  return { page: query['page'] === 'create' || query['page'] === 'connect' ? query['page'] : 'pools' }
}

export function queryOf(route: Route): Query {
  if (route.page === 'pool') return { pool: String(route.poolId), tab: route.tab === 'overview' ? '' : route.tab, page: '' }
  return { pool: '', tab: '', page: route.page === 'pools' ? '' : route.page }
}

/** The same behind `#`, where the list has a word of its own: `pool=3&tab=agents`, `page=pools`. */
export function wordOf(route: Route): string {
  const given = Object.entries({ ...queryOf(route), page: route.page === 'pool' ? '' : route.page }).filter(([, value]) => value !== '')
  return new URLSearchParams(given).toString()
}
