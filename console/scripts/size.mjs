// Fails the build when a browser would have to fetch more than we promise.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT_KB = 900;

const files = directory =>
  readdirSync(directory).flatMap(name => {
    const path = join(directory, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
// Licences are shipped beside the console; no page fetches them.
const sizes = files('dist')
  .filter(path => !path.endsWith('.md'))
  .map(path => [gzipSync(readFileSync(path), { level: 9 }).length, path]);
const total = Math.round(sizes.reduce((sum, [size]) => sum + size, 0) / 1000);
console.log(`the console is ${total} kB compressed (limit ${LIMIT_KB})`);
if (total > LIMIT_KB) {
  for (const [size, path] of sizes.sort((a, b) => b[0] - a[0]).slice(0, 10)) console.error(`${size} ${path}`);
  process.exit(1);
}
