/** The entries that the filter lets through, as a file; also those that the page has not read yet. */
import { Button } from 'azure-devops-ui/Button'
import type { ReactElement } from 'react'
import type { LogView } from '../../backend/api/contract.ts'
import type { Answer } from '../answer.ts'
import { counted } from '../components/more-or-less.ts'
import { saveFile } from '../components/save-file.ts'
import { useHub } from '../context.ts'
import { readNewest } from '../newest-first.ts'
import type { Service } from '../service.ts'
import { useAction } from '../use-action.ts'
import { csvOf, jsonOf, shownEntries, type EntryFilter } from './entries.ts'
import { pageOf, type LogQuery } from './use-log.ts'

type Props = { readonly poolId: number; readonly filter: EntryFilter & LogQuery }

/** Of 200 entries each: what a browser holds without trouble. */
const pagesMax = 100

const formats = [
  { name: 'CSV', type: 'text/csv', write: csvOf },
  { name: 'JSON', type: 'application/json', write: jsonOf },
] as const

export function ExportButtons({ poolId, filter }: Props): ReactElement {
  const { service, say } = useHub()
  const { busy, run } = useAction()
  const save = ({ name, type, write }: (typeof formats)[number]): void =>
    run(
      async () => ({ ok: true, value: await readAll(service, poolId, filter) }),
      (answer) => {
        if (!answer.ok) return say(answer.failure.message, 'error')
        saveFile(`pool-${poolId}-diagnostics.${name.toLowerCase()}`, type, write(answer.value))
        say(`${counted(answer.value.length, 'entry', 'entries')} exported as ${name}.`)
      },
    )
  return (
    <>
      {formats.map((format) => (
        <Button
          key={format.name}
          text={format.name}
          iconProps={{ iconName: 'Download' }}
          ariaLabel={`Export as ${format.name}`}
          disabled={busy}
          onClick={() => save(format)}
        />
      ))}
    </>
  )
}

async function readAll(service: Service, poolId: number, filter: EntryFilter & LogQuery): Promise<Answer<readonly LogView[]>> {
  const isEnough = ({ atMs }: LogView): boolean => atMs < filter.sinceMs
  const answer = await readNewest<LogView>(pageOf(service, poolId, filter), { rows: [] }, { pagesMax, isEnough })
  return answer.ok ? { ok: true, value: shownEntries(answer.value.rows, filter) } : answer
}
