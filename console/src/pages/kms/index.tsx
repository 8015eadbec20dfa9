// KMS.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { CreateKeyPage } from './CreateKeyPage';
import { KeyPage } from './KeyPage';
import { KeysPage } from './KeysPage';

export default function Kms() {
  return (
    <Routes>
      <Route path="keys" element={<KeysPage />} />
      <Route path="keys/create" element={<CreateKeyPage />} />
      <Route path="keys/:key" element={<KeyPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
