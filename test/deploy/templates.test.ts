/** What deploy/ says of the service agrees with the service, and its files agree with each other. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { readEnvironment } from '../../backend/environment.ts'
import { filesIn, leavesOf, read, settingNames, settingsIn } from './files.ts'

const chart = 'deploy/helm/scale-set-agents'
const docker = read('deploy/Dockerfile')
const unit = read('deploy/systemd/scale-set-agents.service')
const deployment = read(`${chart}/templates/deployment.yaml`)
const bicep = read('deploy/infra/service.bicep')
const main = read('deploy/infra/main.bicep')
const role = JSON.parse(read('deploy/azure-role.json')) as { readonly Actions: readonly string[] }

test.each(filesIn('deploy').map((file) => [file]))('%s names settings that the service knows, and no secret of anybody', (file) => {
  const text = read(file)
  expect(settingsIn(text).filter((name) => !settingNames.includes(name))).toEqual([])
  expect(text).not.toMatch(/eyJ[\w-]{10,}|-----BEGIN|AccountKey=|\bpassword: *['"]?\w/i)
})

test('port, folder and user are the same everywhere', () => {
  const templates = { docker, deployment, bicep, unit }
  for (const [name, text] of Object.entries(templates)) expect([name, text]).toEqual([name, expect.stringContaining('7200')])
  for (const text of Object.values(templates)) expect(text).toContain('/var/lib/scale-set-agents')
  expect(docker).toMatch(/^USER 65532:65532$/m)
  expect(deployment).toMatch(/runAsUser: 65532\n +runAsGroup: 65532\n +fsGroup: 65532/)
  // The probes ask what the service answers, at the port where it listens.
  for (const text of [docker, deployment, bicep]) expect(text).toContain('/healthz')
  for (const text of [deployment, bicep]) expect(text).not.toMatch(/path: '?\/readyz/)
})

test('what the templates set is enough for the service to start', () => {
  const secrets = {
    SCALE_SET_AGENTS_EXTENSION_SECRET: 'a'.repeat(32),
    SCALE_SET_AGENTS_OPERATOR_KEY: 'b'.repeat(16),
    SCALE_SET_AGENTS_DATABASE_URL: 'postgres://agents:password@server:5432/agents?sslmode=verify-full',
  }
  const given: Record<string, string> = {
    SCALE_SET_AGENTS_ORGANIZATION_URL: 'https://dev.azure.com/fabrikam',
    SCALE_SET_AGENTS_PUBLIC_URL: 'https://agents.fabrikam.example',
    SCALE_SET_AGENTS_EXTENSION_ID: '11111111-2222-3333-4444-555555555555',
    SCALE_SET_AGENTS_HUB_ORIGINS: 'https://fabrikam.gallerycdn.vsassets.io',
    SCALE_SET_AGENTS_HOST: '0.0.0.0',
    SCALE_SET_AGENTS_PORT: '7200',
    SCALE_SET_AGENTS_DATA: '/var/lib/scale-set-agents',
    SCALE_SET_AGENTS_LOG_LEVEL: 'info',
    SCALE_SET_AGENTS_REGISTRAR_CLIENT_ID: '11111111-2222-3333-4444-666666666666',
    AZURE_CLIENT_ID: '11111111-2222-3333-4444-777777777777',
    ...secrets,
  }
  const pick = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, given[name]]))
  const ofBicep = [...bicep.matchAll(/\{ name: '([A-Z_]+)'/g)].map((match) => match[1]!)
  const ofHelm = [...deployment.matchAll(/- name: ([A-Z_]+)$/gm)].map((match) => match[1]!)
  expect(ofBicep.length).toBeGreaterThan(10)
  expect(readEnvironment(pick(ofBicep)).problems).toEqual([])
  expect(readEnvironment(pick([...ofHelm, ...Object.keys(secrets)])).problems).toEqual([])
  // Whatever listens for others has to have sign-in: without the extension's secret it does not start.
  expect(readEnvironment(pick(ofHelm)).problems).toEqual([expect.stringContaining('SCALE_SET_AGENTS_EXTENSION_SECRET is missing')])
})

describe('the image', () => {
  test('has no default base, takes one by digest only, and ends without root', () => {
    expect(docker.match(/^ARG .*/gm)).toEqual(['ARG BUILD_IMAGE', 'ARG RUN_IMAGE', 'ARG BUILD_IMAGE', 'ARG RUN_IMAGE'])
    expect(docker.match(/^FROM .*/gm)).toEqual(['FROM ${BUILD_IMAGE} AS build', 'FROM ${RUN_IMAGE}'])
    expect(docker).toContain('*@sha256:')
    const last = docker.split('FROM ${RUN_IMAGE}')[1]!
    // Without a shell nothing can be run in it but the service.
    expect(last).not.toMatch(/^RUN /m)
    expect(last).toMatch(/^HEALTHCHECK/m)
    expect(last).toMatch(/^ENTRYPOINT \[/m)
  })

  test('refuses a base without its digest', () => {
    const check = /RUN (case [\s\S]*?esac)\nWORKDIR/.exec(docker)?.[1] ?? ''
    const run = (image: string) =>
      spawnSync('sh', ['-c', check.replace(/\\\n/g, '')], { env: { BUILD_IMAGE: image, RUN_IMAGE: image }, encoding: 'utf8' })
    expect(run(`node:24@sha256:${'a'.repeat(64)}`).status).toBe(0)
    for (const image of ['', 'node:24', `node:24@sha256:${'a'.repeat(63)}`]) {
      expect(run(image).status).toBe(1)
      expect(run(image).stderr).toContain(`BUILD_IMAGE is '${image}': name it with its digest`)
    }
  })

  test('is built from a list of what goes in', () => {
    const lines = read('deploy/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines[0]).toBe('*')
    expect(lines.slice(1).every((line) => line.startsWith('!'))).toBe(true)
    for (const needed of ['package.json', 'package-lock.json', 'backend', 'agent-scripts', 'scripts']) expect(lines).toContain(`!${needed}`)
  })
})

