/**
 * The stand-in agent: what the Azure Pipelines agent does on the wire and leaves on the disk, without running anything. A
 * job is a sleep as long as its message says. One file for plain Node 20; contract: azure-facts.md 3.
 */
import { constants, createPrivateKey, createSign, generateKeyPairSync, randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, release } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { call, setProxy } from './http.mjs'
import { parseOptions } from './options.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const version = readFileSync(path.join(root, 'bin', 'version'), 'utf8').trim()
const lockToken = '00000000-0000-0000-0000-000000000000'
const conflictWaitMs = 30_000
const conflictMsMax = 4 * 60_000
const osDescription = `Linux ${release()}`
/** Ended by SIGTERM and SIGINT. */
const stop = new AbortController()

/** A failure that a person can do something about; everything else shows its stack. */
class AgentError extends Error {}

const log = createLog('Agent')
try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  log(error.stack)
  console.error(error instanceof AgentError ? error.message : `An error occurred: ${error.message}`)
  process.exitCode = 1
}

async function main(words) {
  loadEnvironment()
  const { verb, options } = parseOptions(words, process.env)
  if (options.version) return say(version)
  if (options.commit) return say('0000000000000000000000000000000000000000')
  if (verb === 'configure') return configure(options)
  if (verb === 'remove') return remove(options)
  return run(options)
}

/** `.env` and `.path` of the agent's folder are part of every job's environment. */
function loadEnvironment() {
  for (const line of textOf('.env').split('\n')) {
    const [, name, value] = /^([^=#\s]+)=(.*)$/.exec(line) ?? []
    if (name) process.env[name] = value
  }
  const searchPath = textOf('.path').trim()
  if (searchPath) process.env.PATH = searchPath
}

// ---------------------------------------------------------------- configure

async function configure(options) {
  if (existsSync(file('.agent')))
    throw new AgentError("Cannot configure the agent because it is already configured. Run './config.sh remove' first.")
  const { url, pool: poolName, name } = requireAnswers(options)
  setProxy(proxyFrom(options))
  const server = { url, authorization: authorizationOf(options) }
  say('>> Connect:')
  await api(server, 'GET', '_apis/connectionData')
  say('>> Register Agent:')
  const pools = await api(server, 'GET', `_apis/distributedtask/pools?poolName=${encodeURIComponent(poolName)}`)
  const pool = pools.value[0]
  if (pool === undefined) throw new AgentError(`Agent pool not found: '${poolName}'`)
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const agent = await register(server, pool, name, keys.publicKey, options)
  const credentials = { clientId: agent.authorization?.clientId, authorizationUrl: agent.authorization?.authorizationUrl }
  if (!credentials.clientId || !credentials.authorizationUrl) throw new AgentError('The server did not tell how the agent signs in.')
  say('Successfully added the agent')
  const serverUrl = agent.properties?.ServerUrl?.$value ?? url
  await testLogin(serverUrl, credentials, keys.privateKey)
  say('Testing agent connection.')
  save(options, { agentId: agent.id, agentName: agent.name, poolId: pool.id, poolName: pool.name, serverUrl }, credentials, keys.privateKey)
  say(`${stamp()}: Settings Saved.`)
  return 0
}

function requireAnswers(options) {
  if (!options.unattended) throw new AgentError('The stand-in agent asks no questions: configure it with --unattended.')
  if ((options.auth ?? '').toLowerCase() !== 'pat')
    throw new AgentError(`The stand-in agent registers with --auth pat only, not '${options.auth ?? ''}'.`)
  for (const name of ['url', 'token']) {
    if (!options[name]) throw new AgentError(`Invalid configuration provided for ${name}. Terminating unattended configuration.`)
  }
  return { url: options.url.replace(/\/+$/, ''), pool: options.pool ?? 'Default', name: options.agent ?? hostname() }
}

function authorizationOf({ token }) {
  return `Basic ${Buffer.from(`:${token}`).toString('base64')}`
}

function proxyFrom(options) {
  return options.proxyurl && { url: options.proxyurl, username: options.proxyusername, password: options.proxypassword }
}

/** PUT of the agent that is there, when it may be replaced; POST of a new one. */
async function register(server, pool, name, publicKey, options) {
  const agents = `_apis/distributedtask/pools/${pool.id}/agents`
  const found = (await api(server, 'GET', `${agents}?agentName=${encodeURIComponent(name)}`)).value[0]
  if (found && !options.replace) throw new AgentError(`Pool ${pool.id} already contains an agent with name ${name}.`)
  const jwk = publicKey.export({ format: 'jwk' })
  const body = {
    name,
    version,
    osDescription,
    maxParallelism: 1,
    provisioningState: 'Provisioned',
    systemCapabilities: capabilities(name),
    authorization: { publicKey: { exponent: fromUrl(jwk.e), modulus: fromUrl(jwk.n) } },
  }
  if (found) return api(server, 'PUT', `${agents}/${found.id}`, { ...found, ...body })
  return api(server, 'POST', agents, body)
}

function capabilities(name) {
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !/token|password|secret/i.test(key))),
    'Agent.Name': name,
    'Agent.Version': version,
    'Agent.ComputerName': hostname(),
    'Agent.HomeDirectory': root,
    'Agent.OS': 'Linux',
    'Agent.OSArchitecture': process.arch.toUpperCase(),
  }
}

