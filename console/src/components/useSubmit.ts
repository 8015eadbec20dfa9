// Sending a form: while it is on its way, and where the server's refusal belongs.
import { useState } from 'react';

import { codeOf, told } from '../aws/errors';

export interface Submit<Field extends string> {
  working: boolean;
  /** What the server said about a field. */
  at: (field: Field) => string | undefined;
  /** A refusal that is about no field. */
  rest: unknown;
  /** The field that was refused. */
  field: Field | undefined;
  run: (send: () => Promise<void>) => Promise<void>;
  clear: () => void;
}

/** `fields` says by `code: message` which field a refusal is about; the first that matches has it. */
export function useSubmit<Field extends string>(fields: Record<Field, RegExp>): Submit<Field> {
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<unknown>();
  const field = error === undefined ? undefined : fieldOf(error, fields);
  const run = async (send: () => Promise<void>) => {
    setWorking(true);
    setError(undefined);
    try {
      await send();
    } catch (refused) {
      setError(refused);
    } finally {
      setWorking(false);
    }
  };
  return {
    working,
    at: name => (name === field ? told(error).message : undefined),
    rest: field ? undefined : error,
    field,
    run,
    clear: () => setError(undefined),
  };
}

export function fieldOf<Field extends string>(error: unknown, fields: Record<Field, RegExp>): Field | undefined {
  const { message, denial } = told(error);
  if (denial) return undefined;
  const text = `${codeOf(error)}: ${message}`;
  return (Object.keys(fields) as Field[]).find(name => fields[name].test(text));
}
