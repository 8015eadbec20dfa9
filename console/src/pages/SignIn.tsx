// Sign-in with an access key, or by the one-time link that the server prints.
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState, type FormEvent } from 'react';

import { told } from '../aws/errors';
import { useEnded } from '../aws/session';
import { SignInError, signInWithKey } from '../aws/signin';
import { Command } from '../components/Command';

export type LinkState = { state: 'none' } | { state: 'working' } | { state: 'refused'; error: unknown };

const TOKEN = '#token=';
// Taken out of the address at once, before anything else can see it there.
let pending = takeToken();

function takeToken(): string | undefined {
  const { hash, pathname, search } = window.location;
  if (!hash.startsWith(TOKEN)) return undefined;
  window.history.replaceState(null, '', pathname + search);
  return decodeURIComponent(hash.slice(TOKEN.length));
}

/** Follows the sign-in link with which the page was opened, or that was put into the address later. */
export function useLinkToken(signIn: (token: string) => Promise<void>): LinkState {
  const [state, setState] = useState<LinkState>(pending ? { state: 'working' } : { state: 'none' });
  useEffect(() => {
    const follow = () => {
      const token = pending ?? takeToken();
      pending = undefined;
      if (!token) return;
      setState({ state: 'working' });
      signIn(token).then(
        () => setState({ state: 'none' }),
        error => setState({ state: 'refused', error }),
      );
    };
    follow();
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, [signIn]);
  return state;
}

const NAMES: Record<string, 'id' | 'secret'> = { UnknownKey: 'id', WrongSecret: 'secret' };

export function SignIn({ link }: { link: LinkState }) {
  const ended = useEnded();
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');
  const [keep, setKeep] = useState(false);
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<unknown>();
  const field = error instanceof SignInError ? NAMES[error.code] : undefined;
  const message = error ? told(error).message : undefined;

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!id.trim() || !secret.trim()) {
      setError(new SignInError(id.trim() ? 'WrongSecret' : 'UnknownKey', 'Fill in this field.'));
      return;
    }
    setWorking(true);
    setError(undefined);
    try {
      await signInWithKey(id, secret, keep ? 'computer' : 'tab');
      setSecret('');
    } catch (refused) {
      setError(refused);
    } finally {
      setWorking(false);
    }
  };

  return (
    <main className="sign-in">
      <SpaceBetween size="l">
        <Box textAlign="center">
          <img src="/console/logo.svg" alt="" width="56" height="56" />
          <Box variant="h1">Sign in to Tidegate</Box>
        </Box>
        {ended && link.state === 'none' && <Alert type="info">{ended}</Alert>}
        {link.state === 'refused' && (
          <Alert type="error" header="The sign-in link is not good">
            {told(link.error).message}
          </Alert>
        )}
        {!window.isSecureContext && (
          <Alert type="warning" header="This page came over plain HTTP">
            Between here and the server others could read along. Open the console on the server itself, through an SSH
            tunnel, or behind a proxy with TLS.
          </Alert>
        )}
        <form onSubmit={event => void submit(event)}>
          <Container header={<Header variant="h2">Access key</Header>}>
            <Form
              actions={
                <Button variant="primary" formAction="submit" loading={working || link.state === 'working'}>
                  Sign in
                </Button>
              }
              errorText={field ? undefined : message}
            >
              <SpaceBetween size="m">
                <FormField
                  label="Access key ID"
                  errorText={field === 'id' ? message : undefined}
                  description="Of a user, or of the account's root user."
                >
                  <Input
                    value={id}
                    onChange={({ detail }) => setId(detail.value)}
                    autoComplete="username"
                    spellcheck={false}
                    disableBrowserAutocorrect
                    autoFocus
                  />
                </FormField>
                <FormField
                  label="Secret access key"
                  errorText={field === 'secret' ? message : undefined}
                  description="It signs once, in this browser, and is then forgotten."
                >
                  <Input
                    value={secret}
                    onChange={({ detail }) => setSecret(detail.value)}
                    type="password"
                    autoComplete="new-password"
                  />
                </FormField>
                <Checkbox
                  checked={keep}
                  onChange={({ detail }) => setKeep(detail.checked)}
                  description="In all tabs, for twelve hours. Otherwise in this tab only."
                >
                  Keep me signed in on this computer
                </Checkbox>
              </SpaceBetween>
            </Form>
          </Container>
        </form>
        <ExpandableSection headerText="I have no access key">
          <SpaceBetween size="s">
            <Box>On the server, this prints a link that signs you in as the root user:</Box>
            <Command text="tidegate console" />
            <Box>And this the root user's access key:</Box>
            <Command text="tidegate env" />
          </SpaceBetween>
        </ExpandableSection>
      </SpaceBetween>
    </main>
  );
}
