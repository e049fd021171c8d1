// The linter enforces the walls between the rooms of src (see docs/map.md): which room may import which, and which files
// may use timers, the clock, random numbers and the process. test/repo/walls.test.ts plants a violation of each rule.
import js from '@eslint/js'
import tseslint from 'typescript-eslint'

const message = 'This room may not import that: see the walls in docs/map.md.'

const walls = (...regexes) => ({
  'no-restricted-imports': ['error', { patterns: regexes.map((regex) => ({ regex, message })) }],
})

/** A room may import only from its own folder and from what is allowed here. */
const room = (files, ...allowed) => ({
  files,
  rules: walls(`^(?!\\./)(?!${['$^', ...allowed].join('|')})`),
})

/** Files above the rooms may import any room, but not the files above themselves. */
const aboveRooms = (files, above, ...allowed) => ({
  files,
  rules: walls(`^(?!\\./)(?!${['$^', ...allowed].join('|')})`, above),
})

const LANE = '(?:\\.\\./)+lane/'
const TIME = '(?:\\.\\./)+time/clock\\.ts'
const EVENTS = '\\.\\./observe/events\\.ts'
const REPLY = '\\.\\./reply/'
const HEADERS = '\\.\\./upstream/headers\\.ts'
const NODE = 'node:'

const NO_TIME_NO_PROCESS = [
  ...[
    'Date',
    'performance',
    'setTimeout',
    'setInterval',
    'setImmediate',
    'queueMicrotask',
    'process',
    'crypto',
    'globalThis',
  ].map((name) => ({
    name,
    message: 'The core gets time as nowMs and must not use the process.',
  })),
]

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] } } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'TSEnumDeclaration', message: 'A union of words instead of an enum.' },
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels.' },
      ],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 4 }],
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'Time comes through time/clock.ts.' },
        { name: 'setInterval', message: 'Time comes through time/clock.ts.' },
        { name: 'setImmediate', message: 'Time comes through time/clock.ts.' },
        { name: 'performance', message: 'Time comes through time/clock.ts.' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'Only main.ts ends the process.' },
        { object: 'Date', property: 'now', message: 'Time comes through time/clock.ts.' },
      ],
    },
  },
  {
    files: ['src/time/system.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off' },
  },
  { files: ['src/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['src/lane/**/*.ts', 'src/time/clock.ts'],
    rules: {
      'no-restricted-globals': ['error', ...NO_TIME_NO_PROCESS],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'The core gets random numbers as arguments.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: ':function[async=true]', message: 'The core is synchronous.' },
        { selector: 'AwaitExpression', message: 'The core is synchronous.' },
        { selector: 'ImportExpression', message: 'The core imports its own room only.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels.' },
        { selector: 'TSEnumDeclaration', message: 'A union of words instead of an enum.' },
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
      ],
    },
  },
  room(['src/lane/*.ts', 'src/time/clock.ts']),
  room(['src/lane/limit/*.ts'], '\\.\\./(?:reason|sample|settings|lease)\\.ts'),
  room(['src/time/system.ts']),
  room(['src/upstream/*.ts'], NODE, 'undici', TIME, LANE),
  room(
    [
      'src/route/*.ts',
      'src/reply/*.ts',
      'src/upstream/fault.ts',
      'src/upstream/headers.ts',
      'src/upstream/outcome.ts',
      'src/upstream/pushback.ts',
    ],
    LANE,
  ),
  room(['src/config/*.ts'], LANE, 'zod', 'yaml', NODE),
  room(['src/config/schema.ts'], LANE, 'zod'),
  room(['src/config/keys/*.ts'], LANE, 'zod', '\\.\\./[^/]+$'),
  room(['src/config/match.ts', 'src/config/claims.ts'], LANE, '\\.\\./route/normal-(?:path|host)\\.ts'),
  room(['src/observe/{events,internal-error}.ts'], LANE),
  room(
    ['src/observe/{connections,dead-zone,lane-json,log,metric-rows,metrics,narrate,sampled,totals}.ts'],
    LANE,
    TIME,
    'pino',
    '@prometheus-io/client',
    NODE,
  ),
  room(['src/observe/watch.ts'], LANE, TIME, REPLY, NODE),
  room(['src/gate/*.ts'], LANE, TIME, EVENTS),
  room(['src/fleet/*.ts'], TIME, EVENTS),
  room(['src/fleet/redis.ts'], TIME, NODE, '@redis/client'),
  room(['src/fleet/postgres.ts'], TIME, NODE, 'postgres$'),
  room(['src/listen/*.ts'], NODE, LANE, TIME, REPLY, 'zod'),
  room(['src/mcp/*.ts'], LANE, HEADERS),
  room(['src/mcp/read-scheduler.ts'], LANE, HEADERS, TIME),
  room(['src/mcp/answer-form.ts'], LANE, HEADERS, '\\.\\./reply/refuse-mcp\\.ts'),
  aboveRooms(
    ['src/tools/*.ts'],
    '^\\.\\./(?:main|sidecar|pipeline|cli/|call/|capacity/)',
    '\\.\\./(?!\\.\\./)',
    NODE,
    'undici',
  ),
  aboveRooms(
    ['src/capacity/*.ts'],
    '^\\.\\./(?:main|sidecar|pipeline|cli/|call/)',
    '\\.\\./(?!\\.\\./)',
    NODE,
  ),
  aboveRooms(['src/call/*.ts'], '^\\.\\./(?:main|sidecar|pipeline|cli/)', '\\.\\./(?!\\.\\./)', NODE),
  aboveRooms(['src/pipeline.ts'], '^\\./(?:main|sidecar|cli/)'),
  aboveRooms(['src/sidecar.ts'], '^\\./(?:main|cli/)', NODE),
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'describe', 'it'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'off',
    },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
  { files: ['eslint.config.js'], rules: { 'no-restricted-syntax': 'off' } },
)
