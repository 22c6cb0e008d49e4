/** One pool: its name, its state, and its tabs. */
import { Button } from 'azure-devops-ui/Button'
import { Header, TitleSize } from 'azure-devops-ui/Header'
import { Tab, TabBar, TabSize } from 'azure-devops-ui/Tabs'
import { lazy, Suspense, type ReactElement } from 'react'
import type { PoolDetail } from '../../backend/api/contract.ts'
import { PoolState } from '../components/pool-state.tsx'
import { Frame, Loading } from '../components/state.tsx'
import { mayManage, useHub } from '../context.ts'
import { usePause } from '../pools/use-pause.ts'
import type { Tab as TabId } from '../route.ts'
import { useResource, valueOf } from '../use-resource.ts'
import { Overview } from './overview.tsx'

const everyMs = 4_000

const Agents = lazy(() => import(/* webpackChunkName: "agents" */ '../agents/agents.tsx'))
const Diagnostics = lazy(() => import(/* webpackChunkName: "diagnostics" */ '../diagnostics/diagnostics.tsx'))
const SettingsPage = lazy(() => import(/* webpackChunkName: "settings" */ '../settings/settings-page.tsx'))

type Props = { readonly poolId: number; readonly tab: TabId }

export function PoolPage({ poolId, tab }: Props): ReactElement {
  const { service, go } = useHub()
  const { resource, again } = useResource({ key: `pool ${poolId}`, everyMs, read: (signal) => service.detail(poolId, signal) })
  const detail = valueOf(resource)
  const wayOut = <Button text="All pools" onClick={() => go({ page: 'pools' })} />
  return (
    <>
      <PoolHeader poolId={poolId} name={'value' in resource ? resource.value.pool.name : `Pool ${poolId}`} detail={detail} again={again} />
      <TabBar tabSize={TabSize.Tall} selectedTabId={tab} onSelectedTabChanged={(next) => go({ page: 'pool', poolId, tab: next as TabId })}>
        <Tab id="overview" name="Overview" />
        <Tab id="agents" name="Agents" />
        <Tab id="diagnostics" name="Diagnostics" />
        <Tab id="settings" name="Settings" />
      </TabBar>
      <div className="page-content page-content-top">
        <Frame what="the pool" resource={resource} again={again} wayOut={wayOut} keepsForm={tab === 'settings'}>
          {(value) => (
            <Suspense fallback={<Loading what="the page" />}>
              <TabContent detail={value} tab={tab} again={again} />
            </Suspense>
          )}
        </Frame>
      </div>
    </>
  )
}

type ContentProps = { readonly detail: PoolDetail; readonly tab: TabId; readonly again: () => void }

function TabContent({ detail, tab, again }: ContentProps): ReactElement {
  switch (tab) {
    case 'overview':
      return <Overview detail={detail} again={again} />
    case 'agents':
      return <Agents detail={detail} />
    case 'diagnostics':
      return <Diagnostics poolId={detail.pool.poolId} />
    case 'settings':
      return <SettingsPage detail={detail} />
  }
}

type HeaderProps = {
  readonly poolId: number
  readonly name: string
  /** Undefined while it is not known, and when there is none any more. */
  readonly detail: PoolDetail | undefined
  readonly again: () => void
}

function PoolHeader({ poolId, name, detail, again }: HeaderProps): ReactElement {
  const { rights, go, native } = useHub()
  const { busy, toggle } = usePause({ poolId, paused: detail?.settings.paused === true }, again)
  const pausable = detail !== undefined && !detail.pool.deleting && mayManage(rights, poolId)
  return (
    <Header
      title={name}
      titleSize={TitleSize.Large}
      titleAriaLevel={1}
      description={detail && <PoolState pool={detail.pool} />}
      backButtonProps={{ ariaLabel: 'All pools', onClick: () => go({ page: 'pools' }) }}
      commandBarItems={[
        ...(pausable
          ? [
              {
                id: 'pause',
                text: detail.settings.paused ? 'Resume' : 'Pause',
                iconProps: { iconName: detail.settings.paused ? 'Play' : 'Pause' },
                disabled: busy,
                onActivate: toggle,
              },
            ]
          : []),
        {
          id: 'native',
          text: 'Agent pool in Azure DevOps',
          iconProps: { iconName: 'NavigateExternalInline' },
          href: native.pool(poolId),
          target: '_blank',
        },
      ]}
    />
  )
}
