/** The people of the sandbox's organization over HTTPS: who they are, what they may do, and the tokens that say so. */
import { readFile, stat } from 'node:fs/promises'
import { decodeJwt, jwtVerify } from 'jose'
import { people } from '../../sandbox/people.ts'
import type { Person, Right } from '../../sandbox/people.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { createOrganization } from './azure-devops-support.ts'
import { call, pat, start } from './sandbox-support.ts'
import type { Reply } from './sandbox-support.ts'

const pools = '/contoso/_apis/distributedtask/pools'
const version = 'api-version=7.1'
const administrator = { authorization: `Basic ${Buffer.from(`:${pat}`).toString('base64')}` }

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await start()
  for (const name of ['linux', 'windows']) await call(sandbox, `${pools}?${version}`, { ...administrator, json: { name } })
})

function personWith(right: Right): Person {
  return people.find((person) => person.right === right)!
}

async function tokenOf(person: Person, kind = 'access-token'): Promise<string> {
  return String((await call(sandbox, `/_sandbox/people/${person.id}/${kind}`, { method: 'POST' })).body['token'])
}

async function asPerson(right: Right, path: string, options: { readonly method?: string; readonly json?: unknown } = {}): Promise<Reply> {
  return call(sandbox, path, { ...options, token: await tokenOf(personWith(right)) })
}

describe('the action filter of the pool list', () => {
  const named = `${pools}?poolName=linux`
  test.each<[Right, readonly number[]]>([
    ['manage', [1, 1, 1]],
    ['use', [1, 1, 0]],
    ['none', [0, 0, 0]],
  ])('for the right %s shows %j pools to none, use and manage', async (right, expected) => {
    const replies = await Promise.all(['none', 'use', 'manage'].map((filter) => asPerson(right, `${named}&actionFilter=${filter}`)))
    expect(replies.map(({ body }) => body['count'])).toEqual(expected)
  })

  test('is read as a number too, and a PAT sees every pool', async () => {
    expect((await asPerson('use', `${pools}?actionFilter=2`)).body['count']).toBe(0)
    expect((await asPerson('use', `${pools}?actionFilter=16`)).body['count']).toBe(2)
    expect((await call(sandbox, `${pools}?actionFilter=manage`, administrator)).body['count']).toBe(2)
  })
})

describe('a right', () => {
  const agents = `${pools}/1/agents`
  const change = { method: 'PATCH', json: { id: 1, autoUpdate: false } }

  test('to use reads pools, agents and jobs but changes nothing', async () => {
    expect((await asPerson('use', `${pools}/1`)).status).toBe(200)
    expect((await asPerson('use', agents)).status).toBe(200)
    expect((await asPerson('use', `${pools}/1/jobrequests`)).status).toBe(200)
    const refused = await asPerson('use', `${pools}/1?${version}`, change)
    expect(refused.status).toBe(403)
    expect(refused.body).toMatchObject({ typeKey: 'AccessDeniedException', message: expect.stringContaining('manage agent pools') })
    expect((await asPerson('manage', `${pools}/1?${version}`, change)).status).toBe(200)
  })

  test('of none reads no pool, however the path is spelled, and still learns who it is', async () => {
    for (const path of [
      `${pools}/1`,
      agents,
      '/contoso/_apis/%64istributedtask/pools/1',
      '/CONTOSO/_APIS/DISTRIBUTEDTASK/POOLS/1/AGENTS',
    ]) {
      expect([path, (await asPerson('none', path)).status]).toEqual([path, 403])
    }
    const { body } = await asPerson('none', '/contoso/_apis/connectionData')
    expect(body['authenticatedUser']).toMatchObject({ id: personWith('none').id })
  })

  test.each<[Right, string, string]>([
    ['manage', 'true', 'true'],
    ['use', 'false', 'true'],
    ['none', 'false', 'false'],
  ])('%s is told bit by bit: manage %s, use %s', async (right, manage, use) => {
    const organization = await createOrganization({ personOf: () => personWith(right) })
    organization.world.devops.addPool('linux', false)
    const held = async (bits: number): Promise<string> =>
      (await organization.send('GET', `_apis/distributedtask/pools/1/permissions/${bits}`)).text
    expect([await held(2), await held(16)]).toEqual([manage, use])
    await organization.app.close()
  })
})

