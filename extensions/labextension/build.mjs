// Builds the extension with Jupyter's own builder, against the list of packages that Lab shares.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const builder = dirname(require.resolve('@jupyter/builder/package.json'));
const core = dirname(require.resolve('@jupyterlab/core-meta/package.json'));
const words = [
  join(builder, 'lib', 'build-labextension.js'),
  '--core-package-file',
  join(core, 'core.package.json'),
  here,
  ...process.argv.slice(2)
];
const built = spawnSync(process.execPath, words, { cwd: here, stdio: 'inherit' });
process.exit(built.status ?? 1);
