/** What people send is found nowhere afterwards. */
import { createLog } from '../../backend/adapters/log.ts'
import { scaleSetId, world } from './fixture.ts'
import { appTokenOf, directoryOf, manager, sessionOf, signInApi } from './people.ts'

const planted = 'eyJhbGciOiJSUzI1NiJ9.eyJwbGFudGVkIjoic2VjcmV0In0.cGxhbnRlZC1zZWNyZXQtc2lnbmF0dXJl'

test('a token stands in no answer, no log line and no record, whatever goes wrong', async () => {
  const state = world()
  const lines: string[] = []
  state.logged = createLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } })
  const directory = directoryOf(state)
  directory.answer = () => Promise.reject(new Error(`connect failed with Bearer ${planted}`))
  const { app } = await signInApi(state, directory)
  const appToken = await appTokenOf(manager)
  const answers = [
    await app.inject({ method: 'POST', url: '/api/v1/session', payload: { appToken, accessToken: planted } }),
    await app.inject({ method: 'POST', url: '/api/v1/session', payload: { appToken: planted, accessToken: planted } }),
    await app.inject({ method: 'POST', url: '/api/v1/session', payload: { appToken: [planted], accessToken: planted, [planted]: 1 } }),
    await app.inject({ method: 'POST', url: '/api/v1/session', headers: { 'content-type': 'application/json' }, payload: `{"${planted}` }),
    await app.inject({ url: '/api/v1/pools', headers: { authorization: `Bearer ${planted}` } }),
  ]
  directory.answer = undefined
  const headers = { ...(await sessionOf(app, manager)), 'x-azure-devops-token': planted }
  answers.push(await app.inject({ method: 'POST', url: '/api/v1/pools', headers, payload: { scaleSetId, poolName: 'linux' } }))
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([500, 401, 400, 400, 401, 401])
  expect(lines.join()).toContain('A request failed.')
  const left = JSON.stringify([
    answers.map(({ body, headers: sent }) => [body, sent]),
    lines,
    [...state.records],
    state.changes,
    state.told,
  ])
  for (const secret of [planted, planted.split('.')[2]!, appToken, appToken.split('.')[2]!]) expect(left).not.toContain(secret)
})
