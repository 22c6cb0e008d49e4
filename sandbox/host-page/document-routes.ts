/** The REST API behind the extension data service. Routes: azure-devops-extension-api, ExtensionManagementRestClient. */
import { badRequest, forbidden } from '../azure-devops/failures.ts'
import { asRecord, asString } from '../azure-devops/routes.ts'
import type { AddRoute, Call } from '../azure-devops/routes.ts'
import { listOf } from '../azure-devops/wire.ts'
import type { Wire, WireObject } from '../azure-devops/wire.ts'
import type { Documents, WriteMode } from './documents.ts'

type Scope = { readonly scopeType: string; readonly scopeValue: string }

const extension = '/_apis/ExtensionManagement/InstalledExtensions/:publisher/:extension'
const documentsRoute = `${extension}/Data/Scopes/:scopeType/:scopeValue/Collections/:collection/Documents`
const writes = { POST: 'create', PUT: 'set', PATCH: 'update' } as const satisfies Readonly<Record<string, WriteMode>>

export function addDocumentRoutes(add: AddRoute, documents: Documents): void {
  add('GET', documentsRoute, 'admin', (call) => listOf(documents.all(collectionOf(call))))
  add('GET', `${documentsRoute}/:id`, 'admin', (call) => documents.get(collectionOf(call), call.path('id')))
  for (const method of ['POST', 'PUT', 'PATCH'] as const) {
    add(method, documentsRoute, 'admin', (call) => documents.write(collectionOf(call), bodyOf(call), writes[method]))
  }
  add('DELETE', `${documentsRoute}/:id`, 'admin', (call) => {
    documents.remove(collectionOf(call), call.path('id'))
    return undefined
  })
  add('POST', `${extension}/ExtensionDataCollectionQuery`, 'admin', (call) => listOf(asked(call).map((each) => queried(call, each))))

  function queried(call: Call, asked: WireObject): Wire {
    const scope = { scopeType: asString(asked['scopeType']) ?? 'Default', scopeValue: asString(asked['scopeValue']) ?? 'Current' }
    const collectionName = asString(asked['collectionName'])
    if (collectionName === undefined) throw badRequest('A collection of the query has no collectionName.')
    return { collectionName, ...scope, documents: documents.all(nameOf(call, scope, collectionName)) }
  }
}

function asked({ body }: Call): readonly WireObject[] {
  const collections = body['collections']
  if (!Array.isArray(collections)) throw badRequest('The query has no list of collections.')
  return collections.map((each) => asRecord(each) as WireObject)
}

function bodyOf({ body }: Call): WireObject {
  return body as WireObject
}

function collectionOf(call: Call): string {
  return nameOf(call, { scopeType: call.path('scopeType'), scopeValue: call.path('scopeValue') }, call.path('collection'))
}

/** The collection's name over all extensions and people: the scope `User/Me` is another one for each caller. */
function nameOf(call: Call, { scopeType, scopeValue }: Scope, collection: string): string {
  if (call.caller === undefined || call.caller.kind === 'agent') throw forbidden('read the data of extensions')
  const owner = { default: 'current', user: 'me' }[scopeType.toLowerCase()]
  if (owner !== scopeValue.toLowerCase()) throw badRequest(`There is no scope ${scopeType}/${scopeValue}; use Default/Current or User/Me.`)
  const scope = owner === 'me' ? `user/${call.caller.identity}` : 'default'
  return `${call.path('publisher')}.${call.path('extension')}/${scope}/${collection}`
}
