import { ByteBuffer } from './buffer.ts';

/** `@tufjs/models` takes `Buffer` for granted; Node has its own. */
const world = globalThis as unknown as { Buffer?: unknown };
world.Buffer ??= ByteBuffer;
