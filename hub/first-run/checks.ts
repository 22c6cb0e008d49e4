/** What has to be right before the hub works with a service: asked one after another, each with what to do when it is not. */
import type { ServiceView, SessionView } from '../../backend/api/contract-sign-in.ts'
import type { Answer } from '../answer.ts'

export type Check = {
  readonly name: string
  readonly result: 'ok' | 'failed'
  /** What was found. */
  readonly text: string
  /** What to do, when it failed. */
  readonly fix?: string
}
export type Asked = {
  readonly info: () => Promise<Answer<ServiceView>>
  readonly session: () => Promise<Answer<SessionView>>
}

/** The version of the service's API that this hub was made with. */
export const apiVersion = '0.1'

/** An address without an ending `/`, or why it is none. Plain http only stays on this computer. */
export function addressOf(text: string): { readonly address: string } | { readonly problem: string } {
  const url = URL.parse(text.trim())
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '' || url.hash !== '')
    return { problem: `"${text}" is no address of a service; give one such as https://agents.example.com.` }
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url.protocol === 'http:' && !isHere)
    return { problem: `${text} is not encrypted, and a browser does not let this page call it; give an address with https.` }
  return { address: `${url.origin}${url.pathname.replace(/\/+$/, '')}` }
}

/** Stops at the first that fails: those behind it would only repeat it. */
export async function checkService(address: string, organization: string, { info, session }: Asked): Promise<readonly Check[]> {
  const answer = await info()
  if (!answer.ok) return [unanswered(address, answer.failure.message)]
  const answered: Check = { name: 'It answers', result: 'ok', text: `The service at ${address} answers.` }
  const described = describes(answer.value, organization)
  if (described.some(({ result }) => result === 'failed')) return [answered, ...described]
  return [answered, ...described, signedIn(await session())]
}

function unanswered(address: string, text: string): Check {
  const fix = `Open ${address}/healthz in this browser. A warning about the certificate has to be solved there; no answer means that the service does not run or that a firewall is between.`
  return { name: 'It answers', result: 'failed', text, fix }
}

export type Misfit = Required<Pick<Check, 'text' | 'fix'>>

/** Why this hub and that service do not go together, and what to do; undefined when they do. */
export function misfitOf({ product, version }: ServiceView): Misfit | undefined {
  if (product !== 'scale-set-agents') return { text: `What answers is ${product}, and not Scale Set Agents.`, fix: 'Check the address.' }
  const [theirs, ours] = [lineOf(version), lineOf(apiVersion)]
  if (theirs === ours) return undefined
  const versions = `The service has version ${version}, and this extension was made for ${apiVersion}`
  return theirs < ours
    ? { text: `${versions}: the service is too old.`, fix: 'Ask whoever runs it to update it.' }
    : { text: `${versions}: the extension is too old.`, fix: 'Update it in Organization settings, Extensions.' }
}

/** Versions go together when their first two numbers are the same. */
function lineOf(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major * 10_000 + minor
}

function describes(service: ServiceView, organization: string): readonly Check[] {
  const { version, organization: served, signIn } = service
  const misfit = misfitOf(service)
  const checks: readonly Check[] = [
    misfit === undefined
      ? { name: 'Version', result: 'ok', text: `It has version ${version}.` }
      : { name: 'Version', result: 'failed', ...misfit },
    signIn
      ? { name: 'Sign-in', result: 'ok', text: 'It lets people of this extension sign in.' }
      : {
          name: 'Sign-in',
          result: 'failed',
          text: 'It does not know this extension, so nobody can sign in.',
          fix: 'Set SCALE_SET_AGENTS_EXTENSION_ID, SCALE_SET_AGENTS_EXTENSION_SECRET and SCALE_SET_AGENTS_HUB_ORIGINS, and start it again.',
        },
    sameName(served, organization)
      ? { name: 'Organization', result: 'ok', text: `It serves the organization ${served}.` }
      : {
          name: 'Organization',
          result: 'failed',
          text: `It serves the organization ${served}, and this is ${organization}.`,
          fix: `Run a service for ${organization}: each serves one organization.`,
        },
  ]
  const stop = checks.findIndex(({ result }) => result === 'failed')
  return stop === -1 ? checks : checks.slice(0, stop + 1)
}

function signedIn(answer: Answer<SessionView>): Check {
  if (answer.ok) return { name: 'You', result: 'ok', text: `You are signed in as ${answer.value.person.name}.` }
  const fix =
    answer.failure.kind === 'forbidden'
      ? 'Ask an administrator of agent pools for the right to use them.'
      : 'Compare the id and the secret of the extension with those of the service.'
  return { name: 'You', result: 'failed', text: answer.failure.message, fix }
}

/** The service may give the organization's address or its name. */
function sameName(served: string, organization: string): boolean {
  const last = served.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return last.toLowerCase() === organization.toLowerCase()
}
