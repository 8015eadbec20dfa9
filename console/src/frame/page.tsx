// What each page tells the frame: its title and where it is.
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import { createContext, useContext, useEffect, type ReactNode } from 'react';

/** A step of the way to a page: its text and its path (without `/console`); the page itself needs no path. */
export interface Crumb {
  text: string;
  path?: string;
}

export const CrumbsContext = createContext<(crumbs: Crumb[]) => void>(() => {});

interface PageProps {
  title: string;
  /** From the area to this page, which comes last. */
  crumbs: Crumb[];
  description?: ReactNode;
  actions?: ReactNode;
  info?: ReactNode;
  children: ReactNode;
}

/** A page: heading, way, content. Lists, which have a heading of their own, leave it out with `<BarePage>`. */
export function Page({ title, crumbs, description, actions, info, children }: PageProps) {
  useWay(title, crumbs);
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={description} actions={actions} info={info}>
          <span className="break">{title}</span>
        </Header>
      }
    >
      {children}
    </ContentLayout>
  );
}

/** A page whose content brings the heading, as a full-page table does. */
export function BarePage({ title, crumbs, children }: Pick<PageProps, 'title' | 'crumbs' | 'children'>) {
  useWay(title, crumbs);
  return children;
}

function useWay(title: string, crumbs: Crumb[]) {
  const show = useContext(CrumbsContext);
  const way = JSON.stringify(crumbs);
  useEffect(() => {
    document.title = `${title} - Tidegate`;
    show(JSON.parse(way) as Crumb[]);
  }, [title, way, show]);
}
