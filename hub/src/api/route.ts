/** PORT: a route declares its method, path, role and schemas; server, OpenAPI and the web client derive the rest. */
import type { ErrorCode } from '@muster/shared/errors';
import type * as v from 'valibot';
import type { Identity, Parts, Role } from '../parts.js';

/** `open`: no credential needed, and nothing said that needs one. */
export type RouteRole = Role | 'open';

/** What a handler may do with the exchange beyond its reply. */
export interface Exchange {
  /** Nobody on open routes without a credential. */
  who: Identity | null;
  remote: string;
  /** The request came over TLS or from this host. */
  secure: boolean;
  /** Sets or clears the session cookie. */
  session(value: string | null): void;
  /** Another status than 200, for replies that people read. */
  status(code: number): void;
  /** Another content type than the declared one, where a form of the reply is chosen by the query. */
  type(content_type: string): void;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

type Input<S extends v.GenericSchema | undefined> = S extends v.GenericSchema ? v.InferOutput<S> : undefined;

export interface RouteDeclaration<
  P extends v.GenericSchema | undefined = v.GenericSchema | undefined,
  Q extends v.GenericSchema | undefined = v.GenericSchema | undefined,
  B extends v.GenericSchema | undefined = v.GenericSchema | undefined,
  R extends v.GenericSchema = v.GenericSchema,
> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` parameters. */
  path: string;
  role: RouteRole;
  /** Open on purpose: the request holds a token that is good for this alone. No cookie is read, so that any page or program may send it, and the desk itself notes who did. */
  by_token?: true;
  /** Also to other machines without TLS: nothing said or taken is worth hiding. */
  plain?: true;
  summary: string;
  params?: P;
  query?: Q;
  body?: B;
  /** Shape of the 200 reply; `text` replies (CSV, Prometheus) name their content type instead. */
  reply: R;
  content_type?: string;
  /** Errors worth documenting beyond the common ones. */
  errors?: readonly ErrorCode[];
  /** Body fields that the audit log shows; never a secret. */
  audit?: readonly string[];
  handle(call: { params: Input<P>; query: Input<Q>; body: Input<B>; parts: Parts; exchange: Exchange }): Promise<v.InferInput<R>>;
}

export const defineRoute = <
  P extends v.GenericSchema | undefined = undefined,
  Q extends v.GenericSchema | undefined = undefined,
  B extends v.GenericSchema | undefined = undefined,
  R extends v.GenericSchema = v.GenericSchema,
>(
  route: RouteDeclaration<P, Q, B, R>,
): RouteDeclaration<P, Q, B, R> => route;
