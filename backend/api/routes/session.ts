/** Where a person signs in, and what a page has to know before. */
import { serviceView, sessionRequest, sessionView } from '../contract-sign-in.ts'
import type { ApiParts, App } from '../parts.ts'
import { notFound } from '../problems.ts'

const open = { right: 'open' } as const
/** Two tokens: an access token is some 2 KB, and longer where it names groups. */
const bodyBytesMax = 24 * 1024

export function session(app: App, parts: ApiParts): void {
  const { version, organizationName: organization, signIn } = parts
  app.get('/service', { config: open, schema: { response: { 200: serviceView } } }, () => ({
    product: 'scale-set-agents',
    version,
    organization,
    signIn: signIn !== undefined,
  }))
  app.post(
    '/session',
    { config: open, bodyLimit: bodyBytesMax, schema: { body: sessionRequest, response: { 200: sessionView } } },
    async ({ body, ip }) => {
      if (signIn === undefined)
        throw notFound(
          'Nobody can sign in here. Set SCALE_SET_AGENTS_EXTENSION_ID, SCALE_SET_AGENTS_EXTENSION_SECRET and SCALE_SET_AGENTS_HUB_ORIGINS of the service.',
        )
      return signIn.signIn(body, ip)
    },
  )
}
