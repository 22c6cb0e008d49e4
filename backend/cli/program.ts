/** The command line: which commands there are and what each may be told. The work is in one file per command. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { createClock } from '../adapters/clock.ts'
import { scrub } from '../adapters/scrub.ts'
import { allowsColour, describeProblems, readClientEnvironment, readEnvironment } from '../environment.ts'
import { createClient, type Client } from './client.ts'
import { readAddress, readOperatorKey } from './data-directory.ts'
import type { DemoOptions } from './demo.ts'
import { doctor } from './doctor.ts'
import { parseDuration } from './duration.ts'
import { events } from './events.ts'
import { asFailure, exitCodes, Failure, type ExitCode } from './exit.ts'
import { createIo, type Io } from './io.ts'
import { confirmPool, createPool, deletePool, listPools, orderPool, setPool } from './pool.ts'
import { count, settingsFrom, withDemoSettings, withSettings } from './settings-options.ts'
import { status } from './status.ts'
import type { Surroundings } from './surroundings.ts'
import { subjectOf, why } from './why.ts'

/** Runs one command to its end. Every failure is one sentence on stderr. */
export async function runProgram(args: readonly string[], around: Surroundings): Promise<ExitCode> {
  let result: ExitCode = exitCodes.ok
  const program = commands(around, (code) => (result = code))
  try {
    await program.parseAsync([...args], { from: 'user' })
    return result
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    const failure = asFailure(error)
    around.err(`${scrub(failure.message)}\n`)
    if (failure.exitCode === exitCodes.internal && error instanceof Error) around.err(`${scrub(error.stack ?? '')}\n`)
    return failure.exitCode
  }
}

type Finish = (code: ExitCode) => void

function commands(around: Surroundings, finish: Finish): Command {
  const program = new Command('scale-set-agents')
    .description(
      'Azure Pipelines agents on Azure Virtual Machine Scale Sets that grow with the queue, shrink when it is empty, and explain every step.',
    )
    .version(around.version)
    .exitOverride()
    .configureOutput({ writeOut: around.out, writeErr: around.err })
    .showHelpAfterError('See scale-set-agents --help.')
    .helpCommand(false)
  addService(program, around, finish)
  addQuestions(program, around, finish)
  addPools(program, around, finish)
  addAudit(program, around, finish)
  for (const command of program.commands) inherit(command, program)
  return program
}

function addService(program: Command, around: Surroundings, finish: Finish): void {
  program
    .command('serve')
    .description('run the service (configured by the environment or a file, see docs/configuration.md)')
    .option('--config <file>', 'JSON file with the settings')
    .option('--data <dir>', 'directory for the database and the operator key')
    .option('--port <n>', 'port to listen on; 0 takes a free one', port)
    .option('--json', 'as everywhere; the log is JSON anyway')
    .action(async (options: { readonly config?: string; readonly data?: string; readonly port?: number }) => {
      const { serve } = await import('./serve.ts')
      finish(await serve({ ...options, ...around }))
    })
  withDemoSettings(program.command('demo'))
    .description('watch a pool live: sandbox and service on this computer under a recorded day of CI')
    .option('--trace <file>', 'job arrivals to replay (CSV: queued_at, duration_s in seconds)')
    .option('--from <time>', "where in the trace to begin, such as 40d7h (default: the trace's busiest hours)", span)
    .option('--for <time>', 'how long to replay, in world time, such as 30m, 2h, 1d (default: until Ctrl-C or the end)', span)
    .option('--speed <n>', 'world seconds in a real second; lowered where the service cannot keep up', speed, 60)
    .option('--faults <names>', 'faults of the sandbox to switch on, separated by commas', (text: string) => text.split(','))
    .option('--seed <n>', 'makes the chances of the sandbox repeatable', count, 1)
    .option('--port <n>', 'port of the service; 0 takes a free one', port, 0)
    .option('--data <dir>', 'keep the data here (default: a temporary directory, removed at the end)')
    .option('--headless', 'no live view: one line for each change')
    .addOption(new Option('--json', 'one JSON summary at the end and nothing else on stdout').implies({ headless: true }))
    .action(async (options: Omit<DemoOptions, 'settings'> & Pick<Asked, 'max' | 'standby' | 'tearDown'>) => {
      const { demo } = await import('./demo.ts')
      finish(await demo({ ...options, settings: settingsFrom(options) }, around))
    })
  program
    .command('sandbox')
    .description('run only the sandbox: Azure DevOps and Azure on this computer, for any client')
    .option('--speed <n>', 'world seconds in a real second', speed, 1)
    .option('--seed <n>', 'makes its chances repeatable', count, 1)
    .option('--port <n>', 'port to listen on; 0 takes a free one', port, 0)
    .option('--data <dir>', 'keep its certificates and credentials here (default: a temporary directory, removed at the end)')
    .option('--json', 'the addresses as JSON')
    .action(
      async (options: {
        readonly speed: number
        readonly seed: number
        readonly port: number
        readonly data?: string
        readonly json?: boolean
      }) => {
        const { sandbox } = await import('./sandbox.ts')
        finish(await sandbox({ ...options, packageFolder: around.packageFolder, stop: around.stop }, ioOf(around, options.json)))
      },
    )
}

