import type { Installer } from '../installer.js';
import type { RouteDeclaration } from '../route.js';
import * as alerts from './alerts.js';
import * as availability from './availability.js';
import { listCatalogue } from './catalogue.js';
import * as devices from './devices.js';
import { listIncidents } from './incidents.js';
import { createInstalling } from './installing.js';
import { createInvites, join } from './joining.js';
import * as money from './money.js';
import * as networks from './networks.js';
import * as noticeRoutes from './notice-routes.js';
import * as notifiers from './notifiers.js';
import * as people from './people.js';
import * as prices from './prices.js';
import { listAudit, listQuarantine } from './records.js';
import { createDocument, createMetrics, readHealth, readStore } from './self.js';
import * as session from './session.js';
import * as silences from './silences.js';
import * as sites from './sites.js';
import * as values from './values.js';

export interface RouteNeeds {
  metrics: () => AsyncIterable<string>;
  public_url: string | null;
  installer?: Installer | null | undefined;
}

/** Every route there is: what is not listed is not served. The web client imports the type. */
const createListed = ({ metrics, public_url, installer = null }: RouteNeeds) =>
  [
    devices.listDevices,
    devices.readDevice,
    devices.patchDevice,
    devices.deleteDevice,
    devices.setCarries,
    devices.rotateKey,
    devices.sendCommand,
    values.readLatest,
    values.readSeries,
    values.readMany,
    values.readFleetLatest,
    values.readTop,
    values.readAvailability,
    availability.readFleetAvailability,
    availability.exportFleetAvailability,
    values.exportDevice,
    sites.listSites,
    sites.addSite,
    sites.patchSite,
    sites.deleteSite,
    alerts.listAlerts,
    alerts.listAlertEvents,
    alerts.acknowledgeAlert,
    alerts.acknowledgeAlerts,
    alerts.unacknowledgeAlert,
    alerts.unacknowledgeAlerts,
    silences.snoozeAlert,
    alerts.listRules,
    alerts.setRules,
    alerts.previewRule,
    listIncidents,
    silences.listSilences,
    silences.addSilence,
    silences.deleteSilence,
    noticeRoutes.listNoticeRoutes,
    noticeRoutes.setNoticeRoutes,
    notifiers.listNotifiers,
    notifiers.listNotifierKinds,
    notifiers.readHeartbeat,
    notifiers.putHeartbeat,
    notifiers.readNotifier,
    notifiers.addNotifier,
    notifiers.putNotifier,
    notifiers.deleteNotifier,
    notifiers.testNotifier,
    networks.listNetworks,
    networks.listKinds,
    networks.readNetwork,
    networks.putNetwork,
    networks.deleteNetwork,
    networks.readAccount,
    networks.putAccount,
    money.readEarnings,
    money.compareEarnings,
    money.exportEarnings,
    prices.readPrices,
    prices.setPrices,
    listCatalogue,
    createInvites(public_url),
    join,
    session.setup,
    session.readSession,
    session.signIn,
    session.signOut,
    session.changePassword,
    people.listUsers,
    people.addUser,
    people.deleteUser,
    people.listTokens,
    people.addToken,
    people.deleteToken,
    listQuarantine,
    readStore,
    listAudit,
    readHealth,
    createMetrics(metrics),
    ...createInstalling(installer),
  ] as const;

export type Routes = ReturnType<typeof createListed>;

export const createRoutes = (needs: RouteNeeds): RouteDeclaration[] => {
  const routes: RouteDeclaration[] = [...createListed(needs)];
  routes.push(createDocument(() => routes));
  return routes;
};