describe('Bicep', () => {
  const files = filesIn('deploy/infra').filter((file) => file.endsWith('.bicep'))

  test.each(files)('%s closes what it opens and uses what it declares', (file) => {
    const text = read(file).replace(/^ *\/\/.*$/gm, '')
    for (const [open, close] of ['{}', '[]', '()']) expect(text.split(open!).length).toBe(text.split(close!).length)
    const declared = [...text.matchAll(/^(?:param|var|resource|module) (\w+)/gm)].map((match) => match[1]!)
    const unused = declared.filter((name) => text.match(new RegExp(`\\b${name}\\b`, 'g'))!.length < 2)
    expect(unused.filter((name) => !['assignment', 'rights', 'app', 'pull'].includes(name))).toEqual([])
  })

  test('grants the role of the file, to the identity that runs, on the group of the scale sets', () => {
    expect(main).toContain("loadJsonContent('../azure-role.json')")
    expect(main).toContain('actions: role.Actions')
    expect(main).toMatch(/scope: resourceGroup\(agentsResourceGroup\)/)
    expect(role.Actions.length).toBeGreaterThan(10)
    expect(bicep).toContain("type: 'UserAssigned'")
    // No right in Azure but to pull its image, and the custom role.
    expect((main + bicep + read('deploy/infra/rights.bicep')).match(/roleAssignments@/g)).toHaveLength(2)
  })

  test('keeps secrets out of outputs and plain parameters', () => {
    for (const name of ['extensionSecret', 'operatorKey', 'databasePassword']) {
      expect(main).toMatch(new RegExp(`@secure\\(\\)\n(?:@.*\n)*param ${name} string`))
      expect(bicep).toMatch(new RegExp(`@secure\\(\\)\nparam ${name} string`))
      expect(main + bicep).not.toMatch(new RegExp(`^output .*${name}`, 'm'))
    }
    expect(bicep).toContain('sslmode=verify-full')
  })

  test('gets each parameter without a default from azd, and each is one', () => {
    const { parameters } = JSON.parse(read('deploy/infra/main.parameters.json')) as { readonly parameters: object }
    const declared = [...main.matchAll(/^param (\w+) \w+( =)?/gm)]
    expect(Object.keys(parameters).filter((name) => !declared.some((match) => match[1] === name))).toEqual([])
    expect(declared.filter((match) => match[2] === undefined && !(match[1]! in parameters))).toEqual([])
  })

  test('is what azd looks for', () => {
    const azd = read('deploy/azure.yaml')
    expect(azd).toContain('path: infra')
    expect(azd).toContain('path: deploy/Dockerfile')
    expect(azd).toMatch(/^services:\n {2}service:$/m)
    expect(bicep).toContain("'azd-service-name': 'service'")
    expect(main).toMatch(/^output AZURE_CONTAINER_REGISTRY_ENDPOINT /m)
  })
})

