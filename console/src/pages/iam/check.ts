// Policies are checked by calls that read them but write nothing, so that mistakes are told in the server's own words.
import { GetContextKeysForCustomPolicyCommand, SimulateCustomPolicyCommand } from '@aws-sdk/client-iam';

import { iam } from '../../aws/clients';
import { session } from '../../aws/session';
import { useCheck, type Check } from '../../components/JsonEditor';
import { EMPTY_POLICY } from './templates';

/** A policy of a user, a role or a group. */
export function checkPolicy(document: string): Promise<unknown> {
  return iam().send(new GetContextKeysForCustomPolicyCommand({ PolicyInputList: [document] }));
}

/** The check of a policy that is being written. Before anything is, there is nothing to ask: what one begins with allows nothing. */
export function usePolicyCheck(document: string): Check {
  return useCheck(document === EMPTY_POLICY ? '' : document, checkPolicy);
}

/** A policy of a resource, which names principals. */
export function checkResourcePolicy(document: string): Promise<unknown> {
  return iam().send(
    new SimulateCustomPolicyCommand({
      PolicyInputList: [],
      ResourcePolicy: document,
      CallerArn: `arn:aws:iam::${session().account}:user/anybody`,
      ActionNames: ['sts:GetCallerIdentity'],
      ResourceArns: ['*'],
    }),
  );
}
