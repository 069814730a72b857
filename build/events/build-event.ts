import type { OutputArtefact } from '../contract/output-artefact.ts';
import type { KeelsonError } from '../errors/keelson-error.ts';
import type { Span, SpanFacts } from './span.ts';

/** What the engine tells; listeners (Listr2, plain log, JSON lines) show it. */
export type BuildEvent =
  | { readonly type: 'stage-started'; readonly stage: string }
  | {
      readonly type: 'stage-finished';
      readonly stage: string;
      readonly isCached: boolean;
      readonly seconds: number;
      readonly detail?: string;
    }
  | {
      readonly type: 'step-finished';
      readonly title: string;
      readonly id: string;
      readonly isCached: boolean;
      readonly seconds: number;
    }
  | {
      readonly type: 'progress';
      readonly stage: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly what: string;
    }
  | {
      /** A machine did, or did not do, what is expected of it. */
      readonly type: 'test-step';
      readonly number: number;
      readonly sentence: string;
      readonly isTrue: boolean;
      readonly seconds: number;
    }
  | { readonly type: 'span-started'; readonly span: Span }
  | { readonly type: 'span-finished'; readonly span: Span; readonly facts: SpanFacts }
  | { readonly type: 'note'; readonly message: string }
  | { readonly type: 'warning'; readonly message: string; readonly hint?: string }
  | { readonly type: 'fault'; readonly error: KeelsonError }
  | {
      readonly type: 'build-finished';
      readonly recipe: string;
      readonly version: string;
      readonly rootHash: string;
      readonly seconds: number;
      readonly cachedSteps: number;
      readonly ranSteps: number;
      readonly artefacts: readonly OutputArtefact[];
    };

export type EventSink = (event: BuildEvent) => void;
