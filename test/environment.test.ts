import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allowsColour, describeProblems, readClientEnvironment, readEnvironment } from '../backend/environment.ts'

const minimal = { SCALE_SET_AGENTS_ORGANIZATION_URL: 'https://dev.azure.com/fabrikam', SCALE_SET_AGENTS_DATA: '/var/lib/agents' }

const extension = {
  SCALE_SET_AGENTS_EXTENSION_ID: 'AAAAAAAA-1111-2222-3333-444444444444',
  SCALE_SET_AGENTS_EXTENSION_SECRET: 's'.repeat(40),
  SCALE_SET_AGENTS_HUB_ORIGINS: 'https://contoso.gallerycdn.vsassets.io, http://127.0.0.1:3000',
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'environment-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

describe('a good environment', () => {
  it('needs only the organization; the rest has defaults', () => {
    const { configuration, problems } = readEnvironment({
      SCALE_SET_AGENTS_ORGANIZATION_URL: 'https://dev.azure.com/fabrikam/',
      HOME: '/home/ada',
    })
    expect(problems).toEqual([])
    expect(configuration).toEqual({
      organizationUrl: 'https://dev.azure.com/fabrikam',
      devOpsCredential: { kind: 'entra' },
      azure: { cloud: 'public', credential: { kind: 'managed-identity' } },
      data: '/home/ada/.local/share/scale-set-agents',
      host: '127.0.0.1',
      port: 7200,
      logLevel: 'info',
    })
  })

  it('takes the file where the environment says nothing', () => {
    const configFile = file(
      'settings.json',
      JSON.stringify({ organizationUrl: 'https://tfs.fabrikam.com/tfs/Main', port: 9000, logLevel: 'warn' }),
    )
    const { configuration } = readEnvironment({
      SCALE_SET_AGENTS_CONFIG: configFile,
      SCALE_SET_AGENTS_LOG_LEVEL: 'error',
      HOME: '/home/ada',
    })
    expect(configuration).toMatchObject({ organizationUrl: 'https://tfs.fabrikam.com/tfs/Main', port: 9000, logLevel: 'error' })
  })

  it('lets people of the extension sign in', () => {
    const previous = { SCALE_SET_AGENTS_EXTENSION_SECRET_PREVIOUS: 'p'.repeat(40) }
    expect(readEnvironment({ ...minimal, ...extension, ...previous }).configuration?.signIn).toEqual({
      extensionId: 'aaaaaaaa-1111-2222-3333-444444444444',
      extensionSecrets: ['s'.repeat(40), 'p'.repeat(40)],
      hubOrigins: ['https://contoso.gallerycdn.vsassets.io', 'http://127.0.0.1:3000'],
    })
    const configFile = file('settings.json', JSON.stringify({ hubOrigins: ['https://a.example', 'https://b.example'] }))
    const { SCALE_SET_AGENTS_HUB_ORIGINS: _, ...rest } = extension
    expect(readEnvironment({ ...minimal, ...rest }, { configFile }).configuration?.signIn).toMatchObject({
      extensionSecrets: ['s'.repeat(40)],
      hubOrigins: ['https://a.example', 'https://b.example'],
    })
  })

  it('lets the command line go before both', () => {
    const { configuration } = readEnvironment({ ...minimal, SCALE_SET_AGENTS_PORT: '9000' }, { port: 0, data: '/tmp/here' })
    expect(configuration).toMatchObject({ port: 0, data: '/tmp/here' })
  })

  it.each([
    [{ AZURE_CLIENT_ID: 'app' }, { kind: 'managed-identity', clientId: 'app' }],
    [
      { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'app', AZURE_CLIENT_SECRET: 's3cret' },
      { kind: 'client-secret', tenantId: 't', clientId: 'app', clientSecret: 's3cret' },
    ],
    [
      { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'app', AZURE_CLIENT_CERTIFICATE_PATH: '/c.pem' },
      { kind: 'client-certificate', tenantId: 't', clientId: 'app', certificateFile: '/c.pem' },
    ],
    [
      { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'app', AZURE_FEDERATED_TOKEN_FILE: '/token' },
      { kind: 'workload-identity', tenantId: 't', clientId: 'app', tokenFile: '/token' },
    ],
  ])('signs in to Azure with what is given: %j', (env, identity) => {
    expect(readEnvironment({ ...minimal, ...env }).configuration?.azure.credential).toEqual(identity)
  })

  it('signs in to Azure DevOps with a PAT where there is one', () => {
    const pat = 'p'.repeat(52)
    expect(readEnvironment({ ...minimal, SCALE_SET_AGENTS_PAT: pat }).configuration?.devOpsCredential).toEqual({ kind: 'pat', pat })
  })

  it.each([
    [{}, undefined],
    [{ SCALE_SET_AGENTS_REGISTRAR_PAT: 'p'.repeat(52) }, { kind: 'pat', pat: 'p'.repeat(52) }],
    [{ SCALE_SET_AGENTS_REGISTRAR_CLIENT_ID: 'r' }, { kind: 'entra', credential: { kind: 'managed-identity', clientId: 'r' } }],
    [
      {
        AZURE_TENANT_ID: 't',
        AZURE_CLIENT_ID: 'app',
        AZURE_FEDERATED_TOKEN_FILE: '/token',
        SCALE_SET_AGENTS_REGISTRAR_CLIENT_ID: 'r',
      },
      { kind: 'entra', credential: { kind: 'workload-identity', tenantId: 't', clientId: 'r', tokenFile: '/token' } },
    ],
  ])('registers agents with an identity of its own where there is one: %j', (env, registrar) => {
    expect(readEnvironment({ ...minimal, ...env }).configuration?.registrar).toEqual(registrar)
  })

  it('names the file of further roots of proofs', () => {
    const roots = file('roots.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
    expect(readEnvironment({ ...minimal, SCALE_SET_AGENTS_ATTESTATION_ROOTS: roots }).configuration?.attestationRoots).toBe(roots)
  })

  it('names the file of certificates to trust', () => {
    const caFile = file('ca.pem', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n')
    expect(readEnvironment({ ...minimal, SCALE_SET_AGENTS_CA_FILE: caFile }).configuration?.caFile).toBe(caFile)
  })
})

describe('a problem names the field, the value and the next step', () => {
  it.each([
    ['SCALE_SET_AGENTS_ORGANIZATION_URL', 'dev.azure.com/fabrikam', "is 'dev.azure.com/fabrikam': give a URL that begins with https://."],
    [
      'SCALE_SET_AGENTS_ORGANIZATION_URL',
      'http://tfs.fabrikam.com/tfs',
      "is 'http://tfs.fabrikam.com/tfs': credentials are sent there, so give a URL that begins with https://.",
    ],
    [
      'SCALE_SET_AGENTS_ORGANIZATION_URL',
      'https://me:hunter2@dev.azure.com/f',
      "is 'https://me:***@dev.azure.com/f': take user and password out of the URL; they have settings of their own.",
    ],
    [
      'SCALE_SET_AGENTS_ORGANIZATION_URL',
      'https://dev.azure.com/f?a=1',
      "is 'https://dev.azure.com/f?a=1': leave out everything from ? or # on.",
    ],
    ['SCALE_SET_AGENTS_PORT', '70000', "is '70000': give a whole number from 0 to 65535; 0 takes a free port."],
    ['SCALE_SET_AGENTS_PORT', 'abc', "is 'abc': give a whole number from 0 to 65535; 0 takes a free port."],
    ['SCALE_SET_AGENTS_LOG_LEVEL', 'loud', "is 'loud': give one of debug, info, warn, error, silent."],
    ['AZURE_CLOUD', 'mars', "is 'mars': give one of public, usgov, china."],
    ['SCALE_SET_AGENTS_DATA', ' /data', "is ' /data': it begins or ends with a space; take that off."],
    ['SCALE_SET_AGENTS_PAT', 'hunter2', "is '***' (7 characters): give at least 20 characters."],
    [
      'SCALE_SET_AGENTS_OPERATOR_KEY',
      'hunter2 hunter2 hunter2',
      "is '***' (23 characters): it holds a space or a line end; copy it again without.",
    ],
    [
      'SCALE_SET_AGENTS_DATABASE_URL',
      'mysql://root:hunter2@db/x',
      "is '***' (25 characters): give postgres://user:password@host:5432/database, or leave it out to use a SQLite file.",
    ],
    [
      'SCALE_SET_AGENTS_CA_FILE',
      '/nowhere/ca.pem',
      "is '/nowhere/ca.pem': the file cannot be read; check its path and that this user may read it.",
    ],
  ])('%s=%s', (name, value, message) => {
    const { configuration, problems } = readEnvironment({ ...minimal, [name]: value })
    expect(configuration).toBeUndefined()
    expect(problems).toEqual([`${name} ${message}`])
  })

  it.each([
    [
      { SCALE_SET_AGENTS_REGISTRAR_PAT: 'p'.repeat(52), SCALE_SET_AGENTS_REGISTRAR_CLIENT_ID: 'r' },
      'are both set; keep the one that registers agents.',
    ],
    [
      { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'app', AZURE_CLIENT_SECRET: 's3cret', SCALE_SET_AGENTS_REGISTRAR_CLIENT_ID: 'r' },
      "which is another identity's: use a managed identity, a federated token or a certificate, or set SCALE_SET_AGENTS_REGISTRAR_PAT.",
    ],
    [{ SCALE_SET_AGENTS_REGISTRAR_PAT: 'hunter2' }, "is '***' (7 characters): give at least 20 characters."],
    [
      { SCALE_SET_AGENTS_ATTESTATION_ROOTS: '/nowhere.pem' },
      "is '/nowhere.pem': the file cannot be read; check its path and that this user may read it.",
    ],
  ])('of what registers agents: %j', (env, message) => {
    const { configuration, problems } = readEnvironment({ ...minimal, ...env })
    expect(configuration).toBeUndefined()
    expect(problems).toEqual([expect.stringContaining(message)])
  })

  it('never listens on an address that others reach, unless people sign in', () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.4', 'example.com', '127.0.0.1.example.com']) {
      const { configuration, problems } = readEnvironment({ ...minimal, SCALE_SET_AGENTS_HOST: host })
      expect(configuration).toBeUndefined()
      expect(problems).toEqual([
        `SCALE_SET_AGENTS_HOST is '${host}': without sign-in the service listens on this computer only; give 127.0.0.1, or set SCALE_SET_AGENTS_EXTENSION_ID, SCALE_SET_AGENTS_EXTENSION_SECRET, SCALE_SET_AGENTS_HUB_ORIGINS.`,
      ])
      const reachable = { ...minimal, ...extension, SCALE_SET_AGENTS_HOST: host }
      expect(readEnvironment({ ...reachable, SCALE_SET_AGENTS_PUBLIC_URL: 'https://a.example' }).configuration).toMatchObject({ host })
    }
  })

  it('gives machines no credential over plain HTTP', () => {
    const reachable = { ...minimal, ...extension, SCALE_SET_AGENTS_HOST: '10.0.0.4' }
    expect(readEnvironment(reachable).problems).toEqual([
      'SCALE_SET_AGENTS_PUBLIC_URL is missing: machines are given a credential through it, so set it to the https address at which they reach this service, such as https://agents.example.com.',
    ])
    expect(readEnvironment({ ...reachable, SCALE_SET_AGENTS_PUBLIC_URL: 'http://a.example' }).problems).toEqual([
      expect.stringContaining('give a URL that begins with https://'),
    ])
    expect(readEnvironment({ ...minimal, ...extension }).problems).toEqual([])
  })

  it.each(['with space', 'https://host', '', 'host:80', '1:2'])('is no host to listen on: "%s"', (host) => {
    const { configuration } = readEnvironment({ ...minimal, ...extension, SCALE_SET_AGENTS_HOST: host })
    expect(configuration?.host).toBe(host === '' ? '127.0.0.1' : undefined)
  })

  it('takes the sign-in whole or not at all', () => {
    const { SCALE_SET_AGENTS_HUB_ORIGINS: _, ...half } = extension
    expect(readEnvironment({ ...minimal, ...half }).problems).toEqual([
      'SCALE_SET_AGENTS_HUB_ORIGINS is missing: people sign in only when the id and the secret of the extension and the origins of its pages are all set.',
    ])
    expect(readEnvironment({ ...minimal, SCALE_SET_AGENTS_EXTENSION_SECRET_PREVIOUS: 'p'.repeat(40) }).problems).toEqual([
      'SCALE_SET_AGENTS_EXTENSION_ID and SCALE_SET_AGENTS_EXTENSION_SECRET and SCALE_SET_AGENTS_HUB_ORIGINS are missing: people sign in only when the id and the secret of the extension and the origins of its pages are all set.',
    ])
    const wrong = readEnvironment({
      ...minimal,
      ...extension,
      SCALE_SET_AGENTS_EXTENSION_ID: 'scale-set-agents',
      SCALE_SET_AGENTS_HOST: '::',
    })
    expect(wrong.problems).toEqual([
      "SCALE_SET_AGENTS_EXTENSION_ID is 'scale-set-agents': give the GUID of the installed extension, as 11111111-2222-3333-4444-555555555555.",
    ])
  })

  it.each([
    '*',
    'null',
    'https://*.vsassets.io',
    'https://a.example/',
    'https://a.example/hub',
    'http://a.example',
    'https://A.example',
    '',
  ])('knows no origin "%s"', (other) => {
    const { problems } = readEnvironment({ ...minimal, ...extension, SCALE_SET_AGENTS_HUB_ORIGINS: `https://b.example,${other}` })
    expect(problems.join()).toContain(`'${other}' is no origin`)
  })

  it('masks the secrets of the extension', () => {
    const { problems } = readEnvironment({ ...minimal, ...extension, SCALE_SET_AGENTS_EXTENSION_SECRET: 'short-secret' })
    expect(problems).toEqual(["SCALE_SET_AGENTS_EXTENSION_SECRET is '***' (12 characters): give at least 32 characters."])
  })

  it('says where the organization goes when it is missing', () => {
    expect(readEnvironment({ HOME: '/home/ada' }).problems).toEqual([
      "SCALE_SET_AGENTS_ORGANIZATION_URL is missing: set it to https://dev.azure.com/your-organization, or to a collection's URL on Azure DevOps Server.",
    ])
  })

  it('tells a misspelt variable and a misspelt key from a setting', () => {
    const configFile = file('settings.json', JSON.stringify({ organisationUrl: 'https://dev.azure.com/f' }))
    const { problems } = readEnvironment({ ...minimal, SCALE_SET_AGENTS_PROT: '1' }, { configFile })
    expect(problems).toEqual([
      'SCALE_SET_AGENTS_PROT is no setting: remove it, or correct its name after docs/configuration.md.',
      `The configuration file ${configFile} has 'organisationUrl', which is no setting: remove it, or correct its name after docs/configuration.md.`,
    ])
  })

  it.each([
    ['nothing.json', undefined, 'cannot be read'],
    ['broken.json', '{', 'is not a JSON object'],
    ['list.json', '[]', 'is not a JSON object'],
  ])('names the configuration file %s', (name, text, problem) => {
    const configFile = text === undefined ? join(folder, name) : file(name, text)
    expect(readEnvironment(minimal, { configFile }).problems).toEqual([expect.stringContaining(`${configFile} ${problem}`)])
  })

  it('asks for what an identity lacks, and refuses two at once', () => {
    expect(readEnvironment({ ...minimal, AZURE_CLIENT_SECRET: 's3cret' }).problems).toEqual([
      'AZURE_TENANT_ID is missing: set it to the directory (tenant) id of the identity.',
      'AZURE_CLIENT_ID is missing: set it to the application (client) id of the identity.',
    ])
    expect(readEnvironment({ ...minimal, AZURE_CLIENT_SECRET: 's3cret', AZURE_FEDERATED_TOKEN_FILE: '/token' }).problems).toEqual([
      'AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_CERTIFICATE_PATH and AZURE_CLIENT_SECRET: more than one is set; keep the one to sign in with.',
    ])
  })

  it('reports all of them in one message without a secret', () => {
    const { problems } = readEnvironment({
      SCALE_SET_AGENTS_PORT: '-1',
      SCALE_SET_AGENTS_PAT: 'hunter2',
      AZURE_CLIENT_SECRET: 'hunter2 ',
      HOME: '/home/ada',
    })
    const message = describeProblems(problems)
    expect(message).toMatch(/^4 settings are wrong; nothing was started\. See docs\/configuration\.md\.\n/)
    expect(message).not.toContain('hunter2')
  })
})

describe('a command for a running service', () => {
  it('does not ask for the organization', () => {
    expect(readClientEnvironment({ SCALE_SET_AGENTS_DATA: '/data', SCALE_SET_AGENTS_URL: 'http://127.0.0.1:7200/' }).configuration).toEqual(
      { data: '/data', url: 'http://127.0.0.1:7200' },
    )
  })

  it('refuses a URL that is none', () => {
    expect(readClientEnvironment({ SCALE_SET_AGENTS_DATA: '/data', SCALE_SET_AGENTS_URL: 'here' }).problems).toEqual([
      "SCALE_SET_AGENTS_URL is 'here': give a URL that begins with https://.",
    ])
  })
})

it('leaves out colours where NO_COLOR or a dumb terminal asks for it', () => {
  expect([{}, { NO_COLOR: '' }, { NO_COLOR: '1' }, { TERM: 'dumb' }].map(allowsColour)).toEqual([true, true, false, false])
})
