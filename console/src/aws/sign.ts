// Signed calls that no AWS client knows: Tidegate's own operations and sign-in.
// The hash is JavaScript's own, because a page on plain http has no crypto.subtle.
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Posts to this page's own server, signed for the service `tidegate`. */
export async function signedPost(
  path: string,
  headers: Record<string, string>,
  body: string,
  keys: Keys,
  region: string,
): Promise<Response> {
  const { protocol, host, hostname, port } = window.location;
  const signer = new SignatureV4({ service: 'tidegate', region, credentials: keys, sha256: Sha256 });
  const signed = await signer.sign({
    method: 'POST',
    protocol,
    hostname,
    port: port ? Number(port) : undefined,
    path,
    query: {},
    headers: { ...headers, host },
    body,
  });
  const { host: _, ...sent } = signed.headers;
  return fetch(path, { method: 'POST', headers: sent, body, cache: 'no-store', signal: AbortSignal.timeout(30_000) });
}
