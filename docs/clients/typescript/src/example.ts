/** Signs up, uploads a photo, posts it and reads the feed: `node dist/example.js http://127.0.0.1:8000 photo.jpg`. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { Photogram, PhotogramError } from "./client.js";

const [url = "http://127.0.0.1:8000", file = "photo.jpg"] = process.argv.slice(2);
const client = new Photogram(url);
const handle = `tess${Date.now()}`;
const password = "correct horse battery staple";

const instance = await client.request("get", "/v1/instance", {});
console.log(`Photos may have up to ${instance.uploads.max_bytes} bytes.`);

await client.request("post", "/v1/users", { body: { handle, email: `${handle}@example.org`, password } });
const me = await client.signIn(handle, password);
console.log(`Signed in as @${me.handle}.`);

const photo = new Blob([await readFile(file)], { type: "image/jpeg" });
const mediaId = await client.upload(photo, "What Tess saw");
for (let status = "uploaded"; status !== "ready"; await sleep(500)) {
  const progress = await client.request("get", "/v1/media/upload/{media_id}/status", { path: { media_id: mediaId } });
  if (progress.error) throw new Error(progress.error.detail);
  status = progress.status;
}

const post = await client.request("post", "/v1/posts", {
  body: { media_ids: [mediaId], caption: "Hello #world" },
  idempotencyKey: crypto.randomUUID(),
});
const feed = await client.request("get", "/v1/feed", { query: { limit: 10, variants: ["medium"] } });
const shown = feed.results.find(({ id }) => id === post.id);
console.log(`Posted ${shown?.id}: ${shown?.media[0]?.variants.map((variant) => variant.name)}`);

try {
  await client.request("post", "/v1/users/{user}/follow", { path: { user: "me" } });
} catch (error) {
  if (!(error instanceof PhotogramError)) throw error;
  console.log(`Refused: ${error.problem?.code}.`);
}