describe('the chart', () => {
  const templates = filesIn(`${chart}/templates`)
  const all = templates.map(read).join('\n')
  const leaves = leavesOf(read(`${chart}/values.yaml`))

  test.each(templates)('%s closes its blocks and its brackets', (file) => {
    const actions = [...read(file).matchAll(/\{\{-? *(\w+)[^}]*\}\}/g)].map((match) => match[1]!)
    const opened = actions.filter((word) => ['if', 'with', 'range', 'define'].includes(word)).length
    expect(actions.filter((word) => word === 'end')).toHaveLength(opened)
    expect(read(file).split('{{').length).toBe(read(file).split('}}').length)
  })

  test('uses every value that it has, and no other', () => {
    const used = [...new Set([...all.matchAll(/\.Values\.([\w.]+)/g)].map((match) => match[1]!))]
    const isUnder = (leaf: string, name: string) => leaf === name || leaf.startsWith(`${name}.`)
    expect(used.filter((name) => !leaves.some((leaf) => isUnder(leaf, name)))).toEqual([])
    expect(leaves.filter((leaf) => !used.some((name) => isUnder(leaf, name)))).toEqual([])
    const { properties } = JSON.parse(read(`${chart}/values.schema.json`)) as { readonly properties: object }
    expect(Object.keys(properties).toSorted()).toEqual([...new Set(leaves.map((leaf) => leaf.split('.')[0]!))].toSorted())
  })

  test('runs as nobody, on a file system that it cannot write', () => {
    for (const line of [
      'runAsNonRoot: true',
      'readOnlyRootFilesystem: true',
      'allowPrivilegeEscalation: false',
      'drop: [ALL]',
      'type: RuntimeDefault',
      'automountServiceAccountToken: false',
    ])
      expect(deployment).toContain(line)
  })

  test('one service to a SQLite file, on a disk that only one pod mounts; more with PostgreSQL', () => {
    const [postgres = '', sqlite = ''] = /spec:\n {2}\{\{- if \.Values\.postgres \}\}([\s\S]*?)\{\{- end \}\}/
      .exec(deployment)![1]!
      .split('{{- else }}')
    expect(postgres).toContain('replicas: {{ .Values.replicas }}')
    expect(sqlite).toMatch(/replicas: 1\n {2}strategy:\n {4}type: Recreate/)
    expect(read(`${chart}/templates/disk.yaml`)).toContain('ReadWriteOncePod')
  })

  test('refuses an image without its digest', () => {
    const schema = JSON.parse(read(`${chart}/values.schema.json`)) as {
      readonly properties: { readonly image: { readonly pattern: string } }
    }
    const pattern = new RegExp(schema.properties.image.pattern)
    expect(pattern.test(`registry.example.com/agents@sha256:${'0'.repeat(64)}`)).toBe(true)
    for (const image of ['', 'registry.example.com/agents:1', 'agents@sha256:0']) expect(pattern.test(image)).toBe(false)
  })
})

describe('the unit', () => {
  test('is one that systemd understands, and exposed as little as such a service can be', () => {
    const file = path.join(__dirname, '../../deploy/systemd/scale-set-agents.service')
    const run = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', '--no-pager', file], { encoding: 'utf8' })
    expect([run.status, run.stderr]).toEqual([0, ''])
  })

  test('does not start again what cannot become right by that', () => {
    // exitCodes.notAllowed and exitCodes.configuration.
    expect(unit).toMatch(/^RestartPreventExitStatus=77 78$/m)
    expect(unit).toMatch(/^DynamicUser=yes$/m)
  })
})
