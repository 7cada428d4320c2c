import type { Command } from 'commander';

/** One or two calls of each command, by its words, as its help ends with them. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  up: ['ganglion up --demo', 'ganglion up --port 0 --memory'],
  node: [
    'ganglion node --tier cloud --name hq --data ./hq',
    'ganglion node --tier device --name till-7 --parent http://hq.example:7070 --port 0',
  ],
  proxy: [
    'ganglion proxy --backend a=http://10.0.0.1:8080 --backend b=http://10.0.0.2:8080 --listen 0.0.0.0:8080',
  ],
  'point apply': ['ganglion point apply checkout.yaml', 'cat points/*.yaml | ganglion point apply -'],
  'point list': ['ganglion point list'],
  'point get': ['ganglion point get checkout > checkout.yaml'],
  'point delete': ['ganglion point delete checkout --reason "replaced by basket"'],
  'point thaw': ['ganglion point thaw checkout --reason "labels are right again"'],
  'point reset': ['ganglion point reset checkout --reason "prices have changed"'],
  'point weigh': ['ganglion point weigh checkout complaint=-5 --reason "too many complaints"'],
  'model register': [
    'ganglion model register price v2 model.onnx --parent v1 --metric auc=0.91',
    'ganglion model register price v2 --digest $DIGEST',
  ],
  'model list': ['ganglion model list'],
  'model show': ['ganglion model show price'],
  'model promote': [
    'ganglion model promote price v2 --traffic 10% --reason "first users"',
    'ganglion model promote price v2 --reason "better for a week"',
  ],
  'model rollback': ['ganglion model rollback price --reason "wrong prices"'],
  'model retire': ['ganglion model retire price v3 --reason "no better"'],
  'model schedule': ['ganglion model schedule'],
  'model retrain': ['ganglion model retrain price --reason "the catalogue has changed" --wait'],
  decide: [
    'ganglion decide checkout --unit visitor-7 --field region=eu --field load=0.4',
    'ganglion decide checkout --context \'{"region":"eu"}\' --json',
  ],
  feedback: [
    'ganglion feedback ID --reward 1',
    'ganglion feedback ID --metric success=true --metric latencyMs=120',
  ],
  ingest: ['ganglion ingest events.ndjson', 'tail -n 100 clicks.ndjson | ganglion ingest'],
  kill: [
    'ganglion kill checkout --reason "serves wrong prices" --watch',
    'ganglion kill tier:device --reason "bad release"',
  ],
  revive: ['ganglion revive checkout --reason "prices are right again"'],
  'override set': [
    'ganglion override set checkout b --where region=eu --for 1h --reason "a is down in Europe"',
  ],
  'override remove': ['ganglion override remove checkout --reason "a is back"'],
  quarantine: [
    'ganglion quarantine till-7 --reason "sends nonsense"',
    'ganglion quarantine till-7 --lift --reason "repaired"',
  ],
  controls: ['ganglion controls --watch'],
  report: ['ganglion report checkout', 'ganglion report checkout --json'],
  nodes: ['ganglion nodes --watch'],
  audit: ['ganglion audit --limit 100'],
  evaluate: [
    'ganglion evaluate --data ./hq --point checkout --policy candidate.yaml',
    'ganglion evaluate --url http://hq.example:7070 --point checkout --policy candidate.yaml',
  ],
  replay: ['ganglion replay --data ./hq --point checkout --policy candidate.yaml'],
  'log export': ['ganglion log export --data ./hq --out ./log --since 7d'],
  'log compact': ['ganglion log compact ./log'],
  'log trim': ['ganglion log trim ./log --keep 90d'],
  'features get': ['ganglion features get user:ann --domain shop'],
  'features export': ['ganglion features export --data ./hq --out events.parquet'],
  'features join': [
    'ganglion features join --decisions ./log --events ./hq --point offer.yaml --out train.parquet',
    'ganglion features join --decisions ./log --values scores.parquet --out train.parquet',
  ],
  doctor: ['ganglion doctor', 'ganglion doctor --url http://hq.example:7070 --json'],
  completion: ['eval "$(ganglion completion bash)"'],
};

/** Ends the help of every command below `command` with its examples. @param words - those before it */
export function addExamples(command: Command, words: readonly string[] = []): void {
  const examples = EXAMPLES[words.join(' ')];
  if (examples !== undefined)
    command.addHelpText('after', ['', 'Examples:', ...examples.map((each) => `  $ ${each}`)].join('\n'));
  for (const each of command.commands) addExamples(each, [...words, each.name()]);
}
