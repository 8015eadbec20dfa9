// An address that leads nowhere.
import Box from '@cloudscape-design/components/box';

import { paths } from '../aws/arn';
import { To } from '../components/To';
import { Page } from '../frame/page';

export function NotFound() {
  return (
    <Page title="There is no such page" crumbs={[{ text: 'Not found' }]}>
      <Box>
        The address leads nowhere. Begin at the <To path={paths.clusters()}>clusters</To>.
      </Box>
    </Page>
  );
}
