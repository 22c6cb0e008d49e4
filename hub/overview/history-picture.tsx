/** The picture: machines stacked by state, what was wanted as a line over them, and under them the waiting jobs and how long they waited. */
import { scaleLinear, scaleTime } from 'd3-scale'
import { area, curveLinear, curveStepAfter, line } from 'd3-shape'
import type { ReactElement } from 'react'
import type { PassView } from '../../backend/api/contract.ts'
import { instantText } from '../clock.ts'
import { shortTime } from '../components/instants.ts'
import { layersOf, pointsOf, type Layer, type Point } from './history-points.ts'

const width = 960
const left = 40
const machines = { top: 20, bottom: 186 }
const jobs = { top: 216, bottom: 288 }
const waits = { top: 318, bottom: 390 }
const height = 414
const minuteMs = 60_000

export function HistoryPicture({ passes }: { readonly passes: readonly PassView[] }): ReactElement {
  const points = pointsOf(passes)
  const layers = layersOf(points)
  const times = points.map(({ atMs }) => atMs)
  const x = scaleTime()
    // A clock that was set back makes the first pass not the earliest.
    .domain([Math.min(...times), Math.max(...times)])
    .range([left, width - 8])
  const y = scaleLinear()
    .domain([0, Math.max(1, ...points.map(({ total, wanted }) => Math.max(total, wanted)))])
    .nice()
    .range([machines.bottom, machines.top])
  const waiting = scaleLinear()
    .domain([0, Math.max(1, ...points.map(({ counts }) => counts.waiting))])
    .nice()
    .range([jobs.bottom, jobs.top])
  const longest = scaleLinear()
    .domain([0, Math.max(1, ...points.map(({ longestWaitMs }) => longestWaitMs / minuteMs))])
    .nice()
    .range([waits.bottom, waits.top])
  const ticks = x.ticks(6).map((at) => at.valueOf())
  return (
    <figure className="hub-picture">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={summaryOf(points)}>
        <Axis scale={y} label="Machines" from={machines.top} />
        {layers.map((layer) => (
          <path key={layer.group} className={`hub-area hub-stage-${layer.group}`} d={areaOf(layer, points, x, y)} />
        ))}
        <path className="hub-line" d={lineOf(points, x, (point) => y(point.wanted))} />
        <Axis scale={waiting} label="Jobs waiting" from={jobs.top} />
        <path className="hub-line hub-line-waiting" d={lineOf(points, x, (point) => waiting(point.counts.waiting))} />
        <Axis scale={longest} label="Longest wait, minutes" from={waits.top} />
        <path
          className="hub-line hub-line-waiting"
          d={lineOf(points, x, (point) => longest(point.longestWaitMs / minuteMs), curveLinear)}
        />
        {ticks.map((at) => (
          <text key={at} className="hub-tick" x={x(at)} y={height - 4} textAnchor={x(at) > width - 40 ? 'end' : 'middle'}>
            {shortTime(at, at)}
          </text>
        ))}
      </svg>
      <Keys layers={layers} />
    </figure>
  )
}

type X = ReturnType<typeof scaleTime<number>>
type Y = ReturnType<typeof scaleLinear<number>>

function areaOf({ spans }: Layer, points: readonly Point[], x: X, y: Y): string {
  const draw = area<Layer['spans'][number]>()
    .x((_, index) => x(points[index]?.atMs ?? 0))
    .y0(({ from }) => y(from))
    .y1(({ to }) => y(to))
    .curve(curveStepAfter)
  return draw([...spans]) ?? ''
}

function lineOf(points: readonly Point[], x: X, y: (point: Point) => number, curve = curveStepAfter): string {
  const draw = line<Point>()
    .x(({ atMs }) => x(atMs))
    .y(y)
    .curve(curve)
  return draw([...points]) ?? ''
}

function Axis({ scale, label, from }: { readonly scale: Y; readonly label: string; readonly from: number }): ReactElement {
  return (
    <g>
      {scale
        .ticks(4)
        .filter(Number.isInteger)
        .map((value) => (
          <g key={value}>
            <line className="hub-grid" x1={left} x2={width - 8} y1={scale(value)} y2={scale(value)} />
            <text className="hub-tick" x={left - 6} y={scale(value) + 4} textAnchor="end">
              {value}
            </text>
          </g>
        ))}
      <text className="hub-tick" x={left} y={from - 8}>
        {label}
      </text>
    </g>
  )
}

function Keys({ layers }: { readonly layers: readonly Layer[] }): ReactElement {
  return (
    <figcaption>
      <ul className="hub-legend">
        {layers.map(({ group, name }) => (
          <li key={group}>
            <span className={`hub-swatch hub-stage-${group}`} aria-hidden="true" />
            {name}
          </li>
        ))}
        <li>
          <span className="hub-key-line" aria-hidden="true" />
          wanted
        </li>
      </ul>
    </figcaption>
  )
}

function summaryOf(points: readonly Point[]): string {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return 'No pass.'
  const most = (of: (point: Point) => number): number => Math.max(...points.map(of))
  return `Machines, waiting jobs and their waits from ${instantText(first.atMs)} to ${instantText(last.atMs)}: at most ${most(({ total }) => total)} machines and ${most(({ counts }) => counts.waiting)} jobs waiting, the longest for ${Math.round(most(({ longestWaitMs }) => longestWaitMs) / minuteMs)} minutes; now ${last.total} machines and ${last.counts.waiting} jobs waiting. The table has every value.`
}
