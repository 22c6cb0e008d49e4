/** The sandbox installs the extension that we ship. */
import { request } from 'node:http'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionNames } from '../../sandbox/host-page/extension.ts'
import { start } from './sandbox-support.ts'

type Manifest = {
  readonly publisher: string
  readonly id: string
  readonly version: string
  readonly contributions: readonly { readonly id: string; readonly targets: readonly string[] }[]
}
const manifest = JSON.parse(readFileSync(join(__dirname, '..', '..', 'vss-extension.json'), 'utf8')) as Manifest
const hubOf = (target: string) => manifest.contributions.find(({ targets }) => targets.includes(`ms.vss-web.${target}-admin-hub-group`))?.id

test('its names are those of the manifest', () => {
  expect(extensionNames).toEqual({
    publisherId: manifest.publisher,
    extensionId: manifest.id,
    version: manifest.version,
    organizationHub: hubOf('collection'),
    projectHub: hubOf('project'),
  })
})

test('the page is there over plain HTTP, for its own address only', async () => {
  const sandbox = await start({ hostPage: { assets: __dirname } })
  const url = new URL(sandbox.hostPageUrl!)
  const status = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) =>
      request(url, { headers: { host } }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end(),
    )
  expect([url.protocol, url.hostname]).toEqual(['http:', '127.0.0.1'])
  expect(await status(url.host)).toBe(200)
  expect(await status('rebound.example')).toBe(421)
  await sandbox.close()
})
