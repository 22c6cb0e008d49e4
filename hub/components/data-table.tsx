/** Rows in azure-devops-ui's table, which draws only those that are seen. */
import { ObservableValue } from 'azure-devops-ui/Core/Observable'
import { ColumnSorting, SimpleTableCell, SortOrder, Table, type ITableColumn } from 'azure-devops-ui/Table'
import { ArrayItemProvider } from 'azure-devops-ui/Utilities/Provider'
import { useMemo, type ReactElement, type ReactNode } from 'react'

export type Column<T> = {
  readonly id: string
  readonly name: string
  /** Pixels; below zero: a share of what is left. */
  readonly width: number
  readonly minWidth?: number
  readonly cell: (row: T) => ReactNode
  /** Rows may be put into the order of this column. */
  readonly sorted?: boolean
}

/** The column that gives the order, and whether the highest comes first. */
export type Order = { readonly by: string; readonly down: boolean }

type Props<T> = {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  /** Only rows that are seen are drawn, of about this height in pixels; absent: all are. */
  readonly rowHeight?: number
  readonly order?: Order
  readonly onOrder?: (order: Order) => void
}

export function DataTable<T extends object>({ label, columns, rows, rowHeight, order, onOrder }: Props<T>): ReactElement {
  const made = useMemo(() => columns.map((column) => tableColumn(column, order)), [columns, order])
  const provider = useMemo(() => new ArrayItemProvider([...rows]), [rows])
  const behaviors = useMemo(() => (onOrder === undefined ? [] : [sorting(columns, onOrder)]), [columns, onOrder])
  return (
    <Table<T>
      ariaLabel={label}
      role="table"
      columns={made}
      behaviors={behaviors}
      itemProvider={provider}
      virtualize={rowHeight !== undefined}
      {...(rowHeight === undefined ? {} : { rowHeight })}
      selectableText
      containerClassName="h-scroll-auto"
    />
  )
}

function sorting<T>(columns: readonly Column<T>[], onOrder: (order: Order) => void): ColumnSorting<T> {
  return new ColumnSorting<T>((index, proposed) => {
    const column = columns[index]
    if (column !== undefined) onOrder({ by: column.id, down: proposed === SortOrder.descending })
  })
}

function tableColumn<T>({ id, name, width, minWidth, cell, sorted = false }: Column<T>, order?: Order): ITableColumn<T> {
  return {
    id,
    name,
    width: new ObservableValue(width),
    ...(minWidth === undefined ? {} : { minWidth }),
    ...(sorted ? { sortProps: sortProps(id, order) } : {}),
    renderCell: (_, columnIndex, column, row) => (
      <SimpleTableCell key={id} columnIndex={columnIndex} tableColumn={column}>
        {cell(row)}
      </SimpleTableCell>
    ),
  }
}

function sortProps(id: string, order: Order | undefined): NonNullable<ITableColumn<unknown>['sortProps']> {
  return {
    ariaLabelAscending: 'Sorted from low to high',
    ariaLabelDescending: 'Sorted from high to low',
    ...(order?.by === id ? { sortOrder: order.down ? SortOrder.descending : SortOrder.ascending } : {}),
  }
}