async function testLogin(serverUrl, credentials, privateKey) {
  const token = await askToken(credentials, privateKey)
  await api({ url: serverUrl, authorization: `Bearer ${token.access_token}` }, 'GET', '_apis/connectionData')
}

/** `.agent` comes last: it says that the agent is configured. The credential that registered it is nowhere in it. */
function save(options, agent, { clientId, authorizationUrl }, privateKey) {
  const jwk = privateKey.export({ format: 'jwk' })
  if (options.proxyurl) writeFileSync(file('.proxy'), options.proxyurl)
  if (options.proxyusername) {
    writeFileSync(file('.proxycredentials'), JSON.stringify({ username: options.proxyusername, password: options.proxypassword }), {
      mode: 0o600,
    })
  }
  writeJson('.credentials', { scheme: 'OAuth', data: { clientId, authorizationUrl, oauthEndpointUrl: authorizationUrl } })
  writeJson('.credentials_rsaparams', jwk, 0o600)
  writeJson('.agent', { ...agent, workFolder: options.work ?? '_work', acceptTeeEula: options.acceptteeeula === true })
}

async function remove(options) {
  const settings = settingsOf()
  setProxy(savedProxy())
  const server = { url: settings.serverUrl, authorization: authorizationOf(options) }
  await api(server, 'DELETE', `_apis/distributedtask/pools/${settings.poolId}/agents/${settings.agentId}`)
  for (const name of ['.agent', '.credentials', '.credentials_rsaparams', '.proxy', '.proxycredentials'])
    rmSync(file(name), { force: true })
  return say('Succeeded: Removing agent from the server')
}

// ---------------------------------------------------------------- run

async function run({ once }) {
  const settings = settingsOf()
  setProxy(savedProxy())
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop.abort())
  const client = createClient(settings)
  say('Scanning for tool capabilities.')
  say('Connecting to the server.')
  let session = await openSession(client, settings)
  say(`${stamp()}: Listening for Jobs`)
  const state = { job: undefined, lastMessageId: 0, hadJob: false }
  while (!stop.signal.aborted && !(once && state.hadJob && state.job === undefined)) {
    const message = await nextMessage(client, session, state)
    if (message === 'expired') session = await openSession(client, settings)
    else if (message) await handle(client, session, message, state, once)
  }
  if (state.job) await state.job.cancel()
  await client('DELETE', `sessions/${session}`).catch((error) => log(`The session was not deleted: ${error.message}`))
  return say('Exiting...')
}

