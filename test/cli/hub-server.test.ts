/** The hub's own origin in the demo: its files, nothing else, and what they may do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveHub, type HubServer } from '../../backend/cli/hub-server.ts'

const place = mkdtempSync(join(tmpdir(), 'hub-server-'))
let server: HubServer
beforeAll(async () => {
  mkdirSync(join(place, 'hub'))
  writeFileSync(join(place, 'hub', 'hub.html'), '<p>hub</p>')
  writeFileSync(join(place, 'secret.txt'), 'beside it')
  server = await serveHub(join(place, 'hub'), 'http://127.0.0.1:7300')
})
afterAll(async () => {
  await server.close()
  rmSync(place, { recursive: true })
})

test('serves the page with its type, query or not', async () => {
  const answer = await fetch(`${server.url}?pool=2`)
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, 'text/html; charset=utf-8', '<p>hub</p>'])
})

test.each(['/', '/other.js', '/../secret.txt', '/%2e%2e/secret.txt', '//secret.txt'])('has nothing at %s', async (path) => {
  expect((await fetch(server.origin + path)).status).toBe(404)
})

test('lets the page into frames of the host page only', async () => {
  expect((await fetch(server.url)).headers.get('content-security-policy')).toBe('frame-ancestors http://127.0.0.1:7300')
})
