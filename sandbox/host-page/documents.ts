/**
 * What extensions keep in an organization: JSON documents in collections, each with an etag that says how often it was
 * written. Statuses and exception names are assumed; the public documentation shows only what succeeds.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Failure } from '../azure-devops/failures.ts'
import type { WireObject } from '../azure-devops/wire.ts'

export type Document = WireObject & { readonly id: string; readonly __etag: number }
/** How a write meets a document that is there: `create` refuses it, `set` takes either, `update` needs it. */
export type WriteMode = 'create' | 'set' | 'update'

export type Documents = {
  /** Throws {@link Failure} 404 for a collection that nobody has written to. */
  all(collection: string): readonly Document[]
  /** Throws {@link Failure} 404 when it is not there. */
  get(collection: string, id: string): Document
  /** Throws {@link Failure}: 409 when it must not exist, 404 when it must, 400 when someone else wrote it since. */
  write(collection: string, body: WireObject, mode: WriteMode): Document
  /** Throws {@link Failure} 404 when it is not there. */
  remove(collection: string, id: string): void
}

type Collections = Map<string, Map<string, Document>>
/** An etag that overwrites whatever is there. */
const anyEtag = -1

/** Opens the documents kept in `file`, and writes it on every change. Throws when it cannot be read. */
export function openDocuments(file: string): Documents {
  const collections = read(file)

  function collectionOf(name: string): Map<string, Document> {
    const found = collections.get(name.toLowerCase())
    if (found === undefined) throw new Failure(404, 'DocumentCollectionDoesNotExistException', `There is no collection ${name}.`)
    return found
  }

  function get(collection: string, id: string): Document {
    const found = collectionOf(collection).get(id)
    if (found === undefined) throw new Failure(404, 'DocumentDoesNotExistException', `There is no document ${id} in ${collection}.`)
    return found
  }

  function write(collection: string, body: WireObject, mode: WriteMode): Document {
    const id = idOf(body) ?? randomUUID()
    const present = collections.get(collection.toLowerCase())?.get(id)
    if (mode === 'update') get(collection, id)
    if (present !== undefined) checkOverwrite(present, body, mode, collection)
    const document = { ...body, id, __etag: (present?.__etag ?? 0) + 1 }
    const documents = collections.get(collection.toLowerCase()) ?? new Map<string, Document>()
    collections.set(collection.toLowerCase(), documents.set(id, document))
    save(file, collections)
    return document
  }

  function remove(collection: string, id: string): void {
    get(collection, id)
    collectionOf(collection).delete(id)
    save(file, collections)
  }

  return { all: (collection) => [...collectionOf(collection).values()], get, write, remove }
}

function idOf(body: WireObject): string | undefined {
  const id = body['id']
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}

/** A write without an etag is refused like one with an old etag: the harsher reading of the documentation. */
function checkOverwrite(present: Document, body: WireObject, mode: WriteMode, collection: string): void {
  if (mode === 'create') {
    throw new Failure(409, 'DocumentExistsException', `The document ${present.id} is in the collection ${collection} already.`)
  }
  const etag = body['__etag']
  if (etag === anyEtag || etag === present.__etag) return
  const message = `The document ${present.id} has version ${present.__etag}, not ${String(etag)}: someone else has written it.`
  throw new Failure(400, 'InvalidDocumentVersionException', message)
}

function read(file: string): Collections {
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, readonly Document[]>
    return new Map(Object.entries(kept).map(([name, documents]) => [name, new Map(documents.map((each) => [each.id, each]))]))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
}

function save(file: string, collections: Collections): void {
  const content = Object.fromEntries([...collections].map(([name, documents]) => [name, [...documents.values()]]))
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, JSON.stringify(content, null, 2), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
