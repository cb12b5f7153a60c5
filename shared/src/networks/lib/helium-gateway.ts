import * as v from 'valibot';
import { AppError } from '../../errors.js';
import type { Grpc } from '../../grpc.js';
import type { Http } from '../../http.js';
import { refuseStatus } from '../../refuse-status.js';
import { decodeBase58Check, encodeBase58Check } from './base58.js';
import { bytesField, flagField, numberField, readProtobuf } from './protobuf.js';

/** Health of gateway-rs by its local gRPC (`helium.local.api`), and of helium/multi-gateway by its REST. */
const KEY_BYTES = 33;
/** gateway-rs counts as down when it has not answered by then. */
const TIMEOUT_MS = 2_000;
const MULTI_TIMEOUT_MS = 3_000;
export const REGION_UNKNOWN = 99;

/** Whether a text is a hotspot's key: base58check of version 0 and a public key. */
export const isHotspotKey = (text: string): boolean => decodeBase58Check(text)?.[0] === 0;

export interface GatewayState {
  key: string;
  /** Null: the gateway did not say. */
  router_connected: boolean | null;
  region: number | null;
}

export interface GatewayCall {
  grpc: Grpc;
  url: string;
  signal: AbortSignal;
}

/** Throws when the key is not answered; the rest may be missing. Never calls `add_gateway`, which signs. */
export const readGateway = async (call: GatewayCall): Promise<GatewayState> => {
  const unary = async (name: string) => {
    const { grpc, url, signal } = call;
    const path = `/helium.local.api/${name}`;
    return readProtobuf(await grpc.unary({ url, path, message: new Uint8Array(), timeout_ms: TIMEOUT_MS, signal }));
  };
  const [pubkey, router, region] = await Promise.allSettled([unary('pubkey'), unary('router'), unary('region')]);
  if (pubkey.status === 'rejected') throw pubkey.reason;
  const bytes = bytesField(pubkey.value, 1);
  if (bytes?.length !== KEY_BYTES) {
    throw new AppError(
      'bad_reply',
      `What listens at the gateway's address is not gateway-rs: it answered no key of ${KEY_BYTES} bytes`,
    );
  }
  return {
    key: encodeBase58Check(Buffer.concat([Uint8Array.of(0), bytes])),
    router_connected: router.status === 'fulfilled' ? flagField(router.value, 2) : null,
    // US915 is 0 and therefore absent on the wire.
    region: region.status === 'fulfilled' ? numberField(region.value, 1) : null,
  };
};

const count = () => v.pipe(v.number(), v.finite(), v.minValue(0));
const gateway = v.object({
  mac: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/i)),
  public_key: v.string(),
  connected: v.boolean(),
  connected_seconds: v.nullish(count()),
  last_uplink_seconds_ago: v.nullish(count()),
  uplink_count: v.nullish(count()),
  downlink_count: v.nullish(count()),
});
const gatewayList = v.pipe(v.string(), v.parseJson(), v.object({ gateways: v.array(gateway) }));
export type MultiGateway = v.InferOutput<typeof gateway>;

export interface MultiGatewayCall {
  http: Http;
  url: string;
  api_key?: string | undefined;
  now: number;
  signal: AbortSignal;
}

/** Every gateway of the server; its counters start at zero with it. */
export const readMultiGateway = async ({ http, url, api_key, now, signal }: MultiGatewayCall): Promise<MultiGateway[]> => {
  const reply = await http.request({
    url: `${url.replace(/\/+$/, '')}/gateways`,
    headers: { accept: 'application/json', ...(api_key === undefined ? {} : { 'x-api-key': api_key }) },
    timeout_ms: MULTI_TIMEOUT_MS,
    signal,
  });
  refuseStatus(reply, now, 'The multi-gateway');
  const list = v.safeParse(gatewayList, reply.text);
  if (!list.success) throw new AppError('bad_reply', 'The multi-gateway answered something else than its list of gateways');
  return list.output.gateways;
};