/** Calls below the pool with a token of the agent's own, which is renewed before it ends. */
function createClient(settings) {
  const credentials = JSON.parse(textOf('.credentials')).data
  const privateKey = createPrivateKey({ format: 'jwk', key: JSON.parse(textOf('.credentials_rsaparams')) })
  let token = { value: '', endsAt: 0 }
  return async (method, below, body, signal) => {
    if (token.endsAt < Date.now()) {
      const { access_token, expires_in } = await askToken(credentials, privateKey)
      token = { value: access_token, endsAt: Date.now() + expires_in * 800 }
    }
    const server = { url: settings.serverUrl, authorization: `Bearer ${token.value}` }
    return api(server, method, `_apis/distributedtask/pools/${settings.poolId}/${below}`, body, signal).catch((error) => {
      if (error.status === 401 || error.status === 203) token.endsAt = 0
      throw error
    })
  }
}

/** Another session of this agent may still be known to the server: asked again every 30 s, for 4 minutes. */
async function openSession(client, { agentId, agentName }) {
  const agent = { id: agentId, name: agentName, version, osDescription }
  const body = { ownerName: hostname(), agent, systemCapabilities: capabilities(agentName) }
  for (const endsAt = Date.now() + conflictMsMax; ;) {
    try {
      return (await client('POST', 'sessions', body)).sessionId
    } catch (error) {
      if (!isTransient(error) || stop.signal.aborted) throw error
      if (error.status === 409 && Date.now() >= endsAt) throw new AgentError('A session for this agent already exists.')
      say(`${stamp()}: ${error.message} Retrying.`)
      await pause(error.status === 409 ? conflictWaitMs : 5_000)
    }
  }
}

function isTransient({ status }) {
  return status === undefined || status === 409 || status === 429 || status >= 500
}

/** The next message, undefined when there is none, 'expired' when the session is gone. Held by the server. */
async function nextMessage(client, session, state) {
  const signals = [stop.signal, ...(state.job ? [state.job.ended] : [])]
  const signal = AbortSignal.any(signals)
  try {
    const message = await client('GET', `messages?sessionId=${session}&lastMessageId=${state.lastMessageId}`, undefined, signal)
    if (message === undefined) await pause(5_000 + Math.random() * 10_000, signal)
    return message
  } catch (error) {
    if (signal.aborted) return undefined
    log(`The messages could not be read: ${error.message}`)
    if (error.typeKey === 'TaskAgentSessionExpiredException') return 'expired'
    if (error.status === 403 || error.status === 400) throw error
    await pause(1_000 + Math.random() * 4_000, signal)
    return undefined
  }
}

async function handle(client, session, message, state, once) {
  const body = JSON.parse(message.body)
  log(`Message ${message.messageId} of type ${message.messageType}.`)
  if (message.messageType === 'PipelineAgentJobRequest') {
    // A one-job agent leaves a second message for another agent.
    if (once && state.hadJob) return void (state.lastMessageId = message.messageId)
    if (state.job) await state.job.cancel()
    await client('DELETE', `messages/${message.messageId}?sessionId=${session}`)
    state.hadJob = true
    state.job = startJob(client, body, () => (state.job = undefined))
  } else {
    if (message.messageType === 'JobCancellation') await state.job?.cancel()
    await client('DELETE', `messages/${message.messageId}?sessionId=${session}`)
  }
  state.lastMessageId = message.messageId
}

/** `ended` is a signal of the job's end; `cancel` ends it early and waits until the server knows. */
function startJob(client, { requestId, jobDisplayName, sandbox = {} }, onEnd) {
  const cancelled = new AbortController()
  const ended = new AbortController()
  const request = `jobrequests/${requestId}?lockToken=${lockToken}`
  const workerLog = createLog('Worker')
  say(`${stamp()}: Running job: ${jobDisplayName}`)
  workerLog(`Job ${requestId} started.`)
  const work = async () => {
    const renewing = setInterval(
      () => void client('PATCH', request, { requestId }).catch((error) => lost(error)),
      sandbox.renewMs ?? 60_000,
    )
    const lost = (error) => {
      workerLog(`The lock was not renewed: ${error.message}`)
      if (error.status === 404) cancelled.abort()
    }
    await client('PATCH', request, { requestId }).catch(lost)
    await pause(sandbox.durationMs ?? 0, cancelled.signal)
    clearInterval(renewing)
    const result = cancelled.signal.aborted ? 'canceled' : 'succeeded'
    const end = { requestId, finishTime: new Date().toISOString(), result }
    await client('PATCH', request, end).catch((error) => workerLog(`The end was not reported: ${error.message}`))
    workerLog(`Job ${requestId} ended: ${result}.`)
    say(`${stamp()}: Job ${jobDisplayName} completed with result: ${result[0].toUpperCase()}${result.slice(1)}`)
    onEnd()
    ended.abort()
  }
  const done = work()
  return {
    ended: ended.signal,
    cancel: () => {
      cancelled.abort()
      return done
    },
  }
}

