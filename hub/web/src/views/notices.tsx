import { BrowserPush } from '../parts/browser-push.js';
import { Channels } from '../parts/channels.js';
import { Heartbeat } from '../parts/heartbeat.js';
import { HubWatches } from '../parts/hub-watches.js';
import { useIsAdmin } from '../parts/names.js';
import { NoticeRoutes } from '../parts/notice-routes.js';

/** Who is told of alerts: by which channels, of what, when, and what tells that the hub itself is gone. */
export const NoticesPage = () => {
  const is_admin = useIsAdmin().value;
  return (
    <main class="settings-page">
      <div class="section-head">
        <h1>Notices</h1>
      </div>
      <Channels />
      <BrowserPush />
      <NoticeRoutes />
      {is_admin && <Heartbeat />}
      {is_admin && <HubWatches />}
    </main>
  );
};
