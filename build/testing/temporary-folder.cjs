// Jest's global setup: all temporary folders of a run lie in one, which goes with the run.
const { chmodSync, mkdtempSync, readdirSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

module.exports = () => {
  // Short: paths of sockets have at most 107 characters.
  const folder = mkdtempSync(join(tmpdir(), 'kt-'));
  process.env.TMPDIR = folder;
  process.on('exit', () => {
    makeRemovable(folder);
    rmSync(folder, { recursive: true, force: true });
  });
};

/** Folders of the store's steps are read-only, which keeps everybody but root from removing what is in them. */
function makeRemovable(folder) {
  chmodSync(folder, 0o700);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) makeRemovable(join(folder, entry.name));
  }
}
