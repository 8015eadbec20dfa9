// What stands in the place of a page that could not be shown: its code did not arrive, or it failed while it was drawn.
// The frame around it stays, so one can go elsewhere. What a call to the server answers is not for here; see `ErrorAlert`.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { Component, type ReactNode } from 'react';

interface PageBoundaryProps {
  /** The address of the page: another one is tried anew. */
  address: string;
  /** Loads the whole console again, the only way to fetch code again that once did not arrive. */
  reload?: () => void;
  children: ReactNode;
}

interface PageBoundaryState {
  failure?: { error: unknown; address: string };
}

export class PageBoundary extends Component<PageBoundaryProps, PageBoundaryState> {
  override state: PageBoundaryState = {};

  static getDerivedStateFromError(error: unknown): PageBoundaryState {
    return { failure: { error, address: '' } };
  }

  static getDerivedStateFromProps({ address }: PageBoundaryProps, { failure }: PageBoundaryState): PageBoundaryState | null {
    if (!failure || failure.address === address) return null;
    // The failure is new and belongs to this page, or it was that of another.
    return { failure: failure.address === '' ? { ...failure, address } : undefined };
  }

  override render() {
    const { failure } = this.state;
    if (!failure) return this.props.children;
    const reload = this.props.reload ?? (() => window.location.reload());
    const message = failure.error instanceof Error ? failure.error.message : String(failure.error);
    return (
      <Alert type="error" header="This page could not be shown" action={<Button onClick={reload}>Reload</Button>}>
        {isMissing(message)
          ? 'A part of the console did not arrive: the server is away, or it is another version than this page. Load the console again.'
          : 'Something in it failed. Load the console again; if it fails again, please tell us what it says here:'}
        <div className="break">{message}</div>
      </Alert>
    );
  }
}

/** How Chromium, Firefox, Safari and Vite say that code did not arrive. */
function isMissing(message: string): boolean {
  return /dynamically imported module|Importing a module script failed|Unable to preload CSS/i.test(message);
}
