// The list: empty, searched, refused; and that what it shows is text.
import createWrapper from '@cloudscape-design/components/test-utils/dom';
import { render } from '@testing-library/react';
import { MemoryRouter } from 'react-router-dom';
import { expect, test } from 'vitest';

import type { Live } from '../aws/useLive';
import { LiveTable, type Column } from './LiveTable';

interface Item {
  name: string;
  size: number;
}

const columns: Column<Item>[] = [
  { id: 'name', header: 'Name', text: item => item.name },
  { id: 'size', header: 'Size', text: item => item.size },
];

function show(live: Partial<Live<Item[]>>) {
  const whole: Live<Item[]> = { loading: false, refresh: async () => {}, ...live };
  const { container } = render(
    <MemoryRouter>
      <LiveTable title="Things" live={whole} columns={columns} order="-size" rowId={item => item.name} empty={{ text: 'Make a thing.' }} />
    </MemoryRouter>,
  );
  const table = createWrapper(container).findTable()!;
  return { container, table, names: () => table.findRows().map((_, at) => table.findBodyCell(at + 1, 1)!.getElement().textContent) };
}

test('rows are ordered and searched by every word', () => {
  const { table, names } = show({ data: [{ name: 'small', size: 2 }, { name: '<b>big</b>', size: 10 }] });
  expect(names()).toEqual(['<b>big</b>', 'small']);
  table.findTextFilter()!.findInput().setInputValue('SMA 2');
  expect(names()).toEqual(['small']);
});

test('of five thousand rows one page is in the document, and the search finds any of them', () => {
  const data = Array.from({ length: 5_000 }, (_, size) => ({ name: `task-${size}`, size }));
  const { container, table, names } = show({ data });
  expect(container.textContent).toContain('(5000)');
  expect(names()).toHaveLength(25);
  expect(names()[0]).toBe('task-4999');
  expect(container.querySelectorAll('tbody tr')).toHaveLength(25);
  table.findPagination()!.findNextPageButton().click();
  expect(names()[0]).toBe('task-4974');
  table.findTextFilter()!.findInput().setInputValue('task-17');
  expect(container.textContent).toContain('(111/5000)');
  table.findTextFilter()!.findInput().setInputValue('task-17 task-1 1723');
  expect(names()).toEqual(['task-1723']);
});

test('an empty list says what to do, a refused one why', () => {
  expect(show({ data: [] }).container.textContent).toContain('Make a thing.');
  const refused = show({ error: Object.assign(new Error('Not you.'), { name: 'AccessDeniedException' }) });
  expect(refused.container.textContent).toContain('Not you.');
});
