// The network: VPCs, security groups.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { SecurityGroupsPage } from './SecurityGroupsPage';
import { VpcsPage } from './VpcsPage';

export default function Vpc() {
  return (
    <Routes>
      <Route path="vpcs" element={<VpcsPage />} />
      <Route path="security-groups" element={<SecurityGroupsPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
