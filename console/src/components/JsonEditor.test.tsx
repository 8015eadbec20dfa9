// What is said of a document while it is written, and at which field a refusal is shown.
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { useState } from 'react';
import { expect, test, vi } from 'vitest';

import { JsonEditor, useCheck } from './JsonEditor';
import { fieldOf } from './useSubmit';

function Editor({ ask }: { ask?: (text: string) => Promise<unknown> }) {
  const [text, setText] = useState('');
  const check = useCheck(text, ask);
  return <JsonEditor label="Policy" value={text} onChange={setText} check={check} />;
}

const write = (value: string) => fireEvent.change(screen.getByRole('textbox', { name: 'Policy' }), { target: { value } });
const isInvalid = () => screen.getByRole('textbox', { name: 'Policy' }).getAttribute('aria-invalid') === 'true';

test('no JSON is told with its place, and the server is not asked', async () => {
  const ask = vi.fn();
  render(<Editor ask={ask} />);
  screen.getByText('Policy: nothing is written yet.');
  write('{"Version" 1}');
  screen.getByText('Line 1, column 12: a colon is expected after the name.');
  expect(isInvalid()).toBe(true);
  expect(ask).not.toHaveBeenCalled();
});

test('what the server would refuse is told in its words, once for what was written last', async () => {
  const refusal = Object.assign(new Error('Syntax errors in policy.'), { name: 'MalformedPolicyDocumentException' });
  const ask = vi.fn((text: string) => (text.includes('bad') ? Promise.reject(refusal) : Promise.resolve()));
  render(<Editor ask={ask} />);
  write('{"a": "b"}');
  write('{"a": "bad"}');
  await waitFor(() => screen.getByText('Syntax errors in policy.'));
  expect(isInvalid()).toBe(true);
  expect(ask).toHaveBeenCalledTimes(1);
  write('{"a": "good"}');
  await waitFor(() => screen.getByText('No mistakes'));
  expect(isInvalid()).toBe(false);
});

test('who may not ask for the check may still send the document', async () => {
  const message = 'User: arn:aws:iam::000000000000:user/ada is not authorized to perform: iam:GetContextKeysForCustomPolicy because no policy allows it';
  render(<Editor ask={() => Promise.reject(Object.assign(new Error(message), { name: 'AccessDenied' }))} />);
  write('{}');
  await waitFor(() => screen.getByText(/could not be checked beforehand/));
  expect(isInvalid()).toBe(false);
});

test('a refusal belongs to the first field that it speaks of, a denial to none', () => {
  const fields = { tags: /\btags?\b/i, name: /\bname\b|ResourceExists/i };
  const error = (name: string, message: string) => Object.assign(new Error(message), { name });
  expect(fieldOf(error('ResourceExistsException', 'It is there.'), fields)).toBe('name');
  expect(fieldOf(error('InvalidParameterException', 'The tag is too long.'), fields)).toBe('tags');
  expect(fieldOf(error('InternalFailure', 'No.'), fields)).toBeUndefined();
  const denied = 'User: arn:aws:iam::000000000000:user/ada is not authorized to perform: secretsmanager:CreateSecret on resource: name because no policy allows it';
  expect(fieldOf(error('AccessDeniedException', denied), fields)).toBeUndefined();
});
