/** All pools that the person may use. */
import { Button } from 'azure-devops-ui/Button'
import { Header, TitleSize } from 'azure-devops-ui/Header'
import type { ReactElement } from 'react'
import { Empty, Frame } from '../components/state.tsx'
import { useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'
import { PoolsTable } from './pools-table.tsx'

const everyMs = 5_000

export function PoolsPage(): ReactElement {
  const { service, rights, go } = useHub()
  const { resource, again } = useResource({ key: 'pools', everyMs, read: service.pools, isEmpty: ({ pools }) => pools.length === 0 })
  const create = rights.mayCreate && (
    <Button primary text="New pool" iconProps={{ iconName: 'Add' }} onClick={() => go({ page: 'create' })} />
  )
  return (
    <>
      <Header
        title="Scale set agents"
        titleSize={TitleSize.Large}
        titleAriaLevel={1}
        description="Agent pools on Azure Virtual Machine Scale Sets that grow with the queue and shrink when it is empty."
        commandBarItems={[
          ...(rights.mayCreate
            ? [
                {
                  id: 'create',
                  text: 'New pool',
                  isPrimary: true,
                  important: true,
                  iconProps: { iconName: 'Add' },
                  onActivate: () => go({ page: 'create' }),
                },
              ]
            : []),
          { id: 'connection', text: 'Connection', iconProps: { iconName: 'PlugConnected' }, onActivate: () => go({ page: 'connect' }) },
        ]}
      />
      <div className="page-content page-content-top">
        <Frame
          what="the pools"
          resource={resource}
          again={again}
          empty={
            <Empty title="No pools yet" text={emptyText(rights.mayCreate)} iconName="Server">
              {create}
            </Empty>
          }
        >
          {({ pools }) => <PoolsTable pools={pools} again={again} />}
        </Frame>
      </div>
    </>
  )
}

function emptyText(mayCreate: boolean): string {
  return mayCreate
    ? 'A pool takes a scale set of yours and runs an agent on each of its machines.'
    : 'There is no pool that you may use. Somebody who may manage agent pools of the organization can create one.'
}
