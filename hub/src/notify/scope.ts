/** What a route or silence is for. */

import type { LiveAlert } from '@muster/shared/wire/live';
import { deviceId } from '@muster/shared/wire/messages';
import * as v from 'valibot';
import type { Device, NoticeScope } from '../parts.js';

const name = (max: number) => v.pipe(v.string(), v.minLength(1, 'must not be empty'), v.maxLength(max));

export const noticeScope = v.union(
  [
    v.strictObject({ all: v.literal(true) }),
    v.strictObject({ tag: name(80) }),
    v.strictObject({ site: name(80) }),
    v.strictObject({ device: deviceId }),
    v.strictObject({ network: name(80) }),
    v.strictObject({ rule: name(80) }),
  ],
  'must be {"all": true}, {"tag": …}, {"site": …}, {"device": …}, {"network": …} or {"rule": …}',
);

export interface ScopeNeeds {
  device(id: string): Pick<Device, 'site' | 'tags'> | undefined;
  /** Whether a device earns on a network. */
  earns(device: string, network: string): boolean;
}

export const isInScope = (scope: NoticeScope, alert: Pick<LiveAlert, 'device' | 'rule'>, needs: ScopeNeeds): boolean => {
  if ('all' in scope) return true;
  if ('rule' in scope) return scope.rule === alert.rule;
  if ('device' in scope) return scope.device === alert.device;
  if ('network' in scope) return needs.earns(alert.device, scope.network);
  const device = needs.device(alert.device);
  return 'site' in scope ? device?.site === scope.site : device?.tags.includes(scope.tag) === true;
};
