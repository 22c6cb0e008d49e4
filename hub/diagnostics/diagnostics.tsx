/** Everything that was done to the pool's machines, every error, and what waits for a person. */
import { Button } from 'azure-devops-ui/Button'
import { useState, type ReactElement } from 'react'
import type { LogView } from '../../backend/api/contract.ts'
import { Empty, Frame } from '../components/state.tsx'
import { valueOf } from '../use-resource.ts'
import { DiagnosticsBar, noFilter, type ShownFilter } from './diagnostics-bar.tsx'
import { shownEntries } from './entries.ts'
import { EntriesTable } from './entries-table.tsx'
import { EntryPanel } from './entry-panel.tsx'
import { ExportButtons } from './export-buttons.tsx'
import { FailuresCard } from './failures-card.tsx'
import { SavedCard } from './saved-card.tsx'
import { useLog } from './use-log.ts'

export default function Diagnostics({ poolId }: { readonly poolId: number }): ReactElement {
  const [filter, setFilter] = useState<ShownFilter>(noFilter)
  const [opened, open] = useState<LogView | undefined>()
  const log = useLog(poolId, filter)
  const loaded = valueOf(log.resource)?.rows ?? []
  // By the service's own clock: the browser's may be another.
  const sinceMs = filter.lastMs === 0 ? 0 : (loaded[0]?.atMs ?? 0) - filter.lastMs
  const shown = shownEntries(loaded, { ...filter, sinceMs })
  return (
    <div className="hub-stack">
      <SavedCard poolId={poolId} />
      <FailuresCard entries={loaded} />
      <DiagnosticsBar filter={filter} onFilter={setFilter} live={log.live}>
        <ExportButtons poolId={poolId} filter={{ ...filter, sinceMs }} />
      </DiagnosticsBar>
      <Frame
        what="the entries"
        resource={log.resource}
        again={log.again}
        empty={<Empty title="No entries" text={emptyText(filter)} iconName="History" />}
      >
        {({ next }) => (
          <>
            {shown.length === 0 ? (
              <Empty title="No such entry" text={`None of the newest ${loaded.length} entries fits the filter.`} iconName="Filter" />
            ) : (
              <EntriesTable entries={shown} onOpen={open} />
            )}
            <div className="hub-row">
              {next !== undefined && <Button text="Look further back" disabled={log.olderAction.busy} onClick={log.older} />}
              <span className="secondary-text">
                {log.olderAction.failure?.message ?? `${shown.length} shown of the newest ${loaded.length} entries.`}
              </span>
            </div>
          </>
        )}
      </Frame>
      {opened !== undefined && <EntryPanel entry={opened} onClose={() => open(undefined)} />}
    </div>
  )
}

function emptyText({ level, machine }: ShownFilter): string {
  return level === '' && machine === '' ? 'Nothing was done to a machine of this pool yet.' : 'No entry has this level and machine.'
}