// ---------------------------------------------------------------- the server

/** RFC 7523: an assertion signed by the agent's own key is exchanged for a short-lived token. */
async function askToken({ clientId, authorizationUrl }, privateKey) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: clientId, sub: clientId, aud: authorizationUrl, jti: randomUUID(), nbf: now - 60, exp: now + 300 }
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
  const signature = createSign('sha256').update(signed).sign({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, 'base64url')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature}`,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  const { status, json } = await call(authorizationUrl, { method: 'POST', headers, body: form.toString() })
  if (status !== 200) throw Object.assign(new AgentError(`The agent could not sign in: ${json?.error_description ?? status}`), { status })
  return json
}

/** Throws with `status` and `typeKey` for everything but an answer in JSON or an empty one. */
async function api({ url, authorization }, method, below, body, signal) {
  const headers = { authorization, accept: 'application/json; api-version=7.1', 'x-tfs-fedauthredirect': 'Suppress' }
  const content = body === undefined ? undefined : JSON.stringify(body)
  if (content) headers['content-type'] = 'application/json'
  const answer = await call(`${url}/${below}`, { method, headers, body: content, signal })
  if (isAnswer(answer)) return answer.json
  const isRefused = [203, 302, 401].includes(answer.status)
  const message = isRefused
    ? `VS30063: You are not authorized to access ${url}.`
    : (answer.json?.message ?? `The server answered ${answer.status}.`)
  throw Object.assign(new AgentError(message), { status: answer.status, typeKey: answer.json?.typeKey })
}

/** 203 is the sign-in page. */
function isAnswer({ status, json, text }) {
  return status < 300 && status !== 203 && (json !== undefined || text === '')
}

// ---------------------------------------------------------------- files and words

function settingsOf() {
  if (!existsSync(file('.agent'))) throw new AgentError('Not configured. Run ./config.sh first.')
  return JSON.parse(textOf('.agent'))
}

function savedProxy() {
  const url = textOf('.proxy').trim()
  return url && { url, ...JSON.parse(textOf('.proxycredentials') || '{}') }
}

function createLog(name) {
  const time = new Date()
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '-')
  const folder = process.env[`${name.toUpperCase()}_DIAGLOGPATH`] || file('_diag')
  mkdirSync(folder, { recursive: true })
  const target = path.join(folder, `${name}_${time}-utc.log`)
  return (text) => appendFileSync(target, `[${stamp()} INFO ${name}] ${text}\n`)
}

function file(name) {
  return path.join(root, name)
}

function textOf(name) {
  return existsSync(file(name)) ? readFileSync(file(name), 'utf8').replace(/^\uFEFF/, '') : ''
}

function writeJson(name, value, mode = 0o644) {
  writeFileSync(file(name), JSON.stringify(value, null, 2), { mode })
}

function fromUrl(base64url) {
  return Buffer.from(base64url, 'base64url').toString('base64')
}

function stamp() {
  return new Date().toISOString().replace('T', ' ').replace(/\.\d+/, '')
}

function say(text) {
  console.log(text)
  log(text)
  return 0
}

/** Resolves after `ms`, or as soon as the signal aborts. */
function pause(ms, signal = stop.signal) {
  return sleep(ms, undefined, { signal }).catch(() => undefined)
}
