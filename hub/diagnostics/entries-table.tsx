/** The entries as rows; only those that are seen are drawn. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { useMemo, type ReactElement } from 'react'
import type { LogView } from '../../backend/api/contract.ts'
import { Clamped } from '../components/clamped.tsx'
import { DataTable, type Column } from '../components/data-table.tsx'
import { Time } from '../components/time.tsx'
import { Level } from './level.tsx'
import { operationNames } from './operations.ts'

const rowHeight = 48

type Props = { readonly entries: readonly LogView[]; readonly onOpen: (entry: LogView) => void }

export function EntriesTable({ entries, onOpen }: Props): ReactElement {
  const columns = useMemo<readonly Column<LogView>[]>(
    () => [
      { id: 'at', name: 'Time', width: 150, cell: ({ atMs }) => <Time atMs={atMs} /> },
      { id: 'level', name: 'Level', width: 95, cell: ({ level }) => <Level level={level} /> },
      { id: 'operation', name: 'Operation', width: 135, cell: ({ operation }) => operationNames[operation] },
      { id: 'machine', name: 'Machine', width: 115, cell: ({ machine }) => <span className="hub-wrap">{machine}</span> },
      {
        id: 'message',
        name: 'What happened',
        width: -90,
        minWidth: 180,
        cell: ({ message }) => <Clamped text={message} />,
      },
      { id: 'more', name: 'Details', width: 90, cell: (entry) => <Details entry={entry} onOpen={onOpen} /> },
    ],
    [onOpen],
  )
  return (
    <Card className="hub-card-table bolt-table-card" contentProps={{ contentPadding: false }}>
      <DataTable label="Diagnostics, newest first" columns={columns} rows={entries} rowHeight={rowHeight} />
    </Card>
  )
}

function Details({ entry, onOpen }: { readonly entry: LogView; readonly onOpen: (entry: LogView) => void }): ReactElement {
  return (
    <Button
      subtle
      className="hub-link-button"
      text={entry.raw === undefined ? 'Show' : 'Raw error'}
      ariaLabel={`Details of entry ${entry.id}`}
      onClick={() => onOpen(entry)}
    />
  )
}
