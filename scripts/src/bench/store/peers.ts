import type { BenchOptions } from '../main.js';
import type { FleetPlan } from './reports.js';

export interface PeerPlace {
  own: { per_sample: number };
  folder: string;
  print: BenchOptions['print'];
}
export const comparePeers = async (_plan: FleetPlan, { print }: PeerPlace): Promise<void> => print('peers: later');