function addAudit(program: Command, around: Surroundings, finish: Finish): void {
  program
    .command('audit')
    .description(
      'check what a run left behind against the invariants S1 to S15, and the records of what people changed, without the service; exit 1 when one is broken',
    )
    .requiredOption('--data <dir>', 'data directory of a service or a demo')
    .option('--head <hash>', 'hash of a record that the log of the service named: it has to be there still')
    .option('--json', 'the verdicts as JSON')
    .action(async ({ data, head, json }: { readonly data: string; readonly head?: string; readonly json?: boolean }) => {
      const { audit } = await import('./audit.ts')
      // With the settings of a service on PostgreSQL around, its records are read there.
      const databaseUrl = readEnvironment(around.env, { data }).configuration?.databaseUrl
      finish(await audit(data, { ...(head && { head }), ...(databaseUrl && { databaseUrl }) }, ioOf(around, json)))
    })
}

function addQuestions(program: Command, around: Surroundings, finish: Finish): void {
  asking(program.command('status'), around, finish, (client, io, options) => status(client, io, options.pool))
    .description('all pools, or one with its last decision')
    .option('--pool <name>', 'name or id of the pool')
  program.addCommand(
    asking(new Command('why'), around, finish, (client, io, options, first = '', second?: string) =>
      why(client, io, subjectOf(first, second), options.pool),
    )
      .description('why a job waits, or why a machine stays or leaves')
      .argument('<job|machine>', "request id of a job, name or instance id of a machine, or 'job' or 'machine' before it")
      .argument('[id]', "the id after 'job' or 'machine'")
      .option('--pool <name>', 'name or id of the pool'),
  )
  asking(program.command('doctor'), around, finish, (client, io, options) => doctor(client, io, options))
    .description('check the scale sets, each finding with its fix; exit 1 when one is not ready')
    .option('--pool <name>', 'check this pool only')
    .option('--scale-set <id>', 'check a scale set that has no pool yet')
  asking(program.command('events'), around, finish, (client, io, { pool, follow = false, top }) =>
    events(client, io, { follow, top: top ?? 20, ...(pool === undefined ? {} : { pool }) }, around.stop),
  )
    .description('what was done and why, newest last')
    .option('-f, --follow', 'go on with what comes')
    .option('--top <n>', 'how many of the past', count, 20)
    .option('--pool <name>', 'name or id of the pool')
}

const poolOrders = [
  ['pause', 'change nothing until it is resumed'],
  ['resume', 'go on after a pause'],
  ['try-again', 'try one machine now while growth pauses because machines do not start'],
] as const

function addPools(program: Command, around: Surroundings, finish: Finish): void {
  const pool = program.command('pool').description('list, create, change and delete pools')
  const add = (name: string, run: Run): Command => asking(pool.command(name), around, finish, run)
  add('list', (client, io) => listPools(client, io)).description('all pools')
  withSettings(add('create', (client, io, options, name = '') => createPool(client, io, creationOf(name, options))))
    .description('make a pool of agents on a scale set')
    .argument('<name>', 'name of the agent pool in Azure DevOps')
    .requiredOption('--scale-set <id>', 'Azure resource id of the scale set')
    .option('--project <name>', 'project that gets a queue for the pool')
    .option('--authorize-all-pipelines', 'let every pipeline of the project use it')
    .option('--existing-pool', 'take the agent pool of that name that exists already')
    .option('--replace-machines', 'confirm that machines now in the scale set are replaced')
  withSettings(add('set', (client, io, options, name = '') => setPool(client, io, name, settingsFrom(options))))
    .description('change settings; those not given stay. Without any: show them')
    .argument('<pool>', 'name or id')
  add('delete', (client, io, options, name = '') => deletePool(client, io, name, options.yes === true))
    .description('drain a pool, delete its machines and the agent pool')
    .argument('<pool>', 'name or id')
    .option('--yes', 'it is meant')
  add('confirm', (client, io, _, name = '', what = '') => confirmPool(client, io, name, what))
    .description('confirm what only a person may decide')
    .argument('<pool>', 'name or id')
    .addArgument(
      new Argument('<what>', 'replace: the machines found at creation; take-over: a claim that stands still').choices([
        'replace',
        'take-over',
      ]),
    )
  for (const [order, description] of poolOrders) {
    add(order, (client, io, _, name = '') => orderPool(client, io, name, order))
      .description(description)
      .argument('<pool>', 'name or id')
  }
}

