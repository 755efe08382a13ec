import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeRoot } from './lone-shim.js';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Makes an OCI image of a static busybox, whose command sleeps, for `ctr image import`.
 *
 * @param folder - that is there, for what it is made of
 * @param name - in full: `test.local/busybox:1`
 * @returns the path of its archive
 */
export async function makeImage(folder: string, name: string): Promise<string> {
  const root = join(folder, 'rootfs');
  const image = join(folder, 'image');
  await makeRoot(root);
  await mkdir(join(image, 'blobs/sha256'), { recursive: true });
  const layer = join(folder, 'layer.tar');
  archive(root, layer);

  const blob = async (mediaType: string, file: string): Promise<Descriptor> => {
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    await copyFile(file, join(image, 'blobs/sha256', digest));
    return { mediaType, digest: `sha256:${digest}`, size: (await stat(file)).size };
  };
  const json = async (mediaType: string, value: object): Promise<Descriptor> => {
    const file = join(folder, 'blob.json');
    await writeFile(file, JSON.stringify(value));
    return blob(mediaType, file);
  };

  const layers = [await blob(`${OCI}.layer.v1.tar`, layer)];
  const config = await json(`${OCI}.config.v1+json`, {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: 'linux',
    config: { Cmd: ['/bin/sleep', '99999'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = await json(mediaType, { schemaVersion: 2, mediaType, config, layers });
  const annotations = { 'io.containerd.image.name': name };
  await writeFile(
    join(image, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await writeFile(join(image, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  archive(image, join(folder, 'image.tar'));
  return join(folder, 'image.tar');
}

const OCI = 'application/vnd.oci.image';

/** Source: the OCI image specification, "Descriptors". */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function archive(folder: string, file: string): void {
  const args = ['--numeric-owner', '--owner=0', '--group=0', '-C', folder, '-cf', file, '.'];
  const { status, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: ${stderr}`);
}
