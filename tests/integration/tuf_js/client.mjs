// tuf-js's client:  node client.mjs METADATA_DIR METADATA_URL TARGET_DIR TARGET_URL TARGET...
// Prints the path of each downloaded target. METADATA_DIR holds the first root.json.
import { Updater } from "tuf-js";

const [metadataDir, metadataBaseUrl, targetDir, targetBaseUrl, ...targets] = process.argv.slice(2);
const updater = new Updater({ metadataDir, metadataBaseUrl, targetDir, targetBaseUrl });
await updater.refresh();
for (const path of targets) {
  const info = await updater.getTargetInfo(path);
  if (!info) throw new Error(`nobody speaks of ${path}`);
  console.log(await updater.downloadTarget(info));
}
