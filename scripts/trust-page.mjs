/** docs/trust.md, from figures alone. */

/** `read` gives a file of the repository: invariants and limits are worded in one place. @throws Error when it is not there. */
export function pageOf(figures, read) {
  return `# Trust

Made by \`npm run trust\`, which runs each of these proofs and writes this page only when all of them hold. Nobody edits it.

${placeOf(figures.machine)}

## Figures

| proof | how much | what did not hold | again with |
| --- | --- | --- | --- |
${rowsOf(figures).join('\n')}

## Invariants

Every soak, crash and kill is judged by them. A judge that cannot fail proves nothing, so the service is also broken on purpose, once for each
invariant, and each of these has to be noticed.

| | holds | the service that breaks it |
| --- | --- | --- |
${invariantsOf(read('docs/architecture.md'), figures.sabotage).join('\n')}

Who holds them, and how: [architecture.md](architecture.md#invariants).

## Never tried on real Azure, and other limits

${limitsOf(read('README.md'))}
`
}

function placeOf({ date, cores, memoryGb, node, system }) {
  return `Made on ${date} with ${cores} cores, ${memoryGb} GB of memory, Node ${node.replace('v', '')}, ${system}.`
}

function rowsOf({ soak, sabotage, crash, kill, fuzz, tests, mutation }) {
  const broken = Object.values(sabotage)
  const { routes, roles, cases } = tests.rights
  return [
    [
      'a swarm of lives in virtual time',
      `${n(soak.seeds)} seeds and ${n(soak.regressions)} that once failed, ${n(soak.simulatedHours)} hours at ${n(soak.speedup)} × real time on each core: ` +
        `${n(soak.decisions)} decisions, ${n(sum(soak.counts.actions))} actions, ${n(soak.jobs)} jobs, ${n(soak.removals)} removals, ${n(sum(soak.counts.faults))} faults`,
      `${soak.violations} violations`,
      'soak -- --seeds 300 --hours 4 --json',
    ],
    [
      'services broken on purpose',
      `${broken.length}, each hunted over at most 50 seeds`,
      `${broken.length - broken.filter(({ caught }) => caught).length} not caught; the last one was by seed ${Math.max(...broken.map(({ after }) => after))}`,
      'soak -- --sabotage --json',
    ],
    [
      'a death at every boundary',
      `${n(crash.boundaries)} boundaries in ${crash.scripts} recorded runs, ${n(crash.cases)} cases, ${n(crash.simulatedHours)} hours`,
      `${crash.violations} violations`,
      'crash -- --json',
    ],
    [
      'the real service killed under load',
      `${n(kill.kills)} kills, ${n(kill.acknowledged.settings + kill.acknowledged.entries)} answers that had to be kept, ${n(kill.calls)} changes asked for`,
      `${kill.lost.length} lost, ${kill.busyKills} busy kills, ${kill.doubleEffects} double effects`,
      'kill -- --times 200 --json',
    ],
    [
      "forged proofs of a machine's identity",
      `${n(fuzz.mutations)} mutations refused, for ${Object.keys(fuzz.reasons).length} reasons`,
      `${fuzz.accepted} accepted, ${fuzz.crashes} crashes`,
      'fuzz:claim -- --json',
    ],
    [
      'who may call what',
      `${n(routes)} routes × ${n(roles)} credentials, for the own pool and another one: ${n(cases)} answers`,
      '0 other than they must be',
      'test -- test/api/rights',
    ],
    ['disasters of others, replayed', `${n(tests.passed.incidents)} tests`, '0 failed', 'test -- test/incidents'],
    ['two and more services', `${n(tests.passed.replicas)} tests with real processes on PostgreSQL`, '0 failed', 'test -- test/replicas'],
    [
      '[security checklist](security-checklist.md)',
      `${n(tests.passed.security)} tests of its own folder`,
      '0 failed',
      'test -- test/security',
    ],
    mutationRow(mutation),
  ].map(([proof, size, result, command]) => `| ${proof} | ${size} | ${result} | \`npm run ${command}\` |`)
}

function mutationRow(mutation) {
  const again = ['mutations of the decision', 'mutation']
  if (mutation === undefined) return [again[0], 'not run here', 'not known', again[1]]
  const { date, caught, mutants } = mutation
  return [again[0], `${n(mutants)} mutants on ${date}`, `${n(mutants - caught)} not noticed (${percent(caught, mutants)} % were)`, again[1]]
}

/** Rows of the table, in its words. */
function invariantsOf(architecture, sabotage) {
  const rows = [...architecture.matchAll(/^\| (S\d+) \| (.*?) \|/gm)]
  if (rows.length === 0) throw new Error('invariants failed: docs/architecture.md has no table of them. Nothing was written.')
  return rows.map(([, name, holds]) => {
    const found = sabotage[name]
    if (found === undefined) throw new Error(`invariants failed: no service is broken for ${name}. Nothing was written.`)
    return `| ${name} | ${holds} | noticed by seed ${found.seed}: ${found.detail.replaceAll('|', '\\|')} |`
  })
}

/** The list of the README; its links lead from another folder here. */
function limitsOf(readme) {
  const list = /^## Limits\n+([\s\S]*?)\n*(?=^## )/m.exec(readme)?.[1]
  if (list === undefined) throw new Error('limits failed: README.md has no section of them. Nothing was written.')
  return list.replace(/\]\((?!https?:)(#?)/g, (_link, anchor) => (anchor === '#' ? '](../README.md#' : '](../'))
}

function sum(counts) {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function percent(part, whole) {
  return Math.round((1000 * part) / Math.max(1, whole)) / 10
}

function n(count) {
  return count.toLocaleString('en-US')
}