type Asked = Parameters<typeof settingsFrom>[0] & {
  readonly json?: boolean
  readonly url?: string
  readonly data?: string
  readonly config?: string
  readonly pool?: string
  readonly scaleSet?: string
  readonly follow?: boolean
  readonly top?: number
  readonly yes?: boolean
  readonly project?: string
  readonly authorizeAllPipelines?: boolean
  readonly existingPool?: boolean
  readonly replaceMachines?: boolean
}
type Run = (client: Client, io: Io, options: Asked, ...arguments_: readonly string[]) => Promise<ExitCode>

/** A command that asks a running service. */
function asking(command: Command, around: Surroundings, finish: Finish, run: Run): Command {
  return command
    .option('--json', 'the answer as JSON')
    .option('--url <url>', 'address of the service (default: SCALE_SET_AGENTS_URL, or the service of the data directory)')
    .option('--data <dir>', "the service's data directory, which holds its address and operator key")
    .option('--config <file>', 'JSON file with the settings')
    .action(async (...given: readonly unknown[]) => {
      const options = command.opts<Asked>()
      const words = given
        .slice(0, command.registeredArguments.length)
        .filter((word) => word !== undefined)
        .map(String)
      finish(await run(clientOf(around, options), ioOf(around, options.json), options, ...words))
    })
}

function clientOf(around: Surroundings, options: Asked): Client {
  const overrides = {
    ...(options.url && { url: options.url }),
    ...(options.data && { data: options.data }),
    ...(options.config && { configFile: options.config }),
  }
  const { configuration, problems } = readClientEnvironment(around.env, overrides)
  if (configuration === undefined) throw new Failure(exitCodes.configuration, describeProblems(problems))
  const clock = createClock({ startAt: 0 })
  const address = {
    url: configuration.url ?? readAddress(configuration.data) ?? 'http://127.0.0.1:7200',
    operatorKey: configuration.operatorKey ?? readOperatorKey(configuration.data),
  }
  // A check of a scale set asks Azure a dozen questions.
  return createClient(address, around.fetch, () => clock.deadline(60_000, around.stop))
}

function ioOf(around: Surroundings, json: boolean | undefined): Io {
  return createIo(around, { json: json === true, colour: around.terminal !== undefined && allowsColour(around.env) })
}

function creationOf(poolName: string, options: Asked): Parameters<typeof createPool>[2] {
  const settings = settingsFrom(options)
  return {
    poolName,
    scaleSetId: options.scaleSet ?? '',
    ...(Object.keys(settings).length > 0 && { settings }),
    ...(options.project !== undefined && { project: options.project }),
    ...(options.authorizeAllPipelines && { authorizeAllPipelines: true }),
    ...(options.existingPool && { existingPool: true }),
    ...(options.replaceMachines && { replaceMachines: true }),
  }
}

/** Subcommands take over how the program ends and prints. */
function inherit(command: Command, from: Command): void {
  command.copyInheritedSettings(from)
  for (const inner of command.commands) inherit(inner, command)
}

function span(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError(`'${text}' is not a span of time; write it as 30m, 2h, 1h30m or 1d.`)
  return ms
}

function port(text: string): number {
  const value = count(text)
  if (value > 65_535) throw new InvalidArgumentError(`'${text}' is not a port; give a number from 0 to 65535.`)
  return value
}

function speed(text: string): number {
  const value = Number(text)
  if (!(value >= 1 && value <= 3_600)) throw new InvalidArgumentError(`'${text}' is not a speed; give a number from 1 to 3600.`)
  return value
}
