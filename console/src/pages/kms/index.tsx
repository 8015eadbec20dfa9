// KMS.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { KeysPage } from './KeysPage';

export default function Kms() {
  return (
    <Routes>
      <Route path="keys" element={<KeysPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
