// Secrets Manager.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { SecretPage } from './SecretPage';
import { SecretsPage } from './SecretsPage';
import { StoreSecretPage } from './StoreSecretPage';

export default function Secrets() {
  return (
    <Routes>
      <Route path="/" element={<SecretsPage />} />
      <Route path="create" element={<StoreSecretPage />} />
      <Route path="secret/:secret" element={<SecretPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
