import { type ErrorDetails, FaultsError, KeelsonError } from './keelson-error.ts';

/** Gathers faults so that a person sees all of them at once. */
export class FaultList {
  readonly #faults: KeelsonError[] = [];

  get count(): number {
    return this.#faults.length;
  }

  /** A fault of the input, unless `class` says otherwise. */
  add(details: Omit<ErrorDetails, 'class'> & Partial<Pick<ErrorDetails, 'class'>>): void {
    this.#faults.push(new KeelsonError({ class: 'input', ...details }));
  }

  /** Keeps a KeelsonError that `action` throws; anything else goes on its way. */
  catch<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof KeelsonError)) throw error;
      this.#faults.push(error);
      return undefined;
    }
  }

  /** Throws FaultsError with every fault, file by file as they came up, each file's by line. */
  throwIfAny(): void {
    if (this.#faults.length === 0) return;
    const files = [...new Set(this.#faults.map((fault) => fault.place?.file))];
    const position = (fault: KeelsonError) =>
      [files.indexOf(fault.place?.file), fault.place?.line ?? 0, fault.place?.column ?? 0] as const;
    throw new FaultsError(
      this.#faults.toSorted((left, right) => {
        const [a, b] = [position(left), position(right)];
        return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
      }),
    );
  }
}
