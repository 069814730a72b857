import { describe, expect, test } from '@jest/globals';
import { createBuildHost } from '../host/node-host.ts';
import { type PublishCommandOptions, runPublishCommand } from './publish.ts';

const refused = (bundles: readonly string[], options: Partial<PublishCommandOptions>) => {
  const context = {
    host: createBuildHost(),
    repositoryFolder: '/nowhere',
    workingFolder: '/nowhere',
    isJson: true,
    hasTerminal: false,
    writeOut: () => undefined,
    writeError: () => undefined,
  };
  return runPublishCommand(context, bundles, { to: '/nowhere', channel: 'stable', keep: 3, ...options });
};

describe('keelson publish refuses, before anything is opened,', () => {
  test.each<[string, readonly string[], Partial<PublishCommandOptions>]>([
    ['there is nothing to do', [], {}],
    ['"Stable!" is not a name of a channel', ['a'], { channel: 'Stable!' }],
    ['--pause and --resume exclude each other', [], { pause: true, resume: true }],
    ['--refresh changes nothing but signatures', ['a'], { refresh: true }],
    ['--refresh changes nothing but signatures', [], { refresh: true, pause: true }],
    ['"1.0" is not a version', [], { minimum: '1.0' }],
    ['"soon" is not a time', ['a'], { start: 'soon' }],
    ['"5" is not a time of an hour or more', ['a'], { expires: '5' }],
    ['"10m" is not a time of an hour or more', ['a'], { expires: '10m' }],
  ])('%s', async (reason, bundles, options) => {
    await expect(refused(bundles, options)).rejects.toMatchObject({
      code: 'PUBLISH_OPTIONS_INVALID',
      class: 'input',
      message: `Cannot publish: ${reason}`,
    });
  });

  test('waves that cannot be read', async () => {
    await expect(refused(['a'], { waves: '10' })).rejects.toMatchObject({ code: 'WAVES_INVALID' });
  });
});
