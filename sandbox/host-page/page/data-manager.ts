/** The extension data service, over the organization's REST API and with the token that the extension hands in. */
import type { Exposed } from './channel.ts'

type Options = { readonly scopeType?: string; readonly scopeValue?: string; readonly defaultValue?: unknown }
type Collection = { readonly collectionName: string; readonly scopeType?: string; readonly scopeValue?: string }
type Document = Readonly<Record<string, unknown>>

/** Single values are documents of a collection of their own. */
const settings = '$settings'

export function createDataManager(organizationUrl: string): (extensionId: string, accessToken: string) => Promise<Exposed> {
  return async (extensionId, accessToken) => {
    const [publisher = '', ...rest] = extensionId.split('.')
    const base = `${organizationUrl}/_apis/ExtensionManagement/InstalledExtensions/${publisher}/${rest.join('.')}`
    return dataManager((method, path, body) => call(accessToken, method, `${base}/${path}`, body))
  }
}

type Call = (method: string, path: string, body?: unknown) => Promise<unknown>

function dataManager(send: Call): Exposed {
  const write = (method: string) => (collection: string, document: Document, options?: Options) =>
    send(method, documentsPath(collection, options), document)
  const getDocument = (collection: string, id: string, options?: Options): Promise<unknown> =>
    send('GET', `${documentsPath(collection, options)}/${encodeURIComponent(id)}`)
  const queryCollections = (collections: readonly Collection[]): Promise<unknown> =>
    send('POST', 'ExtensionDataCollectionQuery', { collections })

  return {
    getDocument,
    getDocuments: (collection: string, options?: Options) => send('GET', documentsPath(collection, options)),
    createDocument: write('POST'),
    setDocument: write('PUT'),
    updateDocument: write('PATCH'),
    async deleteDocument(collection: string, id: string, options?: Options) {
      await send('DELETE', `${documentsPath(collection, options)}/${encodeURIComponent(id)}`)
    },
    async getValue(key: string, options?: Options) {
      const found = await getDocument(settings, key, options).catch(noneIfMissing)
      return found === undefined ? options?.defaultValue : (found as Document)['value']
    },
    async setValue(key: string, value: unknown, options?: Options) {
      const written = await write('PUT')(settings, { id: key, value, __etag: -1 }, options)
      return (written as Document)['value']
    },
    queryCollections,
    queryCollectionsByName: (names: readonly string[]) =>
      queryCollections(names.map((collectionName) => ({ collectionName, scopeType: 'Default', scopeValue: 'Current' }))),
  }
}

function documentsPath(collection: string, { scopeType = 'Default', scopeValue }: Options = {}): string {
  const value = scopeValue ?? (scopeType === 'User' ? 'Me' : 'Current')
  return `Data/Scopes/${scopeType}/${value}/Collections/${encodeURIComponent(collection)}/Documents`
}

function noneIfMissing(error: unknown): undefined {
  if (typeof error === 'object' && error !== null && 'status' in error && error.status === 404) return undefined
  throw error
}

/** Rejects with an error that carries `status` and Azure DevOps' own `serverError`, as its clients do. */
async function call(accessToken: string, method: string, url: string, body?: unknown): Promise<unknown> {
  const headers = {
    accept: 'application/json;api-version=7.2-preview.1;noArrayWrap=true',
    authorization: `Bearer ${accessToken}`,
    'x-tfs-fedauthredirect': 'Suppress',
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  const answer = await fetch(url, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
  if (answer.status === 204) return undefined
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
  const content: unknown = isJson ? await answer.json() : undefined
  if (answer.ok && isJson) return content
  const serverError = (content ?? {}) as { readonly message?: string }
  const message = serverError.message ?? `The extension data service answered ${answer.status} without an explanation.`
  throw Object.assign(new Error(message), { status: answer.status, serverError })
}
