import { useErrorBoundary } from 'preact/hooks';
import { useApp } from '../app.js';
import { clockTime } from '../format.js';
import { AlertTabs, isAlertPage } from '../parts/alert-tabs.js';
import { BrandMark, Icon } from '../parts/icons.js';
import { AddDevice } from './add-device.js';
import { AlertsPage } from './alerts.js';
import { AvailabilityPage } from './availability.js';
import { DevicePage } from './device.js';
import { EarningsPage } from './earnings.js';
import { FleetPage } from './fleet.js';
import { HubPage } from './hub.js';
import { NoticesPage } from './notices.js';
import { RulesPage } from './rules.js';
import { SetupPage, SignInPage } from './sign-in.js';
import { SilencesPage } from './silences.js';

/** The frame around every page: bar, connection, notices. */
export const Shell = () => {
  const { session, setupCode } = useApp();
  const [broken] = useErrorBoundary((error) => console.error(error));
  if (broken !== undefined) return <Broken />;
  const now = session.value;
  if (now.kind === 'unknown') return <Waiting />;
  if (now.kind === 'out') return setupCode.value !== null || now.setup_needed ? <SetupPage /> : <SignInPage />;
  return <Inside />;
};

const Broken = () => (
  <main class="centre">
    <p>This page failed to draw; the hub itself is not touched by that.</p>
    <button type="button" class="button" onClick={() => location.reload()}>
      Load it again
    </button>
  </main>
);

const Waiting = () => {
  const { notice, checkSession } = useApp();
  if (notice.value === null) return null;
  return (
    <main class="centre">
      <p>{notice.value}</p>
      <button type="button" class="button" onClick={() => void checkSession()}>
        Try again
      </button>
    </main>
  );
};

const Inside = () => {
  const { adding } = useApp();
  return (
    <>
      <Bar />
      <Connection />
      <Notice />
      <Missed />
      <AlertTabs />
      <Page />
      {adding.value && <AddDevice />}
    </>
  );
};

const Page = () => {
  const { place } = useApp().router;
  const at = place.value;
  if (at.page === 'fleet') return <FleetPage />;
  if (at.page === 'device') return <DevicePage key={at.id} id={at.id} />;
  if (at.page === 'alerts') return <AlertsPage />;
  if (at.page === 'availability') return <AvailabilityPage />;
  if (at.page === 'earnings') return <EarningsPage />;
  if (at.page === 'hub') return <HubPage />;
  if (at.page === 'rules') return <RulesPage />;
  if (at.page === 'notices') return <NoticesPage />;
  if (at.page === 'silences') return <SilencesPage />;
  return (
    <main class="centre">
      <p>There is no page at this address.</p>
      <a class="button" href="/">
        To the fleet
      </a>
    </main>
  );
};

const Bar = () => {
  const { router, firing, operates, adding } = useApp();
  const page = router.place.value.page;
  return (
    <header class="bar">
      <a class="brand" href="/" aria-label="Muster, to the fleet">
        <BrandMark />
        <span>Muster</span>
      </a>
      <nav aria-label="Pages">
        <a href="/" aria-current={page === 'fleet' || page === 'device' ? 'page' : undefined}>
          Fleet
        </a>
        <a href="/earnings" aria-current={page === 'earnings' ? 'page' : undefined}>
          Earnings
        </a>
        <a href="/alerts" aria-current={isAlertPage(page) ? 'page' : undefined}>
          Alerts
          {firing.value > 0 && (
            <b class="count">
              {firing.value}
              <span class="unseen"> firing</span>
            </b>
          )}
        </a>
        <a href="/hub" aria-current={page === 'hub' ? 'page' : undefined}>
          Hub
        </a>
      </nav>
      <span class="push" />
      {operates.value && (
        <button type="button" class="button add" aria-label="Add a device" onClick={() => (adding.value = true)}>
          <Icon name="add" />
          <span>Add a device</span>
        </button>
      )}
      <Corner />
    </header>
  );
};

const Corner = () => {
  const { session, themes, signOut } = useApp();
  const user = session.value.kind === 'in' ? session.value.user : null;
  return (
    <>
      <button type="button" class="plain" aria-label="Dark or light" title="Dark or light" onClick={themes.turn}>
        <Icon name="sun" />
      </button>
      {user && (
        <button type="button" class="plain" title={`${user.name}, ${user.role}: sign out`} onClick={() => void signOut()}>
          <span class="who">{user.name}</span>
          <Icon name="out" />
          <span class="unseen">Sign out</span>
        </button>
      )}
    </>
  );
};

const Connection = () => {
  const { live, board } = useApp();
  if (live.status.value !== 'down') return null;
  const heard = live.heard.value;
  return (
    <div class="strip down" role="status">
      Reconnecting… {heard === null ? 'no values yet' : `values as of ${clockTime(heard + board.now() - Date.now())}`}
    </div>
  );
};

const Notice = () => {
  const { notice } = useApp();
  if (notice.value === null) return null;
  return (
    <div class="strip notice" role="alert">
      <span>{notice.value}</span>
      <button type="button" class="plain" aria-label="Close" onClick={() => (notice.value = null)}>
        <Icon name="close" />
      </button>
    </div>
  );
};

const Missed = () => {
  const { board } = useApp();
  const count = board.missed.value;
  if (count === 0) return null;
  return (
    <div class="strip missed" role="status">
      <a href="/alerts?show=events">
        {count} alert {count === 1 ? 'change' : 'changes'} while you were away
      </a>
      <button type="button" class="plain" aria-label="Close" onClick={() => (board.missed.value = 0)}>
        <Icon name="close" />
      </button>
    </div>
  );
};
