// A list: search, order, pages, selection, what it says when it is empty or cannot be had.
// Only one page of it is ever in the document, so five thousand rows are as quick as fifty.
import { useCollection } from '@cloudscape-design/collection-hooks';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import CollectionPreferences from '@cloudscape-design/components/collection-preferences';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { Children, Fragment, isValidElement, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';

import type { Live } from '../aws/useLive';
import { ErrorAlert } from './ErrorAlert';
import { Rows, type Text } from './rows';

export interface Column<Item> {
  id: string;
  header: string;
  /** What is searched and ordered by. */
  text: Text<Item>;
  /** What is shown, if it is more than the text. */
  cell?: (item: Item) => ReactNode;
  width?: number;
}

interface LiveTableProps<Item> {
  /** `Tasks`; also what the search is for. */
  title: string;
  live: Live<Item[]>;
  columns: Column<Item>[];
  /** Names a row for ever. */
  rowId: (item: Item) => string;
  /** What the list is for and what to do next, when there is nothing in it. */
  empty: { text: ReactNode; action?: ReactNode };
  /** Buttons. They get what is selected if `selection` is set. */
  actions?: (selected: Item[]) => ReactNode;
  selection?: 'single' | 'multi';
  /** Choices beside the search, such as which statuses. */
  filter?: ReactNode;
  description?: ReactNode;
  variant?: TableProps.Variant;
  /** The heading's level: h1 (the page) unless the table is a part of one. */
  level?: 'h1' | 'h2';
  /** The column by which the list is ordered at first; `-created` for the other way round. */
  order?: string;
}

const SIZES = [25, 50, 100];
const NOTHING: never[] = [];

export function LiveTable<Item>(props: LiveTableProps<Item>) {
  const { title, live, columns, rowId, empty, actions, selection, filter, description, order } = props;
  const [pageSize, setPageSize] = useState(SIZES[0] ?? 25);
  const items = live.data ?? NOTHING;
  const rows = useRef<Rows<Item>>(undefined);
  rows.current = useMemo(() => new Rows<Item>(items), [items]);
  // The columns stay the same when the rows change: the table knows by them how it is ordered.
  const definitions = useMemo(() => columns.map(column => definition(column, rows)), [columns]);
  const texts = useMemo(() => columns.map(({ text }) => text), [columns]);
  const first = definitions.find(column => column.id === order?.replace(/^-/, ''));
  const { items: shown, collectionProps, filterProps, paginationProps, filteredItemsCount, actions: change } = useCollection(
    items,
    {
      filtering: {
        filteringFunction: (item, search) => rows.current?.matches(texts, item, search) ?? true,
        empty: (
          <Box textAlign="center" color="inherit" padding={{ vertical: 'l' }}>
            <SpaceBetween size="m">
              <div>{empty.text}</div>
              {empty.action}
            </SpaceBetween>
          </Box>
        ),
        noMatch: (
          <Box textAlign="center" color="inherit" padding={{ vertical: 'l' }}>
            <SpaceBetween size="m">
              <div>Nothing matches the search.</div>
              <Button onClick={() => change.setFiltering('')}>Clear the search</Button>
            </SpaceBetween>
          </Box>
        ),
      },
      pagination: { pageSize },
      sorting: first && { defaultState: { sortingColumn: first, isDescending: order?.startsWith('-') } },
      selection: { trackBy: rowId, keepSelection: true },
    },
  );
  const selected = (collectionProps.selectedItems ?? []) as Item[];
  const total = live.data?.length;
  const counter = total === undefined ? undefined : filterProps.filteringText ? `(${filteredItemsCount}/${total})` : `(${total})`;
  const noun = title.toLowerCase();
  return (
    <SpaceBetween size="m">
      {live.error !== undefined && <ErrorAlert error={live.error} onRetry={() => void live.refresh()} />}
      <Table
        {...collectionProps}
        items={shown}
        columnDefinitions={definitions}
        trackBy={rowId}
        selectionType={selection}
        loading={live.loading}
        loadingText={`Looking for ${noun}`}
        variant={props.variant ?? (props.level === 'h2' ? 'container' : 'full-page')}
        stickyHeader
        wrapLines
        enableKeyboardNavigation
        resizableColumns
        ariaLabels={{
          tableLabel: title,
          selectionGroupLabel: `Selection of ${noun}`,
          itemSelectionLabel: (_, item) => `Select ${rowId(item)}`,
          allItemsSelectionLabel: () => 'Select all',
        }}
        header={
          <Header
            variant={props.level ?? 'h1'}
            counter={counter}
            description={description}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={`Look for ${noun} again`} onClick={() => void live.refresh()} />
                {flat(actions?.(selected))}
              </SpaceBetween>
            }
          >
            {title}
          </Header>
        }
        filter={
          <SpaceBetween direction="horizontal" size="xs">
            <TextFilter
              {...filterProps}
              filteringPlaceholder={`Find ${noun}`}
              filteringAriaLabel={`Find ${noun}`}
              countText={`${filteredItemsCount ?? 0} found`}
            />
            {filter}
          </SpaceBetween>
        }
        pagination={<Pagination {...paginationProps} />}
        preferences={
          <CollectionPreferences
            title="Preferences"
            confirmLabel="Confirm"
            cancelLabel="Cancel"
            preferences={{ pageSize }}
            pageSizePreference={{
              title: 'Rows of a page',
              options: SIZES.map(value => ({ value, label: `${value} rows` })),
            }}
            onConfirm={({ detail }) => setPageSize(detail.pageSize ?? pageSize)}
          />
        }
      />
    </SpaceBetween>
  );
}

function definition<Item>(column: Column<Item>, rows: RefObject<Rows<Item> | undefined>): TableProps.ColumnDefinition<Item> {
  const { id, header, text, cell, width } = column;
  return {
    id,
    header,
    width: width ?? 180,
    minWidth: 110,
    cell: item => (cell ? cell(item) : (text(item) ?? '-')),
    sortingComparator: (one, other) => rows.current?.compare(text, one, other) ?? 0,
  };
}

/** The children of a fragment, because the space between them is given to children only. */
function flat(node: ReactNode): ReactNode {
  const isFragment = isValidElement<{ children?: ReactNode }>(node) && node.type === Fragment;
  return Children.toArray(isFragment ? node.props.children : node);
}
