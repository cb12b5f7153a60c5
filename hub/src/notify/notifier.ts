/** PORT: a notifier is one file in `notifiers/` that exports `defineNotifier({...})`; it sends one notice, or throws an AppError whose code says if a retry helps. */
import type { Http } from '@muster/shared/http';
import type { Severity } from '@muster/shared/wire/live';
import type * as v from 'valibot';

/** A message about alerts, the same for every channel. */
export interface Notice {
  /** The same for every try of the same notice. */
  idempotency_key: string;
  title: string;
  text: string;
  severity: Severity;
  resolved: boolean;
  /** Opens the alert in the dashboard. */
  link: string | null;
  /** Newest alert event it tells of. */
  event: number;
  ts: number;
}

export interface NotifierDeclaration<S extends v.GenericSchema = v.GenericSchema> {
  id: string;
  title: string;
  docs: string;
  config: S;
  send(call: { config: v.InferOutput<S>; notice: Notice; http: Http; signal: AbortSignal }): Promise<void>;
}

export const defineNotifier = <S extends v.GenericSchema>(declaration: NotifierDeclaration<S>): NotifierDeclaration<S> =>
  declaration;