describe('an access token', () => {
  test('that was changed, has ended or is an app token is sent to the sign-in page', async () => {
    const person = personWith('manage')
    const good = await tokenOf(person)
    const ended = await start({ tokenLifetimeS: 0 })
    const late = await call(ended, `/_sandbox/people/${person.id}/access-token`, { method: 'POST' })
    expect((await call(ended, pools, { token: String(late.body['token']) })).status).toBe(203)
    for (const token of [`${good}x`, await tokenOf(person, 'app-token'), `${good.split('.').slice(0, 2).join('.')}.`]) {
      expect((await call(sandbox, pools, { token })).status).toBe(203)
    }
    expect((await call(sandbox, pools, { token: good })).status).toBe(200)
  })
})

describe('an app token', () => {
  test('names the person and the extension, and the file that holds its secret is the owner’s alone', async () => {
    const { id, file } = sandbox.extension
    const claims = decodeJwt(await tokenOf(personWith('use'), 'app-token'))
    expect(claims).toMatchObject({ nameid: personWith('use').id, aud: id, tid: expect.any(String), jti: expect.any(String) })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('of before a rotation verifies with the previous secret, and a new one with the new', async () => {
    const key = (secret: string): Uint8Array => new TextEncoder().encode(secret)
    const before = await tokenOf(personWith('use'), 'app-token')
    expect((await call(sandbox, '/_sandbox/extension/rotate-secret', { method: 'POST' })).status).toBe(204)
    const after = await tokenOf(personWith('use'), 'app-token')
    const { secret, previousSecret } = JSON.parse(await readFile(sandbox.extension.file, 'utf8'))
    await expect(jwtVerify(before, key(previousSecret))).resolves.toBeDefined()
    await expect(jwtVerify(after, key(secret))).resolves.toBeDefined()
    await expect(jwtVerify(before, key(secret))).rejects.toThrow('signature')
  })

  test('is not given to a stranger', async () => {
    const { status, body } = await call(sandbox, '/_sandbox/people/nobody/app-token', { method: 'POST' })
    expect([status, body['message']]).toEqual([404, expect.stringContaining('/_sandbox/people')])
  })
})

test('what an extension kept is there again after a restart, in a directory of the same organization', async () => {
  const dataDir = sandbox.caFile.replace(/tls.ca\.pem$/, '')
  const documents = '/contoso/_apis/ExtensionManagement/InstalledExtensions/me/mine/Data/Scopes/Default/Current/Collections/Notes/Documents'
  await asPerson('use', `${documents}?${version}`, { json: { id: 'one', text: 'kept' } })
  const again = await start({ dataDir })
  expect((await call(again, `${documents}/one`, administrator)).body).toEqual({ id: 'one', text: 'kept', __etag: 1 })
  const elsewhere = documents.replace('Default/Current', 'Default/Me')
  expect((await call(again, elsewhere, administrator)).status).toBe(400)
})

describe('the address of the hub', () => {
  const frameSource = async (host: Sandbox): Promise<unknown> => {
    const { headers } = await call(host, '/contoso/_settings/scale-set-agents')
    return /frame-src ([^;]+)/.exec(String(headers['content-security-policy']))?.[1]
  }

  test('may be told while the sandbox runs, and is the only one that the page may frame', async () => {
    const host = await start({ hostPage: { assets: 'unused' } })
    expect(await frameSource(host)).toBe("'none'")
    const told = await call(host, '/_sandbox/hub', { method: 'PUT', json: { url: 'https://hub.example:8443/hub/index.html' } })
    expect([told.status, await frameSource(host)]).toEqual([204, 'https://hub.example:8443'])
    const refused = await call(host, '/_sandbox/hub', { method: 'PUT', json: { url: 'javascript:alert(1)' } })
    expect(refused.status).toBe(400)
    expect(refused.body).toMatchObject({ message: "The hub's address is 'javascript:alert(1)': it has to be an http or https address." })
    expect((await call(host, '/contoso/Nowhere/_settings/scale-set-agents')).status).toBe(404)
    expect((await call(host, '/contoso/_settings/nothing')).status).toBe(404)
  })
})
