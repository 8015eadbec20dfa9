// Mends that the page can do by itself: the commands that an explanation names, read back into the calls they stand for.
// Only what adds a right or takes back a deletion is here, and nothing is done before the user has seen and confirmed it.
import { PutRolePolicyCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { EnableKeyCommand } from '@aws-sdk/client-kms';
import { RestoreSecretCommand } from '@aws-sdk/client-secrets-manager';

import { iam, kms, secretsManager } from './clients';

export interface Mend {
  /** What it does, as a button says it. */
  action: string;
  /** To what. */
  subject: string;
  /** The policy that is added, if it is one. */
  document?: string;
  run: () => Promise<unknown>;
}

/** The mend that a command is, or undefined if the page cannot do it. */
export function mendOf(command: string): Mend | undefined {
  const [aws, service, operation, ...rest] = words(command) ?? [];
  const options = optionsOf(rest);
  if (aws !== 'aws' || !options) return undefined;
  const take = (...names: string[]) => {
    const values = names.map(name => options.get(name));
    const isAll = names.length === options.size && values.every(value => value !== undefined);
    return isAll ? (values as string[]) : undefined;
  };
  switch (`${service} ${operation}`) {
    case 'iam put-role-policy': {
      const [role, policy, document] = take('role-name', 'policy-name', 'policy-document') ?? [];
      if (!role || !policy || !document) return undefined;
      const input = { RoleName: role, PolicyName: policy, PolicyDocument: document };
      return { action: 'Add this policy to the role', subject: role, document, run: () => iam().send(new PutRolePolicyCommand(input)) };
    }
    case 'iam put-user-policy': {
      const [user, policy, document] = take('user-name', 'policy-name', 'policy-document') ?? [];
      if (!user || !policy || !document) return undefined;
      const input = { UserName: user, PolicyName: policy, PolicyDocument: document };
      return { action: 'Add this policy to the user', subject: user, document, run: () => iam().send(new PutUserPolicyCommand(input)) };
    }
    case 'secretsmanager restore-secret': {
      const [secret] = take('secret-id') ?? [];
      if (!secret) return undefined;
      return { action: 'Restore the secret', subject: secret, run: () => secretsManager().send(new RestoreSecretCommand({ SecretId: secret })) };
    }
    case 'kms enable-key': {
      const [key] = take('key-id') ?? [];
      if (!key) return undefined;
      return { action: 'Enable the key', subject: key, run: () => kms().send(new EnableKeyCommand({ KeyId: key })) };
    }
    default:
      return undefined;
  }
}

/** The words of a command as a shell reads them; undefined where it would do more than read words. */
export function words(command: string): string[] | undefined {
  const found: string[] = [];
  let rest = command.trim();
  while (rest) {
    let word = '';
    for (;;) {
      const part = /^(?:'([^']*)'|\\'|([A-Za-z0-9_./:=,@%+-]+))/.exec(rest);
      if (!part) break;
      word += part[0] === "\\'" ? "'" : (part[1] ?? part[2] ?? '');
      rest = rest.slice(part[0].length);
    }
    if (rest && !/^\s/.test(rest)) return undefined;
    rest = rest.trimStart();
    found.push(word);
  }
  return found;
}

function optionsOf(words: string[]): Map<string, string> | undefined {
  const options = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) {
    const [name, value] = [words[at], words[at + 1]];
    if (!name?.startsWith('--') || value === undefined || options.has(name.slice(2))) return undefined;
    options.set(name.slice(2), value);
  }
  return options;
}
