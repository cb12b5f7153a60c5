import { useApp } from '../app.js';
import type { Place } from '../router.js';

/** The pages about alerts, beside each other. */
const TABS: readonly { page: Place['page']; path: string; title: string }[] = [
  { page: 'alerts', path: '/alerts', title: 'Alerts' },
  { page: 'rules', path: '/rules', title: 'Rules' },
  { page: 'notices', path: '/notices', title: 'Notices' },
  { page: 'silences', path: '/silences', title: 'Silences' },
  { page: 'availability', path: '/availability', title: 'Availability' },
];

export const isAlertPage = (page: Place['page']): boolean => TABS.some((tab) => tab.page === page);

export const AlertTabs = () => {
  const { page } = useApp().router.place.value;
  if (!isAlertPage(page)) return null;
  return (
    <nav class="tabs" aria-label="About alerts">
      {TABS.map((tab) => (
        <a key={tab.page} href={tab.path} aria-current={tab.page === page ? 'page' : undefined}>
          {tab.title}
        </a>
      ))}
    </nav>
  );
};
