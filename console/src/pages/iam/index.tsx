// IAM: roles, policies, users.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { PoliciesPage } from './PoliciesPage';
import { RolesPage } from './RolesPage';
import { UsersPage } from './UsersPage';

export default function Iam() {
  return (
    <Routes>
      <Route path="roles" element={<RolesPage />} />
      <Route path="policies" element={<PoliciesPage />} />
      <Route path="users" element={<UsersPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
