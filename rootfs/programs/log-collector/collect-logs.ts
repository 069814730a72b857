import type { Device } from '../device.ts';
import { decodeText } from '../shared/decode-text.ts';
import { outputPipes } from '../shared/output-pipes.ts';
import { readEngineFile } from '../shared/read-engine-file.ts';
import { LineSplitter } from './line-splitter.ts';
import { type LogLimits, LogStore } from './log-store.ts';
import { RateLimit } from './rate-limit.ts';
import { type NewLine, readKernel, readOutput, readSyslog } from './read-sources.ts';

/** Where syslogd prints what came to /dev/log; made by the service's start script. */
export const syslogPipe = '/run/syslog';
const kernelLog = '/dev/kmsg';
/** The last record of the kernel's log that was written, and the boot's id; outlives the service, not the boot. */
const kernelMark = '/run/keelson/log/kernel-mark';

/** There while the pipes are read: run-service waits for it before it lets go of a service that ended early. */
const readingMark = '/run/keelson/log/reading';

/** What came without a newline is a line when nothing followed for so long. */
const restMs = 1000;
/** What is lost at most when the power goes; bad news are flushed at once. */
const flushMs = 5000;
const urgent: readonly string[] = ['emerg', 'alert', 'crit'];

interface Input {
  readonly path: string;
  read(text: string, at: number): NewLine;
  readonly splitter: LineSplitter;
  readonly limit: RateLimit;
}

/** `log-collector FILE_KIB FILES`: all that the machine says, to the log on the state partition. Goes on until SIGTERM. */
export function collectLogs(device: Device): void {
  const [fileKiB = '1024', files = '9'] = device.arguments;
  const limits: LogLimits = { fileBytes: Number(fileKiB) * 1024, files: Number(files) };
  const collector = new Collector(device, new LogStore(device, limits));
  collector.start();
}

class Collector {
  readonly #device: Device;
  readonly #store: LogStore;
  readonly #inputs: readonly Input[];
  #waiting: NewLine[] = [];
  #isWriting = false;
  #isRestDue = false;
  #isFlushDue = false;
  #lastRecord: number;

  constructor(device: Device, store: LogStore) {
    this.#device = device;
    this.#store = store;
    this.#inputs = [...this.#listPipes()];
    this.#lastRecord = Number(device.readFile(kernelMark) ?? '-1');
  }

  start(): void {
    const paths = [...this.#inputs.map(({ path }) => path), kernelLog];
    this.#device.watchInputs(paths, (input, bytes) => this.#take(this.#inputs[input], bytes));
    this.#device.onTerminate(() => this.#end());
    this.#device.writeFile(readingMark, '');
  }

  #listPipes(): readonly Input[] {
    const make = (path: string, read: Input['read']): Input => ({
      path,
      read,
      splitter: new LineSplitter(),
      limit: new RateLimit(),
    });
    const services = readEngineFile(this.#device).services.flatMap(({ name }) =>
      outputPipes(name).map(({ path, stream }) =>
        make(path, (text, at) => readOutput(text, name, stream, at)),
      ),
    );
    const found = services.filter(({ path }) => this.#device.status(path) !== undefined);
    return [...found, make(syslogPipe, readSyslog)];
  }

  #take(input: Input | undefined, bytes: Uint8Array): void {
    if (input === undefined) this.#takeRecord(bytes);
    else this.#takeLines(input, input.splitter.push(bytes));
    // After all that is there now has been read: one write for all of it.
    if (!this.#isWriting) {
      this.#isWriting = true;
      this.#device.callLater(0, () => this.#write());
    }
  }

  #takeLines(input: Input, texts: readonly string[]): void {
    const now = this.#device.now();
    const { passed, suppressed } = input.limit.pass(texts, now);
    if (suppressed > 0) {
      this.#waiting.push({
        ...input.read('', now),
        level: 'warning',
        message: `${suppressed} lines were suppressed: more than 10000 in 30 s`,
      });
    }
    for (const text of passed) this.#waiting.push(input.read(text, now));
  }

  /** After a restart of this service the kernel tells all again that it still has. */
  #takeRecord(bytes: Uint8Array): void {
    const uptime = Number.parseFloat(this.#device.readFile('/proc/uptime') ?? '0');
    const record = readKernel(decodeText(bytes), this.#device.now() - uptime * 1000);
    if (record === undefined || record.number <= this.#lastRecord) return;
    this.#lastRecord = record.number;
    this.#waiting.push(record.line);
  }

  #write(): void {
    this.#isWriting = false;
    const lines = this.#waiting;
    this.#waiting = [];
    this.#store.append(lines);
    if (lines.some(({ level }) => level !== undefined && urgent.includes(level))) this.#flush();
    if (this.#store.isDirty && !this.#isFlushDue) {
      this.#isFlushDue = true;
      this.#device.callLater(flushMs, () => {
        this.#isFlushDue = false;
        this.#flush();
      });
    }
    if (!this.#isRestDue && this.#inputs.some(({ splitter }) => splitter.hasRest)) {
      this.#isRestDue = true;
      this.#device.callLater(restMs, () => {
        this.#isRestDue = false;
        this.#takeRests();
        this.#write();
      });
    }
  }

  #takeRests(): void {
    for (const input of this.#inputs) this.#takeLines(input, input.splitter.flush());
  }

  #flush(): void {
    this.#store.flush();
    this.#device.writeFile(kernelMark, String(this.#lastRecord));
  }

  #end(): void {
    this.#device.remove(readingMark);
    this.#takeRests();
    this.#write();
    this.#flush();
    this.#device.exit(0);
  }
}
