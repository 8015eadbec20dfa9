// One key: state, policy, aliases, rotation, grants, what was done with it, tags.
import {
  DisableKeyRotationCommand,
  EnableKeyRotationCommand,
  PutKeyPolicyCommand,
  RevokeGrantCommand,
  TagResourceCommand,
  UntagResourceCommand,
  type GrantListEntry,
} from '@aws-sdk/client-kms';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import Toggle from '@cloudscape-design/components/toggle';
import { useState } from 'react';
import { useParams } from 'react-router-dom';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { kms } from '../../aws/clients';
import { useLive, type Live } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Copy } from '../../components/Copy';
import { Dialog } from '../../components/Dialog';
import { Loaded } from '../../components/Loaded';
import { LiveTable, type Column } from '../../components/LiveTable';
import { PolicyPanel } from '../../components/PolicyPanel';
import { Status } from '../../components/Status';
import { TagsPanel } from '../../components/Tags';
import { Time } from '../../components/Time';
import { ArnLink } from '../../components/To';
import { useNotifications } from '../../frame/notifications';
import { Page } from '../../frame/page';
import { useTab } from '../../frame/useTab';
import { EventsTable } from '../audit/EventsTable';
import { checkResourcePolicy } from '../iam/check';
import { grants, key as ask, keyPolicy, keyTags, nameOf, rotates, type Key } from './data';
import { AddAlias, CancelDeletion, DeleteAlias, DeleteKey, DisableKey, EnableKey } from './KeyDialogs';

type Open = 'disable' | 'enable' | 'delete' | 'cancel';

export function KeyPage() {
  const { key: id = '' } = useParams();
  const live = useLive(() => ask(id), [id]);
  const [open, setOpen] = useState<Open>();
  const tab = useTab('policy');
  const key = live.data;
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const title = key ? nameOf(key) : id;
  const actions = key?.KeyManager === 'CUSTOMER' && <Actions key={key.KeyId} of={key} onOpen={setOpen} />;
  return (
    <Page title={title} crumbs={[{ text: 'KMS keys', path: paths.keys() }, { text: title }]} actions={actions}>
      <Loaded live={live}>
        {key => [
          key.KeyState === 'PendingDeletion' && (
            <Alert key="deletion" type="warning" header="This key waits for its deletion" action={<Button onClick={() => setOpen('cancel')}>Cancel deletion</Button>}>
              It is deleted at <Time value={key.DeletionDate} />, and everything under it is lost then.
            </Alert>
          ),
          <Details key="details" of={key} />,
          <Tabs
            key="tabs"
            {...tab}
            tabs={[
              { id: 'policy', label: 'Key policy', content: <KeyPolicy of={key} /> },
              { id: 'aliases', label: 'Aliases', content: <Aliases of={key} live={live} /> },
              { id: 'rotation', label: 'Rotation', content: <Rotation of={key} /> },
              { id: 'grants', label: 'Grants', content: <Grants of={key} /> },
              {
                id: 'uses',
                label: 'Who used it',
                content: (
                  <EventsTable
                    title="Uses"
                    level="h2"
                    fixed={{ resource: key.KeyId }}
                    without="looking"
                    empty={{ text: 'Nobody has used it yet, as far as the audit goes back.' }}
                  />
                ),
              },
              { id: 'tags', label: 'Tags', content: <KeyTags of={key} /> },
            ]}
          />,
        ]}
      </Loaded>
      {open === 'disable' && <DisableKey id={id} onClose={close} />}
      {open === 'enable' && <EnableKey id={id} onClose={close} />}
      {open === 'delete' && <DeleteKey id={id} onClose={close} />}
      {open === 'cancel' && <CancelDeletion id={id} onClose={close} />}
    </Page>
  );
}

function Actions({ of, onOpen }: { of: Key; onOpen: (open: Open) => void }) {
  if (of.KeyState === 'PendingDeletion') return <Button onClick={() => onOpen('cancel')}>Cancel deletion</Button>;
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {of.KeyState === 'Disabled' ? (
        <Button onClick={() => onOpen('enable')}>Enable</Button>
      ) : (
        <Button onClick={() => onOpen('disable')}>Disable</Button>
      )}
      <Button onClick={() => onOpen('delete')}>Schedule deletion</Button>
    </SpaceBetween>
  );
}

function Details({ of }: { of: Key }) {
  return (
    <Container header={<Header variant="h2">Key details</Header>}>
      <KeyValuePairs
        columns={3}
        minColumnWidth={230}
        items={[
          { label: 'State', value: <Status value={of.KeyState} /> },
          { label: 'ARN', value: <Copy text={of.Arn ?? ''} label="ARN" shown /> },
          { label: 'Managed by', value: of.KeyManager === 'AWS' ? 'AWS' : 'You' },
          { label: 'Aliases', value: <span className="break">{of.aliases.join(', ') || '-'}</span> },
          { label: 'Description', value: <span className="break">{of.Description || '-'}</span> },
          { label: 'Created', value: <Time value={of.CreationDate} /> },
          { label: 'Spec', value: of.KeySpec ?? '-' },
          { label: 'Use', value: of.KeyUsage ?? '-' },
          { label: 'Origin', value: of.Origin ?? '-' },
        ]}
      />
    </Container>
  );
}

const AWS_MANAGED = 'AWS manages this key.';

