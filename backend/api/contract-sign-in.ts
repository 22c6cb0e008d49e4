/** Shapes of signing in. */
import { Type, type Static } from 'typebox'
import { closed, list, text } from './contract-shapes.ts'

/** `GET /api/v1/service`, open to everybody: what a page has to know before anybody can sign in. */
export const serviceView = Type.Object({
  product: Type.String({ description: 'scale-set-agents' }),
  version: Type.String(),
  organization: Type.String({ description: 'Name of the organization or collection that the service runs pools of.' }),
  signIn: Type.Boolean({ description: 'People of the extension can sign in.' }),
})
export type ServiceView = Static<typeof serviceView>

/** `POST /api/v1/session`: both tokens as the extension SDK hands them out. Neither is kept. */
export const sessionRequest = Type.Object({ appToken: text(8192, 'getAppToken()'), accessToken: text(16_384, 'getAccessToken()') }, closed)
export type SessionRequest = Static<typeof sessionRequest>

/** Of the pools that this service runs. A pool made later is not in it: sign in again. */
export const sessionView = Type.Object({
  session: Type.String({ description: 'Send it as the Bearer token.' }),
  expiresInMs: Type.Number(),
  person: Type.Object({ id: Type.String(), name: Type.String() }),
  organization: Type.String(),
  pools: Type.Object({ manage: list(Type.Integer()), use: list(Type.Integer({ description: 'Those of manage too.' })) }),
  mayCreate: Type.Boolean({ description: 'May try: Azure DevOps decides when the pool is made, by the rights of the person.' }),
})
export type SessionView = Static<typeof sessionView>
