// What surrounds every page: top navigation, side navigation, way, notifications.
import AppLayout from '@cloudscape-design/components/app-layout';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import SideNavigation from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import TopNavigation from '@cloudscape-design/components/top-navigation';
import { Suspense, useMemo, useState } from 'react';
import { useLocation, useNavigate } from 'react-router-dom';

import { shortName } from '../aws/arn';
import { useServer } from '../aws/server';
import type { Session } from '../aws/session';
import { signOut } from '../aws/signin';
import { Areas } from '../routes';
import { BASE, navigation } from './navigation';
import { useNotifications } from './notifications';
import { CrumbsContext, type Crumb } from './page';
import { PageBoundary } from './PageBoundary';
import { useTheme, type Theme } from './theme';

export function Frame({ session }: { session: Session }) {
  const [crumbs, setCrumbs] = useState<Crumb[]>([]);
  const [open, setOpen] = useState(() => window.innerWidth > 1000);
  const follow = useFollow();
  const { pathname } = useLocation();
  return (
    <>
      <div id="top">
        <Top session={session} />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={open}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        navigation={
          <SideNavigation
            header={{ text: 'Tidegate', href: `${BASE}/` }}
            activeHref={activeHref(BASE + pathname)}
            items={navigation}
            onFollow={follow}
          />
        }
        breadcrumbs={
          <BreadcrumbGroup
            ariaLabel="Way to this page"
            items={crumbs.map(({ text, path }) => ({ text, href: path === undefined ? '#' : BASE + path }))}
            onFollow={follow}
          />
        }
        notifications={<Messages />}
        content={
          <CrumbsContext.Provider value={setCrumbs}>
            <PageBoundary address={pathname}>
              <Suspense fallback={<Spinner size="large" />}>
                <Areas />
              </Suspense>
            </PageBoundary>
          </CrumbsContext.Provider>
        }
      />
    </>
  );
}

function Messages() {
  const { items } = useNotifications();
  const { away } = useServer();
  const shown = useMemo<FlashbarProps.MessageDefinition[]>(() => {
    if (!away) return items;
    const content = 'What you see is as it was. It is asked again until it answers.';
    return [{ id: 'away', type: 'warning', loading: true, header: 'The server does not answer', content }, ...items];
  }, [items, away]);
  return <Flashbar items={shown} stackItems />;
}

const THEMES: Record<Theme, string> = { auto: 'As the computer', light: 'Light', dark: 'Dark' };

function Top({ session }: { session: Session }) {
  const [theme, setTheme] = useTheme();
  const follow = useFollow();
  const { failure } = useNotifications();
  const who = session.arn.endsWith(':root') ? 'root' : shortName(session.arn);
  return (
    <TopNavigation
      identity={{
        href: `${BASE}/`,
        title: 'Tidegate',
        logo: { src: `${BASE}/logo.svg`, alt: 'Logo' },
        onFollow: follow,
      }}
      utilities={[
        {
          type: 'menu-dropdown',
          iconName: 'settings',
          ariaLabel: 'Appearance',
          title: 'Appearance',
          items: (Object.keys(THEMES) as Theme[]).map(id => ({
            id,
            text: THEMES[id],
            iconName: id === theme ? 'check' : undefined,
          })),
          onItemClick: ({ detail }) => setTheme(detail.id as Theme),
        },
        { type: 'button', text: session.region, title: 'Region', disableUtilityCollapse: true, ariaLabel: `Region ${session.region}` },
        {
          type: 'menu-dropdown',
          text: who,
          description: session.arn,
          iconName: 'user-profile',
          items: [
            { id: 'account', text: `Account ${session.account}`, disabled: true },
            { id: 'until', text: `Signed in until ${new Date(session.expiration).toLocaleTimeString()}`, disabled: true },
            { id: 'licenses', text: 'Licences of what is used here', href: `${BASE}/licenses.md`, external: true },
            { id: 'out', text: 'Sign out' },
          ],
          onItemClick: ({ detail }) => {
            if (detail.id === 'out') signOut().catch(failure);
          },
        },
      ]}
    />
  );
}

/** Follows a link inside the page, without loading it anew. */
function useFollow() {
  const navigate = useNavigate();
  return (event: CustomEvent<{ href?: string; external?: boolean }>) => {
    const { href, external } = event.detail;
    if (external || !href?.startsWith(BASE)) {
      if (href === '#') event.preventDefault();
      return;
    }
    event.preventDefault();
    void navigate(href.slice(BASE.length) || '/');
  };
}

/** The entry of the navigation in whose area an address lies. */
function activeHref(address: string): string {
  const links = navigation.flatMap(group => ('items' in group ? group.items : [])).flatMap(item => ('href' in item ? item.href : []));
  return links.find(href => address === href || address.startsWith(`${href}/`)) ?? address;
}