function KeyPolicy({ of }: { of: Key }) {
  const id = of.KeyId ?? '';
  const live = useLive(() => keyPolicy(id), [id], { every: 10_000 });
  return (
    <Loaded live={live}>
      {document => (
        <PolicyPanel
          title="Key policy"
          name="key-policy"
          description="Who may use and change the key. Policies of roles and users only count if it lets the account in."
          document={document}
          check={checkResourcePolicy}
          fixed={of.KeyManager === 'AWS' ? AWS_MANAGED : undefined}
          command={cli('kms put-key-policy', { 'key-id': id, 'policy-name': 'default', policy: file('policy.json') })}
          save={async Policy => {
            await kms().send(new PutKeyPolicyCommand({ KeyId: id, PolicyName: 'default', Policy }));
            await live.refresh();
          }}
        />
      )}
    </Loaded>
  );
}

const aliasColumns: Column<string>[] = [
  { id: 'alias', header: 'Alias', width: 400, text: alias => alias, cell: alias => <Copy text={alias} label="alias" shown /> },
];

function Aliases({ of, live }: { of: Key; live: Live<Key> }) {
  const [open, setOpen] = useState<'add' | { alias: string }>();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const mine = of.KeyManager === 'CUSTOMER';
  const add = (
    <Button disabled={!mine} onClick={() => setOpen('add')}>
      Add alias
    </Button>
  );
  return (
    <>
      <LiveTable
        title="Aliases"
        level="h2"
        live={{ ...live, data: of.aliases }}
        columns={aliasColumns}
        order="alias"
        rowId={alias => alias}
        selection="single"
        empty={{ text: 'No aliases. By one, the key can be named in a secret and be replaced later.', action: add }}
        actions={([alias]) => (
          <>
            <Button disabled={!alias || !mine} onClick={() => alias && setOpen({ alias })}>
              Delete
            </Button>
            {add}
          </>
        )}
      />
      {open === 'add' && <AddAlias id={of.KeyId ?? ''} onClose={close} />}
      {open && open !== 'add' && <DeleteAlias alias={open.alias} onClose={close} />}
    </>
  );
}

function Rotation({ of }: { of: Key }) {
  const id = of.KeyId ?? '';
  const live = useLive(() => rotates(id), [id], { every: 10_000 });
  const { success, failure } = useNotifications();
  const change = async (on: boolean) => {
    try {
      await kms().send(on ? new EnableKeyRotationCommand({ KeyId: id }) : new DisableKeyRotationCommand({ KeyId: id }));
      success(on ? 'The key gets new material every year.' : 'The key keeps its material.');
    } catch (error) {
      failure(error, 'The rotation was not changed');
    }
    await live.refresh();
  };
  return (
    <Container header={<Header variant="h2">Rotation</Header>}>
      <Loaded live={live}>
        {on => (
          <SpaceBetween size="s">
            <Toggle checked={on} disabled={of.KeyManager === 'AWS' || of.KeyState !== 'Enabled'} onChange={({ detail }) => void change(detail.checked)}>
              New material every year
            </Toggle>
            <Box color="text-body-secondary">What was encrypted before can still be decrypted; nothing has to be encrypted again.</Box>
            <CliCommand command={cli(on ? 'kms disable-key-rotation' : 'kms enable-key-rotation', { 'key-id': id })} />
          </SpaceBetween>
        )}
      </Loaded>
    </Container>
  );
}

const grantColumns: Column<GrantListEntry>[] = [
  { id: 'name', header: 'Name', text: grant => grant.Name },
  { id: 'who', header: 'Given to', width: 320, text: grant => grant.GranteePrincipal, cell: grant => <ArnLink arn={grant.GranteePrincipal ?? ''} /> },
  { id: 'operations', header: 'Operations', width: 260, text: grant => grant.Operations?.join(', ') },
  { id: 'created', header: 'Created', text: grant => grant.CreationDate?.getTime(), cell: grant => <Time value={grant.CreationDate} /> },
  { id: 'id', header: 'Grant id', width: 320, text: grant => grant.GrantId, cell: grant => <Copy text={grant.GrantId ?? ''} label="grant id" shown /> },
];

function Grants({ of }: { of: Key }) {
  const id = of.KeyId ?? '';
  const live = useLive(() => grants(id), [id], { every: 5_000 });
  const [revoked, setRevoked] = useState<GrantListEntry>();
  const { success } = useNotifications();
  return (
    <>
      <LiveTable
        title="Grants"
        level="h2"
        live={live}
        columns={grantColumns}
        order="-created"
        rowId={grant => grant.GrantId ?? ''}
        selection="single"
        empty={{ text: 'No grants. They let somebody use the key without a policy, and are made by programs.' }}
        actions={([grant]) => (
          <Button disabled={!grant} onClick={() => setRevoked(grant)}>
            Revoke
          </Button>
        )}
      />
      {revoked && (
        <Dialog
          title="Revoke the grant?"
          action="Revoke"
          onClose={() => {
            setRevoked(undefined);
            void live.refresh();
          }}
          onAction={async () => {
            await kms().send(new RevokeGrantCommand({ KeyId: id, GrantId: revoked.GrantId }));
            success('The grant is revoked.');
          }}
        >
          <Box>What it allowed is not allowed any more from now on.</Box>
          <CliCommand command={cli('kms revoke-grant', { 'key-id': id, 'grant-id': revoked.GrantId })} />
        </Dialog>
      )}
    </>
  );
}

function KeyTags({ of }: { of: Key }) {
  const id = of.KeyId ?? '';
  const live = useLive(() => keyTags(id), [id], { every: 10_000 });
  return (
    <Loaded live={live}>
      {tags => (
        <TagsPanel
          tags={tags}
          onSave={async (changed, TagKeys) => {
            const Tags = changed.map(({ key, value }) => ({ TagKey: key, TagValue: value }));
            if (TagKeys.length) await kms().send(new UntagResourceCommand({ KeyId: id, TagKeys }));
            if (Tags.length) await kms().send(new TagResourceCommand({ KeyId: id, Tags }));
            await live.refresh();
          }}
        />
      )}
    </Loaded>
  );
}
