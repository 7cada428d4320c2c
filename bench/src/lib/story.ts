import { parseArgs } from 'node:util';
import { machineAt } from './machine.ts';
import { type Findings, markdown, type Report } from './report.ts';

export interface StoryOptions {
  /** Shorter and coarser: to see that it runs. */
  readonly quick: boolean;
  /** Says on standard error what is under way. */
  readonly say: (what: string) => void;
}

export interface Story {
  /** As in `npm run bench -- NAME`. */
  readonly name: string;
  readonly title: string;
  readonly help: string;
  measure(options: StoryOptions): Promise<Findings>;
}

/** Runs a story as a command: reads its options, prints the report, exits 2 on wrong usage. */
export async function tell(story: Story): Promise<void> {
  const help = `${story.title}. ${story.help}\n\n  --quick   shorter and coarser\n  --json    the report as JSON on standard output\n  --help    this\n`;
  const options = read(help);
  if (options.help) return void process.stdout.write(help);
  const machine = machineAt();
  const findings = await story.measure({
    quick: options.quick,
    say: (what) => process.stderr.write(`${story.name}: ${what}\n`),
  });
  const command = `npm run bench -- ${story.name}${options.quick ? ' --quick' : ''}`;
  const report: Report = { story: story.name, title: story.title, command, machine: machine(), ...findings };
  process.stdout.write(
    options.json ? `${JSON.stringify(report, undefined, 1)}\n` : `\n${story.title}\n\n${markdown(report)}\n`,
  );
}

function read(help: string): { quick: boolean; json: boolean; help: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    return values as { quick: boolean; json: boolean; help: boolean };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${help}`);
    process.exit(2);
  }
}
