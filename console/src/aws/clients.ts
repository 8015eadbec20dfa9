// AWS's own clients, pointed at the server this page came from and signing with the session.
// Call them at the moment of use - `ecs().send(new ListClustersCommand({}))` - never keep one.
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ECSClient } from '@aws-sdk/client-ecs';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

import { isSessionOver } from './errors';
import { isAway, serverAnswered, serverIsAway } from './server';
import { endSession, session, type Session } from './session';

interface Configuration {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken: string };
  maxAttempts: number;
  requestHandler: { requestTimeout: number };
}

/** What all clients of the SDK have, as far as it is used here. */
interface Observable {
  middlewareStack: {
    add(middleware: (next: Next) => Next, options: { step: 'initialize'; name: string }): void;
  };
}
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the SDK's own types differ from client to client
type Next = (args: any) => Promise<any>;

export const ecs = maker(configuration => new ECSClient(configuration));
export const secretsManager = maker(configuration => new SecretsManagerClient(configuration));
export const kms = maker(configuration => new KMSClient(configuration));
export const iam = maker(configuration => new IAMClient(configuration));
export const ec2 = maker(configuration => new EC2Client(configuration));
// Live tails would be sent to another host name otherwise.
export const logs = maker(configuration => new CloudWatchLogsClient({ ...configuration, disableHostPrefix: true }));

/** Reports what a call says about the server and the session. */
export function observe<T>(call: Promise<T>): Promise<T> {
  return call.then(
    value => {
      serverAnswered();
      return value;
    },
    error => {
      if (isAway(error)) serverIsAway();
      else serverAnswered();
      if (isSessionOver(error)) endSession('Your session is over. Sign in again; you will be back on this page.');
      throw error;
    },
  );
}

/** A client of the session's region, or of another one. */
function maker<C>(make: (configuration: Configuration) => C): (region?: string) => C {
  let made: { of: Session; region?: string; client: C } | undefined;
  return region => {
    const of = session();
    if (made?.of !== of || made.region !== region) {
      const { accessKeyId, secretAccessKey, sessionToken } = of;
      const client = make({
        endpoint: window.location.origin,
        region: region ?? of.region,
        credentials: { accessKeyId, secretAccessKey, sessionToken },
        maxAttempts: 1,
        requestHandler: { requestTimeout: 30_000 },
      });
      const { middlewareStack } = client as Observable;
      middlewareStack.add(next => args => observe(next(args)), { step: 'initialize', name: 'tidegateObserve' });
      made = { of, region, client };
    }
    return made.client;
  };
}
