// Jest's global setup: all temporary folders of a run lie in one, which goes with the run.
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

module.exports = () => {
  // Short: paths of sockets have at most 107 characters.
  const folder = mkdtempSync(join(tmpdir(), 'kt-'));
  process.env.TMPDIR = folder;
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
};
