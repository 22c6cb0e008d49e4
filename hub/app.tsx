/** The hub: connects to the service that the organization keeps, and shows the page that the address names. */
import { Surface, SurfaceBackground } from 'azure-devops-ui/Surface'
import { Header, TitleSize } from 'azure-devops-ui/Header'
import { Page } from 'azure-devops-ui/Page'
import { Button } from 'azure-devops-ui/Button'
import { lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, type ReactElement } from 'react'
import { failed, thrownText, type Answer } from './answer.ts'
import type { SessionView } from '../backend/api/contract-sign-in.ts'
import { createClient } from './client.ts'
import { browserClock } from './clock.ts'
import { Announcer, useAnnouncer } from './components/announcer.tsx'
import { ConfirmDialog } from './components/confirm.tsx'
import { Frame, Loading } from './components/state.tsx'
import { HubContext, type Hub, type LeaveQuestion } from './context.ts'
import { misfitOf } from './first-run/checks.ts'
import { FirstRun } from './first-run/first-run.tsx'
import type { Host } from './host.ts'
import { PoolPage } from './overview/pool-page.tsx'
import { PoolsPage } from './pools/pools-page.tsx'
import type { Route } from './route.ts'
import { createService, type Service } from './service.ts'
import { useResource, valueOf } from './use-resource.ts'

/** Rights are asked for again about as often as the service's own answer lives. */
const sessionEveryMs = 50_000

export function App({ host }: { readonly host: Host }): ReactElement {
  const kept = useResource({ key: 'address', read: () => keptAddress(host) })
  const [changed, setChanged] = useState<string | undefined>()
  const moves = useMoves(host)
  return (
    <Surface background={SurfaceBackground.neutral}>
      <Page className="hub-page flex-grow">
        <main className="hub-main">
          <Frame what="the connection" resource={kept.resource} again={kept.again}>
            {(address) => {
              const present = changed ?? address
              if (present === '' || moves.route?.page === 'connect') {
                return (
                  <FirstRun
                    host={host}
                    address={present}
                    {...(present === '' ? {} : { onBack: () => moves.go({ page: 'pools' }) })}
                    onConnected={(next) => {
                      setChanged(next)
                      moves.go({ page: 'pools' })
                    }}
                  />
                )
              }
              return moves.route === undefined ? <></> : <Connected key={present} host={host} address={present} moves={moves} />
            }}
          </Frame>
        </main>
      </Page>
    </Surface>
  )
}

async function keptAddress(host: Host): Promise<Answer<string>> {
  try {
    return { ok: true, value: (await host.serviceAddress()) ?? '' }
  } catch (error) {
    return failed('unavailable', `Azure DevOps did not give the address that this organization keeps: ${thrownText(error)}. Try again.`)
  }
}

type Moves = Pick<Hub, 'go' | 'guard'> & {
  /** Undefined until the host has said it. */
  readonly route: Route | undefined
  /** Asks whether what is not saved may be lost. */
  readonly question: ReactElement
}

/** The page that the host's address names, also after back and forward. A form with unsaved changes is left only after a question. */
function useMoves(host: Host): Moves {
  const [route, setRoute] = useState<Route | undefined>()
  const [wanted, setWanted] = useState<Route | undefined>()
  const lost = useRef<LeaveQuestion | undefined>()
  const present = useRef<Route | undefined>()
  present.current = route
  useEffect(() => {
    const arrive = (next: Route): void => {
      if (lost.current === undefined || present.current === undefined) return setRoute(next)
      // The address goes back to the form that is still shown.
      host.go(present.current)
      setWanted(next)
    }
    const read = (): void => void host.route().then(arrive, () => arrive({ page: 'pools' }))
    read()
    host.onMoved(read)
  }, [host])
  const leave = useCallback(
    (next: Route) => {
      lost.current = undefined
      setWanted(undefined)
      host.go(next)
      setRoute(next)
    },
    [host],
  )
  return {
    route,
    go: useCallback((next) => (lost.current === undefined ? leave(next) : setWanted(next)), [leave]),
    guard: useCallback((question) => void (lost.current = question), []),
    question: <Question text={lost.current} wanted={wanted} onStay={() => setWanted(undefined)} onLeave={leave} />,
  }
}

type QuestionProps = {
  readonly text: LeaveQuestion | undefined
  readonly wanted: Route | undefined
  readonly onStay: () => void
  readonly onLeave: (route: Route) => void
}

function Question({ text, wanted, onStay, onLeave }: QuestionProps): ReactElement {
  if (wanted === undefined || text === undefined) return <></>
  return <ConfirmDialog title="Leave without saving?" text={text} confirm="Leave" onCancel={onStay} onConfirm={() => onLeave(wanted)} />
}

type ConnectedProps = { readonly host: Host; readonly address: string; readonly moves: Moves }

function Connected({ host, address, moves }: ConnectedProps): ReactElement {
  const service = useMemo(() => createService(createClient({ address, tokens: host, clock: browserClock })), [address, host])
  const session = useResource({ key: address, everyMs: sessionEveryMs, read: () => fittingSession(service) })
  const { again } = session
  const renew = useCallback(() => {
    service.renew()
    again()
  }, [service, again])
  const wayOut = <Button text="Change the connection" onClick={() => moves.go({ page: 'connect' })} />
  return (
    <>
      {valueOf(session.resource) === undefined && <Header title="Scale set agents" titleSize={TitleSize.Large} titleAriaLevel={1} />}
      <Frame what="the pools" resource={session.resource} again={session.again} wayOut={wayOut}>
        {(present) => <Pages host={host} service={service} session={present} moves={moves} renew={renew} />}
      </Frame>
    </>
  )
}

/** A service of another version is named before its answers are misread, also when it changes while the page is open. */
async function fittingSession(service: Service): Promise<Answer<SessionView>> {
  const [info, session] = await Promise.all([service.info(), service.session()])
  const misfit = info.ok ? misfitOf(info.value) : undefined
  return misfit === undefined ? session : failed('strange', `${misfit.text} ${misfit.fix}`)
}

type PagesProps = {
  readonly host: Host
  readonly service: Service
  readonly session: SessionView
  readonly moves: Moves
  readonly renew: () => void
}

function Pages({ host, service, session, moves, renew }: PagesProps): ReactElement {
  const { news, say, dismiss } = useAnnouncer()
  const { go, guard, question } = moves
  const { pools, mayCreate } = session
  const hub = useMemo<Hub>(
    () => ({ service, rights: { pools, mayCreate }, go, guard, renew, say, hrefOf: host.hrefOf, native: host.native }),
    [service, pools, mayCreate, go, guard, renew, say, host],
  )
  return (
    <HubContext.Provider value={hub}>
      <PageOf route={moves.route ?? { page: 'pools' }} project={host.project} />
      <Announcer news={news} onDismiss={dismiss} />
      {question}
    </HubContext.Provider>
  )
}

const CreatePage = lazy(() => import(/* webpackChunkName: "create" */ './create/create-page.tsx'))

function PageOf({ route, project }: { readonly route: Route; readonly project: string | undefined }): ReactElement {
  if (route.page === 'pool') return <PoolPage key={route.poolId} poolId={route.poolId} tab={route.tab} />
  if (route.page !== 'create') return <PoolsPage />
  return (
    <Suspense fallback={<Loading what="the page" />}>
      <CreatePage {...(project === undefined ? {} : { project })} />
    </Suspense>
  )
}
