import tseslint from 'typescript-eslint'

const clock = 'Time, timers, ids and chance come from the Clock port (backend/loop/ports.ts).'
const hubClock = 'Time and timers of the hub come from hub/clock.ts.'
const environment = 'Only backend/environment.ts reads the environment.'

/** Section 4 of the design: what only the clock adapter and the sandbox may use. */
const bannedTime = {
  'no-restricted-globals': [
    'error',
    ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate'].map((name) => ({ name, message: clock })),
  ],
  'no-restricted-imports': [
    'error',
    {
      paths: [
        ...['node:timers', 'node:timers/promises', 'node:perf_hooks'].map((name) => ({ name, message: clock })),
        { name: 'node:crypto', importNames: ['randomUUID'], message: clock },
      ],
    },
  ],
}

const bannedTimeProperties = [
  { object: 'AbortSignal', property: 'timeout', message: clock },
  { object: 'Math', property: 'random', message: clock },
  { property: 'randomUUID', message: clock },
]

const bannedEnvironment = [{ object: 'process', property: 'env', message: environment }]

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'reports/', '.stryker-tmp/', 'test-output/'] },
  { linterOptions: { noInlineConfig: true } },
  {
    rules: {
      // `modified`: a switch over a union is one branch, however many members it has.
      complexity: ['error', { max: 11, variant: 'modified' }],
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      'max-lines-per-function': ['error', 60],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['backend/**/*.ts', 'hub/**/*.ts', 'hub/**/*.tsx'],
    rules: { ...bannedTime, 'no-restricted-properties': ['error', ...bannedTimeProperties, ...bannedEnvironment] },
  },
  {
    files: ['hub/**/*.ts', 'hub/**/*.tsx'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate'].map((name) => ({ name, message: hubClock })),
        ...['fetch', 'XMLHttpRequest', 'EventSource', 'WebSocket'].map((name) => ({
          name,
          message: 'Only hub/client.ts calls the service.',
        })),
        ...['localStorage', 'sessionStorage'].map((name) => ({
          name,
          message: 'Sessions stay in memory; the address is kept by the host.',
        })),
      ],
      'no-restricted-imports': ['error', { paths: [{ name: 'azure-devops-extension-sdk', message: 'Only hub/host.ts imports the SDK.' }] }],
      'no-restricted-syntax': [
        'error',
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: 'Names and messages are rendered as text only.' },
        { selector: 'MemberExpression[property.name=/^(innerHTML|outerHTML)$/]', message: 'Names and messages are rendered as text only.' },
      ],
    },
  },
  { files: ['hub/client.ts', 'hub/clock.ts'], rules: { 'no-restricted-globals': 'off' } },
  { files: ['hub/host.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['sandbox/**/*.ts'], rules: { 'no-restricted-properties': ['error', ...bannedEnvironment] } },
  {
    files: ['backend/adapters/clock.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-imports': 'off', 'no-restricted-properties': ['error', ...bannedEnvironment] },
  },
  { files: ['backend/environment.ts'], rules: { 'no-restricted-properties': ['error', ...bannedTimeProperties] } },
  {
    files: ['test/**/*.ts', 'test/**/*.tsx'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'max-lines-per-function': 'off' },
  },
)
