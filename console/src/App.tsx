// Signed in, the frame with the page; else sign-in, after which one is on the page that was asked for.
import { useEffect } from 'react';

import { signInWithLink } from './aws/signin';
import { useSession } from './aws/session';
import { Frame } from './frame/Frame';
import { NotificationsProvider } from './frame/notifications';
import { SignIn, useLinkToken } from './pages/SignIn';

export function App() {
  const session = useSession();
  const link = useLinkToken(signInWithLink);
  useEffect(() => {
    if (!session) document.title = 'Sign in - Tidegate';
  }, [session]);
  if (!session) return <SignIn link={link} />;
  return (
    <NotificationsProvider>
      <Frame session={session} />
    </NotificationsProvider>
  );
}
